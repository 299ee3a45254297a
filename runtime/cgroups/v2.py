"""Cgroup v2: one directory, that a process is cloned into, and controllers that each group offers to those beneath.

A group with processes of its own, the root apart, may offer none but the controllers of threads; with these it becomes
the head of threads, and what lies beneath takes no process until it is `threaded` itself.

    above has processes, and no limit is asked for   nothing is offered: the container's group is like any other
    limits of threads' controllers alone             they are offered, and the container's group is threaded
    another limit                                    refused

Source: Documentation/admin-guide/cgroup-v2.rst of Linux, "Threads", "No Internal Process Constraint".
"""

from __future__ import annotations

import os

from runtime.cgroups import device_bpf, hierarchy, ownership, resources
from runtime.cgroups.hierarchy import CgroupPlan
from runtime.cgroups.placing import is_writable, nothing, place, refuse_limits
from runtime.cgroups.writing import DIRECTORY, get, put
from runtime.errors import CgroupFault
from runtime.kernel import bpf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from runtime.cgroups.devices import Rule
    from runtime.cgroups.hierarchy import Entry
    from runtime.cgroups.resources import Write
    from runtime.roots import Roots

UNIFIED = "unified"
OFFERED = "cgroup.subtree_control"
TYPE = "cgroup.type"
INVALID, THREADED = "domain invalid", "threaded"
OF_THREADS = ("cpu", "cpuset", "perf_event", "pids")


def plan(asked: Mapping[str, Any], path: str, rules: tuple[Rule, ...], roots: Roots, *, rootless: bool) -> CgroupPlan:
    """The container's directory.  CgroupFault: limits are asked for where this user may write nothing."""
    directory = place(path, roots, None)
    if rootless and not (is_writable(directory, roots.cgroup) and _may_move(roots, directory)):
        refuse_limits(resources.demanded(resources.plan_v2(asked)), "this user may not write to the cgroup")
        return nothing(rootless=True)
    return plan_at(directory, asked, rules, roots, rootless=rootless)


def plan_at(
    directory: str, asked: Mapping[str, Any], rules: tuple[Rule, ...], roots: Roots, *, rootless: bool
) -> CgroupPlan:
    """The plan of a container whose cgroup is ``directory``."""
    writes = resources.plan_v2(asked)
    return CgroupPlan(2, {UNIFIED: directory}, (), {UNIFIED: writes}, rules, rootless, roots.cgroup)


def with_owner(plan: CgroupPlan, config: Mapping[str, Any], roots: Roots) -> CgroupPlan:
    """``plan`` with whom the cgroup is given to; only root may give anything away."""
    owner = None if plan.rootless else ownership.plan_owner(config)
    return plan if owner is None else plan._replace(owner=owner, given=ownership.delegated_files(roots.sys))


def _may_move(roots: Roots, directory: str) -> bool:
    """A process moves only for somebody who may write cgroup.procs of the group above both its old and its new one."""
    above = os.path.commonpath((hierarchy.own_directory(roots, None), directory))
    return os.access(f"{above}/cgroup.procs", os.W_OK, effective_ids=True)


def prepare(plan: CgroupPlan) -> None:
    """Have the groups on the way down offer the controllers, the last one none.  CgroupFault: a limit needs one.

    The others are for those who read: usage and OOM kills are only counted where a controller is.
    """
    offer(plan.paths[UNIFIED], plan.mount_point, plan.writes[UNIFIED])
    _take_back_offers(plan.paths[UNIFIED])
    if plan.owner is not None:
        ownership.give(plan.paths[UNIFIED], plan.owner, plan.given)


def offer(directory: str, mount_point: str, writes: Sequence[Write]) -> None:
    """Have the groups between ``mount_point`` and ``directory`` offer what ``writes`` need, and what else there is."""
    # those that a group with processes refuses come first, while nothing has made it a head of threads
    needed = sorted(resources.controllers_v2(writes), key=OF_THREADS.__contains__)
    ancestors = []
    here = directory
    while here.startswith(f"{mount_point}/"):
        here = os.path.dirname(here)
        ancestors.append(here)
    for ancestor in reversed(ancestors):
        _join_threads(ancestor)
        offered = (get(ancestor, OFFERED) or "").split()
        for controller in needed:
            if controller not in offered:
                pointer = next(write.pointer for write in writes if write.file.split(".", 1)[0] == controller)
                put(ancestor, resources.Write(OFFERED, f"+{controller}", pointer))
        _offer_more(ancestor, (*offered, *needed))
    _join_threads(directory)


def _join_threads(directory: str) -> None:
    """Make a group threaded that could take no process otherwise, since one above is a head of threads."""
    if get(directory, TYPE) == INVALID:  # the root has no such file
        put(directory, resources.Write(TYPE, THREADED, "/linux/cgroupsPath"))


def _offer_more(ancestor: str, offered: tuple[str, ...]) -> None:
    more = [each for each in (get(ancestor, "cgroup.controllers") or "").split() if each not in offered]
    if not more or _has_own_processes(ancestor):
        return  # it would become a head of threads, for nothing that was asked for
    for controller in more:
        try:
            put(ancestor, resources.Write(OFFERED, f"+{controller}", "/linux/cgroupsPath"))
        except CgroupFault:
            continue  # not delegated: nothing that was asked for depends on it


def _has_own_processes(directory: str) -> bool:
    """Whether this group, not the root of all, would compete with those beneath it; a threaded one always does."""
    kind = get(directory, TYPE)
    return kind is not None and (kind == THREADED or bool(get(directory, "cgroup.procs")))


def _take_back_offers(directory: str) -> None:
    """A group that was somebody's parent before offers controllers still, and as long as it does takes no process."""
    for controller in (get(directory, OFFERED) or "").split():
        try:
            put(directory, resources.Write(OFFERED, f"-{controller}", "/linux/cgroupsPath"))
        except CgroupFault as fault:
            raise CgroupFault(
                f"the cgroup {directory} can't be entered: those beneath it use the {controller} controller",
                hint="name another in linux.cgroupsPath, or remove them",
            ) from fault


def open_entry(plan: CgroupPlan) -> Entry:
    """The directory, for CLONE_INTO_CGROUP."""
    return hierarchy.Entry(2, (), os.open(plan.paths[UNIFIED], os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), ())


def apply_rules(plan: CgroupPlan) -> None:
    """Let a BPF program judge each open and mknod.  CgroupFault."""
    try:
        loaded = bpf.load_device_program(device_bpf.program(plan.rules))
        try:
            fd = os.open(plan.paths[UNIFIED], DIRECTORY)
            try:
                bpf.attach_device_program(fd, loaded)
            finally:
                os.close(fd)
        finally:
            os.close(loaded)
    except OSError as error:
        raise CgroupFault(
            f"config.json#{plan.rules[0].pointer}: the device rules can't be set on {plan.paths[UNIFIED]}: "
            f"{error.strerror}",
            hint="this needs CAP_BPF or CAP_SYS_ADMIN, and a kernel with CONFIG_CGROUP_BPF",
        ) from error
