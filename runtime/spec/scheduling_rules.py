"""Rules for how the program shares the machine: scheduler, memory policy, affinity, execution domain.

Same form as in rules.py.  Source: runtime-spec, config.md#linux-process, config-linux.md#memory-policy; sched(7),
set_mempolicy(2).
"""

from __future__ import annotations

from runtime.errors import SpecFault
from runtime.kernel.lists import parse_list
from runtime.kernel.scheduling import CPUS_LIMIT, NODES_LIMIT
from runtime.spec.fields import linux_of
from runtime.spec.wording import pointer, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.spec.config import Config
    from runtime.spec.wording import Faults

NICE_LEAST, NICE_MOST = -20, 19
REAL_TIME = ("SCHED_FIFO", "SCHED_RR")
PRIORITY_LEAST, PRIORITY_MOST = 1, 99
DEADLINE = "SCHED_DEADLINE"
DEADLINE_MEMBERS = ("runtime", "deadline", "period")
NODELESS_MODES = ("MPOL_DEFAULT", "MPOL_LOCAL")
NODE_MODES = ("MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED_MANY")


def scheduler_fits_its_policy(config: Config) -> Faults:
    """Each policy has its own numbers, and leaves those of the others at 0."""
    scheduler = config["process"].get("scheduler")
    if not scheduler:
        return
    policy = scheduler["policy"]
    nice, priority = scheduler.get("nice", 0), scheduler.get("priority", 0)
    if not NICE_LEAST <= nice <= NICE_MOST:
        yield SpecFault("/process/scheduler/nice", f"{nice} is no nice value", hint="from -20 to 19")
    if policy in REAL_TIME:
        if not PRIORITY_LEAST <= priority <= PRIORITY_MOST:
            yield SpecFault(
                "/process/scheduler/priority", f"{priority} is no priority of {policy}", hint="from 1 to 99"
            )
    elif priority:
        yield SpecFault(
            "/process/scheduler/priority",
            f"{policy} has no priorities",
            hint="leave it out, or choose SCHED_FIFO or SCHED_RR",
        )
    for name in DEADLINE_MEMBERS:
        if policy != DEADLINE and scheduler.get(name):
            yield SpecFault(
                pointer("process", "scheduler", name),
                f"{policy} has no {name}",
                hint=f"leave it out, or choose {DEADLINE}",
            )


def memory_policy_fits_its_mode(config: Config) -> Faults:
    policy = linux_of(config).get("memoryPolicy")
    if not policy:
        return
    mode, nodes = policy["mode"], policy.get("nodes", "")
    yield from _find_bad_list(nodes, NODES_LIMIT, "linux", "memoryPolicy", "nodes")
    if nodes and mode in NODELESS_MODES:
        yield SpecFault("/linux/memoryPolicy/nodes", f"{mode} takes no nodes", hint="leave them out")
    if not nodes and mode in NODE_MODES:
        yield SpecFault("/linux/memoryPolicy/nodes", f"{mode} needs a node", hint='name some, such as "0-3,7"')
    if {"MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"} <= set(policy.get("flags", ())):
        yield SpecFault(
            "/linux/memoryPolicy/flags", "nodes are static or relative, not both", hint="keep one of the flags"
        )


def io_priority_has_a_level(config: Config) -> Faults:
    """The specification wants one always; of IOPRIO_CLASS_IDLE nobody ever looks at it (ioprio_set(2))."""
    asked = config["process"].get("ioPriority")
    if asked and asked["class"] != "IOPRIO_CLASS_IDLE" and "priority" not in asked:
        yield SpecFault("/process/ioPriority", f"{asked['class']} needs its priority", hint="write one from 0 to 7")


def affinities_are_lists(config: Config) -> Faults:
    affinity = config["process"].get("execCPUAffinity", {})
    for name, cpus in (("initial", affinity.get("initial", "")), ("final", affinity.get("final", ""))):
        yield from _find_bad_list(cpus, CPUS_LIMIT, "process", "execCPUAffinity", name)


def personality_has_no_flags(config: Config) -> Faults:
    for index, flag in enumerate(linux_of(config).get("personality", {}).get("flags", ())):
        yield SpecFault(
            pointer("linux", "personality", "flags", index),
            f"{quote(flag)} is no flag: the specification defines none",
            hint="leave it out",
        )


def _find_bad_list(text: str, limit: int, *parts: str | int) -> Faults:
    try:
        parse_list(text, limit=limit)
    except ValueError as error:
        yield SpecFault(pointer(*parts), f"{quote(text)}: {error}", hint="write a list such as 0-3,7")


RULES = (
    scheduler_fits_its_policy,
    memory_policy_fits_its_mode,
    io_priority_has_a_level,
    affinities_are_lists,
    personality_has_no_flags,
)
