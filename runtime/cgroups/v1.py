"""Cgroup v1: one directory in each hierarchy, and a process joins them one by one.

An ordinary user gets the hierarchies that were delegated; the others are left out, unless a limit needs them.
Source: cgroups(7); Documentation/admin-guide/cgroup-v1 of Linux.
"""

from __future__ import annotations

import os

from runtime.cgroups import devices, hierarchy, resources
from runtime.cgroups.hierarchy import CgroupPlan
from runtime.cgroups.placing import is_writable, nothing, place
from runtime.cgroups.writing import get, put
from runtime.errors import CgroupFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from runtime.cgroups.devices import Rule
    from runtime.cgroups.hierarchy import Entry, Hierarchy
    from runtime.cgroups.resources import Write
    from runtime.roots import Roots

_CPUSET_FILES = ("cpuset.cpus", "cpuset.mems")


def plan(asked: Mapping[str, Any], path: str, rules: tuple[Rule, ...], roots: Roots, *, rootless: bool) -> CgroupPlan:
    """The container's directory in each hierarchy.  CgroupFault: what is asked for needs one that isn't there."""
    writes = resources.plan_v1(asked)
    chosen = []
    for found in hierarchy.find_hierarchies(roots):
        directory = place(path, roots, found)
        if not rootless or is_writable(directory, found.mount_point):
            chosen.append(found._replace(path=directory))
    held = {controller for each in chosen for controller in each.controllers()}
    writes = keep_possible(writes, held, rootless=rootless)
    if rules and not rootless and "devices" not in held:
        raise _lacking("devices", rules[0].pointer, rootless=False)
    if not chosen:
        return nothing(rootless=rootless)
    paths = {name: each.path for each in chosen for name in (each.controllers() or (each.name,))}
    return CgroupPlan(1, paths, tuple(chosen), writes, rules, rootless, roots.cgroup)


def keep_possible(
    writes: Mapping[str, tuple[Write, ...]], held: Collection[str], *, rootless: bool
) -> dict[str, tuple[Write, ...]]:
    """``writes`` without the controllers that aren't ``held`` and needn't be.  CgroupFault: one needs to be."""
    for controller, wanted in writes.items():
        needed = resources.demanded(wanted)
        if needed and controller not in held:
            raise _lacking(controller, needed[0].pointer, rootless=rootless)
    return {controller: wanted for controller, wanted in writes.items() if controller in held}


def _lacking(controller: str, pointer: str, *, rootless: bool) -> CgroupFault:
    if rootless:
        reason, hint = f"this user may not write to the {controller} hierarchy", "have it delegated to you"
    else:
        reason, hint = f"no {controller} hierarchy is mounted", f"mount the {controller} cgroup"
    return CgroupFault(f"config.json#{pointer}: the limit can't be set: {reason}", hint=f"{hint}, or leave it out")


def prepare(plan: CgroupPlan) -> None:
    """What new directories need before anything can join them."""
    if "cpuset" in plan.paths:
        _inherit_cpuset(plan.paths["cpuset"])


def _inherit_cpuset(path: str) -> None:
    """A new cpuset is empty, and takes no process until it has processors and memory nodes: its parent's."""
    for name in _CPUSET_FILES:
        empty = []
        here = path
        while (value := get(here, name)) == "":
            empty.append(here)
            here = os.path.dirname(here)
        if value is None:
            continue  # mounted with noprefix: such a hierarchy isn't for containers, and joining will tell
        for each in reversed(empty):
            put(each, resources.Write(name, value, "/linux/cgroupsPath"))


def open_entry(hierarchies: tuple[Hierarchy, ...]) -> Entry:
    """The ``tasks`` file of each; cgroup.procs would wait 10 ms for an RCU grace period, a thread's move does not."""
    opened: list[int] = []
    try:
        for each in hierarchies:
            opened.append(os.open(f"{each.path}/tasks", os.O_WRONLY | os.O_CLOEXEC))
    except BaseException:
        for fd in opened:
            os.close(fd)
        raise
    return hierarchy.Entry(1, tuple(opened), None, hierarchies)


def apply_rules(plan: CgroupPlan) -> None:
    """Tell the devices controller, in the rules' order.  CgroupFault."""
    lines = dict.fromkeys((*devices.line_v1(rule), rule.pointer) for rule in plan.rules)
    put(plan.paths["devices"], *(resources.Write(*line) for line in lines))
