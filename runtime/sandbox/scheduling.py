"""How the container's program shares the machine: its place among the others, and its execution domain.

    scheduler, ioPriority        set on the waiting process by its maker, whose rights reach further than those of root
                                 in a user namespace; an ordinary user's process sets them itself, as its own
    memoryPolicy, personality    a process sets them for itself alone; clone(2) and execve(2) keep them
    execCPUAffinity              before and after a process that exec adds enters its cgroup, whose cpuset may change it

All of it comes late: nothing that sets the container up should run under a scheduler meant for its program.
Source: runtime-spec: config.md#linux-process, config-linux.md#memory-policy, #personality.
"""

from __future__ import annotations

import errno
import os

from runtime.errors import InitFault
from runtime.kernel import numbers
from runtime.kernel.lists import parse_list
from runtime.kernel.scheduling import (
    CPUS_LIMIT,
    IO_CLASSES,
    IOPRIO_WHO_PROCESS,
    MEMORY_FLAGS,
    MEMORY_MODES,
    NODES_LIMIT,
    PERSONALITIES,
    POLICIES,
    SCHED_FLAGS,
    ioprio_set,
    ioprio_value,
    personality,
    sched_attributes,
    sched_setattr,
    set_mempolicy,
)
from runtime.sandbox.program import CONFIG_PLACE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NamedTuple

    from runtime.sandbox.last_calls import LastCalls
else:
    from runtime.values import NamedTuple

STEP = "scheduling"
OURSELVES = 0


class Scheduler(NamedTuple):
    """``attributes`` is a struct sched_attr; ``name`` is that of the policy, for error texts."""

    name: str
    priority: int
    attributes: bytes


class IoPriority(NamedTuple):
    """``value`` is what ioprio_set(2) takes; ``name`` is for error texts."""

    name: str
    value: int


class MemoryPolicy(NamedTuple):
    """set_mempolicy(2): ``mode`` with its flags; ``name`` is for error texts."""

    name: str
    mode: int
    nodes: tuple[int, ...]


class SchedulingPlan(NamedTuple):
    """``None`` and no CPUs leave what is inherited; ``by_maker``: who makes the container sets the first two.

    ``place`` is where the process is written, for messages.
    """

    scheduler: Scheduler | None
    io_priority: IoPriority | None
    memory_policy: MemoryPolicy | None
    persona: int | None
    initial_cpus: tuple[int, ...]
    final_cpus: tuple[int, ...]
    by_maker: bool
    place: str


def plan_scheduling(config: Mapping[str, Any], *, rootless: bool, place: str = CONFIG_PLACE) -> SchedulingPlan:
    """What a checked config asks for, whose ``process`` was found at ``place``."""
    process, linux = config["process"], config.get("linux", {})
    domain = linux.get("personality", {}).get("domain")
    affinity = process.get("execCPUAffinity", {})
    return SchedulingPlan(
        scheduler=_plan_scheduler(process.get("scheduler")),
        io_priority=_plan_io_priority(process.get("ioPriority")),
        memory_policy=_plan_memory_policy(linux.get("memoryPolicy")),
        persona=None if domain is None else PERSONALITIES[domain],
        initial_cpus=parse_list(affinity.get("initial", ""), limit=CPUS_LIMIT),
        final_cpus=parse_list(affinity.get("final", ""), limit=CPUS_LIMIT),
        by_maker=not rootless,
        place=place,
    )


def _plan_scheduler(entry: Mapping[str, Any] | None) -> Scheduler | None:
    if not entry:
        return None
    flags = 0
    for name in entry.get("flags", ()):
        flags |= SCHED_FLAGS[name]
    given = {name: entry[name] for name in ("nice", "priority", "runtime", "deadline", "period") if name in entry}
    attributes = sched_attributes(POLICIES[entry["policy"]], flags=flags, **given)
    return Scheduler(entry["policy"], entry.get("priority", 0), attributes)


def _plan_io_priority(entry: Mapping[str, Any] | None) -> IoPriority | None:
    if not entry:
        return None
    name, level = entry["class"], entry.get("priority", 0)  # which only the idle class may leave out
    return IoPriority(f"{name} {level}", ioprio_value(IO_CLASSES[name], level))


def _plan_memory_policy(entry: Mapping[str, Any] | None) -> MemoryPolicy | None:
    if not entry:
        return None
    mode = MEMORY_MODES[entry["mode"]]
    for name in entry.get("flags", ()):
        mode |= MEMORY_FLAGS[name]
    return MemoryPolicy(entry["mode"], mode, parse_list(entry.get("nodes", ""), limit=NODES_LIMIT))


def apply_to_process(plan: SchedulingPlan, pid: int = OURSELVES) -> None:
    """Scheduler and I/O priority of the process.  InitFault."""
    scheduler, io_priority = plan.scheduler, plan.io_priority
    if scheduler:
        _apply(f"{plan.place}/scheduler: {scheduler.name}", lambda: _set_scheduler(pid, scheduler))
    if io_priority:
        _apply(f"{plan.place}/ioPriority: {io_priority.name}", lambda: ioprio_set(pid, io_priority.value))


def _set_scheduler(pid: int, asked: Scheduler) -> None:
    try:
        sched_setattr(pid, asked.attributes)
    except OSError as error:
        if error.errno == errno.EPERM and asked.priority:
            detail = f"{error.strerror} (on cgroup v1 it takes linux.resources.cpu.realtimeRuntime as well)"
            raise OSError(error.errno, detail) from None
        raise


def add_to_calls(calls: LastCalls, plan: SchedulingPlan) -> None:
    """The same, where its maker can't do it, as calls of the process that exec adds: a clone may lose what it had."""
    if plan.by_maker:
        return
    if plan.scheduler:
        told = f"{plan.place}/scheduler: {plan.scheduler.name} can't be set: "
        calls.add(numbers.SCHED_SETATTR, OURSELVES, calls.hold(plan.scheduler.attributes), 0, words=told)
    if plan.io_priority:
        told = f"{plan.place}/ioPriority: {plan.io_priority.name} can't be set: "
        calls.add(numbers.IOPRIO_SET, IOPRIO_WHO_PROCESS, OURSELVES, plan.io_priority.value, words=told)


def apply_to_ourselves(plan: SchedulingPlan) -> None:
    """What only the process itself can set.  InitFault."""
    policy, persona = plan.memory_policy, plan.persona
    if policy:
        _apply(f"config.json#/linux/memoryPolicy: {policy.name}", lambda: set_mempolicy(policy.mode, policy.nodes))
    if persona is not None:
        _apply("config.json#/linux/personality", lambda: personality(persona))


def set_affinity(plan: SchedulingPlan, cpus: tuple[int, ...], member: str) -> None:
    """Run on ``cpus`` from here on, where there are any; ``member`` of execCPUAffinity names them.  InitFault."""
    if cpus:
        shown = ",".join(map(str, cpus))
        _apply(f"{plan.place}/execCPUAffinity/{member}: {shown}", lambda: os.sched_setaffinity(OURSELVES, cpus))


def _apply(what: str, call: Callable[[], None]) -> None:
    try:
        call()
    except OSError as error:
        raise InitFault(STEP, error.errno, f"{what} can't be set: {error.strerror}") from error
