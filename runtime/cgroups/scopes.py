"""Containers whose cgroups systemd makes: planned, begun, limited, ended.

    plan_scope     the unit's name and where its cgroup will lie: on record before anything is made
    begin_scope    a scope around the first process, which waits for its `go` in our own cgroup until then
    settle_scope   what systemd leaves to us of it
    change_scope   systemd learns other limits, before they are written
    end_scope      systemd forgets the unit; without processes it mostly has already

What systemd has no words for is written into the files, as for every other container: the scope is delegated to us.
Source: systemd: docs/CGROUP_DELEGATION.md; org.freedesktop.systemd1(5).
"""

from __future__ import annotations

import os

from runtime.cgroups import annotated, hierarchy, ownership, resources, systemd, units, v1, v2
from runtime.cgroups.claims import paths_of, write_file
from runtime.cgroups.processes import has_process
from runtime.cgroups.writing import DIRECTORY
from runtime.errors import CgroupFault, Unsupported
from runtime.kernel import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from runtime.cgroups.devices import Rule
    from runtime.cgroups.hierarchy import CgroupPlan
    from runtime.cgroups.resources import Write
    from runtime.cgroups.units import Property, Unit
    from runtime.roots import Roots

MODE = 0o755


def plan_scope(
    config: Mapping[str, Any], container_id: str, rules: tuple[Rule, ...], roots: Roots, *, rootless: bool
) -> CgroupPlan:
    """The plan of a container in a scope of its own.  SpecFault, CgroupFault, Unsupported."""
    linux = config.get("linux", {})
    asked: Mapping[str, Any] = linux.get("resources", {})
    uid = procfs.outer_uid(roots.proc, os.geteuid()) if rootless else None
    unit = units.plan_unit(linux.get("cgroupsPath", ""), container_id, uid)
    unit = unit._replace(asked=annotated.asked_properties(config.get("annotations") or {}))
    version = hierarchy.find_version(roots)
    if version == 0:
        raise CgroupFault(f"--systemd-cgroup: no cgroups are mounted on {roots.cgroup}", hint="mount them")
    if version == 1:
        _check_v1(rules, rootless=rootless)
    with systemd.Manager(uid, proc=roots.proc) as manager:
        path = f"{manager.manager_cgroup()}/{units.directory_of(unit)}"
    if version == 1:
        return v1.plan(asked, path, rules, roots, rootless=False)._replace(unit=unit)
    return v2.with_owner(
        v2.plan_at(f"{roots.cgroup}{path}", asked, rules, roots, rootless=rootless), config, roots
    )._replace(unit=unit)


def _check_v1(rules: tuple[Rule, ...], *, rootless: bool) -> None:
    if rootless:
        raise Unsupported(
            "--systemd-cgroup: a user's systemd manages no cgroups of version 1", hint="leave it out, or boot with v2"
        )
    if units.device_properties(rules) is None:
        raise Unsupported(
            f"config.json#{rules[0].pointer}: systemd has no words for these device rules, and would undo them on v1",
            hint="deny everything first and then allow, or leave --systemd-cgroup out",
        )


def limits_of(version: int, writes: Mapping[str, tuple[Write, ...]]) -> list[Property]:
    """The properties for ``writes``, which go by controller."""
    every = [write for each in writes.values() for write in each]
    return units.limits_v2(every) if version == 2 else units.limits_v1(every)


def begin_scope(plan: CgroupPlan, container_id: str, pid: int) -> None:
    """Have systemd make the scope and move ``pid`` into it.  CgroupFault: then there is none that is ours."""
    unit = _unit_of(plan)
    properties = [*units.start_properties(unit, container_id, pid), *limits_of(plan.version, plan.writes)]
    if unit.uid is None:
        properties += units.device_properties(plan.rules) or ()
    with systemd.Manager(unit.uid) as manager:
        manager.start_scope(unit.name, annotated.overruled(properties, unit.asked))


def _unit_of(plan: CgroupPlan) -> Unit:
    if plan.unit is None:
        raise AssertionError("a scope was to begin that nobody planned")
    return plan.unit


def settle_scope(plan: CgroupPlan, pid: int) -> None:
    """Where systemd has made no cgroup, or offers no controller, do so.  CgroupFault."""
    if plan.version == 1:
        _complete_v1(plan, pid)
    else:
        _complete_v2(plan, pid)


def _complete_v1(plan: CgroupPlan, pid: int) -> None:
    """systemd makes a directory in the hierarchies that it knows, and leaves the others to us."""
    try:
        for path in dict.fromkeys(plan.paths.values()):
            os.makedirs(path, MODE, exist_ok=True)
        v1.prepare(plan)
        for path in dict.fromkeys(plan.paths.values()):
            fd = os.open(path, DIRECTORY)
            try:
                write_file(fd, "cgroup.procs", str(pid))
            finally:
                os.close(fd)
    except OSError as error:
        raise CgroupFault(f"the cgroup {error.filename or path} can't be entered: {error.strerror}") from error


def _complete_v2(plan: CgroupPlan, pid: int) -> None:
    path = plan.paths[v2.UNIFIED]
    if not has_process(path, pid):
        raise CgroupFault(
            f"systemd has put the container elsewhere than into {path}",
            hint="have only one cgroup hierarchy mounted, that of systemd",
        )
    v2.offer(path, plan.mount_point, plan.writes[v2.UNIFIED])
    if plan.owner is not None:
        ownership.give(path, plan.owner, plan.given)


def change_scope(
    cgroup: Mapping[str, Any],
    writes: Mapping[str, tuple[Write, ...]],
    old: Mapping[str, Any],
    *,
    take_back: bool = False,
) -> None:
    """Tell systemd of ``writes``, or with ``take_back`` of what the resources ``old`` asked for.  CgroupFault."""
    properties = limits_of(cgroup["version"], writes)
    if take_back:
        before = resources.plan_v1(old) if cgroup["version"] == 1 else {v2.UNIFIED: resources.plan_v2(old)}
        known = {name: (name, signature, value) for name, signature, value in limits_of(cgroup["version"], before)}
        properties = [known.get(each[0], each) for each in units.unlimited(properties)]
    with systemd.Manager(units.manager_of(paths_of(cgroup)[0])) as manager:
        manager.set_properties(cgroup["scope"], properties)


def end_scope(cgroup: Mapping[str, Any]) -> None:
    """Have systemd end the scope, if it still has it.  CgroupFault."""
    with systemd.Manager(units.manager_of(paths_of(cgroup)[0])) as manager:
        manager.stop_scope(cgroup["scope"])
