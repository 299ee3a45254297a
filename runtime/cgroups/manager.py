"""The life of a container's cgroups: planned, made, limited, entered, removed.

    plan_cgroup     where they will lie and what will be written; touches nothing
    record_cgroup   the record's linux.cgroup, on disk before anything is made
    make            directories, refused where somebody's processes are in them already
    open_entry      what the first process enters them by
    adopt, settle   where systemd makes them: only now, around the first process
    apply           limits and device rules
    remove          everything beneath, deepest first; parents stay, since others may share them

    cgroupsPath     absolute: below each hierarchy's root; relative: below the cgroup that we are in;
                    absent: /<id> for root, <id> relative for everybody else
                    with systemd: slice:prefix:name (see units.py)

An existing cgroup with nothing in it is used, and removed with the container, like one that was made for it.
Source: runtime-spec: config-linux.md#cgroups-path; cgroups(7).
"""

from __future__ import annotations

import errno
import os
import select
import time

from runtime.cgroups import hierarchy
from runtime.cgroups.claims import open_claimed, paths_of, walk
from runtime.cgroups.frozen import is_frozen
from runtime.cgroups.hierarchy import CgroupPlan
from runtime.cgroups.placing import nothing, refuse_limits
from runtime.cgroups.writing import DIRECTORY, put
from runtime.errors import CgroupFault, Fault, SpecFault
from runtime.late import Late

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from runtime.cgroups import devices, freezer, processes, resources, v1, v2
    from runtime.cgroups.hierarchy import Entry
    from runtime.roots import Roots
else:
    # a machine has one of v1 and v2; a container that is made needs nothing of what others need later, and the reverse
    devices, freezer, processes, resources, v1, v2 = (
        Late(f"runtime.cgroups.{name}") for name in ("devices", "freezer", "processes", "resources", "v1", "v2")
    )

__all__ = ["CgroupPlan", "is_frozen"]  # of those who know a container's cgroups by this module alone

MODE = 0o755
SIGKILL = 9
SCOPE_COLONS = 2
REMOVE_WAIT_S = 2.0
REMOVE_PAUSE_MS = 1
REMOVE_PAUSE_MOST_MS = 100


def plan_cgroup(
    config: Mapping[str, Any], *, container_id: str, roots: Roots, rootless: bool, by_systemd: bool = False
) -> CgroupPlan:
    """Where the container's cgroups will lie.  SpecFault, CgroupFault, Unsupported: what is asked for can't be had."""
    linux = config.get("linux", {})
    asked: Mapping[str, Any] = linux.get("resources", {})
    path: str = linux.get("cgroupsPath", "")
    rules = devices.plan_rules(asked)
    if by_systemd:
        from runtime.cgroups import scopes  # D-Bus takes as long to import as a whole command takes to run

        return scopes.plan_scope(config, container_id, rules, roots, rootless=rootless)
    if names_scope(path):
        raise SpecFault(
            "/linux/cgroupsPath",
            f"{path} names a systemd slice, which needs --systemd-cgroup",
            hint="give that option, or name a path, such as /containers/one",
        )
    path = path or (container_id if rootless else f"/{container_id}")
    version = hierarchy.find_version(roots)
    if version == 2:
        return v2.with_owner(v2.plan(asked, path, rules, roots, rootless=rootless), config, roots)
    if version == 1:
        return v1.plan(asked, path, rules, roots, rootless=rootless)
    refuse_limits(resources.demanded(resources.plan_v2(asked)), f"no cgroups are mounted on {roots.cgroup}")
    if rules and not rootless:
        raise CgroupFault(
            f"config.json#{rules[0].pointer}: the device rules can't be set: no cgroups are mounted on {roots.cgroup}",
            hint="mount them, or leave the rules out",
        )
    return nothing(rootless=rootless)


def names_scope(path: str) -> bool:
    """Whether a cgroupsPath is slice:prefix:name, for systemd."""
    return path.count(":") == SCOPE_COLONS and "/" not in path


def plan_none(config: Mapping[str, Any], *, rootless: bool) -> CgroupPlan:
    """For a caller who wants no cgroup: the container stays in ours.  CgroupFault where a limit is asked for.

    Device rules are not enforced: the callers that want no cgroup send theirs all the same.
    """
    asked: Mapping[str, Any] = config.get("linux", {}).get("resources", {})
    refuse_limits(resources.plan_v2(asked), "--cgroup-manager is disabled")
    return nothing(rootless=rootless)


def record_cgroup(plan: CgroupPlan) -> Any:
    """The record's ``linux.cgroup``, a JSON object; None where the container has none of its own."""
    if plan.version == 0:
        return None
    return {"version": plan.version, "paths": plan.paths, "scope": plan.unit.name if plan.unit else None}


def mount_points(plan: CgroupPlan) -> dict[str, str]:
    """Where the hierarchy of each of the record's paths is mounted."""
    if plan.version == 2:
        return dict.fromkeys(plan.paths, plan.mount_point)
    return {name: each.mount_point for each in plan.hierarchies for name in (each.controllers() or (each.name,))}


def make(plan: CgroupPlan) -> None:
    """Make the directories; an existing one is taken if nothing is in it.  CgroupFault: nothing new is left over.

    Those that systemd makes come with ``adopt``.
    """
    if plan.unit:
        return
    made: list[str] = []
    try:
        for path in dict.fromkeys(plan.paths.values()):
            _make_directory(path, made)
        if plan.version == 1:
            v1.prepare(plan)
        elif plan.version == 2:
            v2.prepare(plan)
        _refuse_frozen(plan)
    except BaseException as fault:
        _take_back(made, fault)
        raise


def refuse_taken_scope(plan: CgroupPlan) -> None:
    """CgroupFault where processes run in a scope of that name, while nothing on record could claim that it is ours.

    systemd refuses it too, but only once a record names it: whoever died then would leave one whose end was theirs.
    """
    if plan.unit and processes.has_processes({"paths": plan.paths}):
        raise CgroupFault(
            f"the scope {plan.unit.name} is in use: other processes are in it",
            hint="name another in linux.cgroupsPath, or end them",
        )


def _refuse_frozen(plan: CgroupPlan) -> None:
    """What enters a frozen cgroup stops there, and `create` would wait for it for ever."""
    if is_frozen({"paths": plan.paths}):
        raise CgroupFault(
            f"the cgroup {plan.paths.get('unified') or plan.paths['freezer']} is frozen",
            hint="thaw it and those above it, or name another in linux.cgroupsPath",
        )


def _make_directory(path: str, made: list[str]) -> None:
    """It and its parents; what is new goes to the end of ``made``."""
    missing = [path]
    try:
        while missing:
            try:
                os.mkdir(missing[-1], MODE)
                made.append(missing[-1])
            except FileExistsError:
                pass  # it was there, or somebody has just made it: a parent may be shared
            except FileNotFoundError:
                missing.append(os.path.dirname(missing[-1]))
                continue
            missing.pop()
        is_new = bool(made) and made[-1] == path
        if not is_new and processes.has_processes({"paths": {"here": path}}):
            raise CgroupFault(
                f"the cgroup {path} is in use: other processes are in it",
                hint="name another in linux.cgroupsPath, or end them",
            )
    except OSError as error:
        raise CgroupFault(f"the cgroup {path} can't be made: {error.strerror}") from error


def _take_back(made: list[str], fault: BaseException) -> None:
    for path in reversed(made):
        try:
            os.rmdir(path)
        except OSError as error:
            fault.add_note(f"the cgroup {path} can't be removed: {error.strerror}")


def open_entry(plan: CgroupPlan) -> Entry:
    """Open what the first process enters by; the caller closes the fds.  CgroupFault."""
    if plan.unit:
        return hierarchy.Entry(plan.version, (), None, plan.hierarchies)
    try:
        if plan.version == 2:
            return v2.open_entry(plan)
        if plan.version == 1:
            return v1.open_entry(plan.hierarchies)
    except OSError as error:
        raise CgroupFault(f"the cgroup {error.filename} can't be entered: {error.strerror}") from error
    return hierarchy.Entry(0, (), None, ())


def adopt(plan: CgroupPlan, container_id: str, pid: int) -> None:
    """Have systemd make the cgroups around the first process, where they are its to make.

    CgroupFault: it has not, and what there is under that name is somebody else's.
    """
    if plan.unit:
        from runtime.cgroups import scopes  # see plan_cgroup

        scopes.begin_scope(plan, container_id, pid)


def settle(plan: CgroupPlan, pid: int) -> None:
    """After ``adopt``: complete what systemd has made.  CgroupFault."""
    if plan.unit:
        from runtime.cgroups import scopes  # see plan_cgroup

        scopes.settle_scope(plan, pid)


def apply(plan: CgroupPlan) -> None:
    """Set limits and device rules.  CgroupFault names the file, the value and the member of config.json."""
    for name, writes in plan.writes.items():
        if writes:
            put(plan.paths[name], *writes)
    if not plan.rules or plan.rootless:
        return  # only root may set device rules; for an ordinary user the kernel's own permissions rule
    if plan.version == 1:
        v1.apply_rules(plan)
    elif plan.version == 2:
        v2.apply_rules(plan)


def pids(cgroup: Mapping[str, Any] | None, *, recursive: bool = True) -> list[int]:
    """The pids in the cgroup, and with ``recursive`` in those beneath; of those that our pid namespace knows."""
    return processes.pids(cgroup, recursive=recursive)


def kill_all(cgroup: Mapping[str, Any] | None, signal: int = SIGKILL) -> None:
    """Send ``signal`` to all; with SIGKILL wait until nothing is left.  CgroupFault: something doesn't die."""
    processes.kill_all(cgroup, signal)


def freeze(cgroup: Mapping[str, Any] | None) -> None:
    """Stop all processes where they are; see freezer.py."""
    freezer.freeze(cgroup)


def thaw(cgroup: Mapping[str, Any] | None) -> None:
    """Let them go on; see freezer.py."""
    freezer.thaw(cgroup)


def release(cgroup: Mapping[str, Any] | None) -> None:
    """Let them go on, and wait until they do; see freezer.py."""
    freezer.release(cgroup)


def remove(cgroup: Mapping[str, Any] | None) -> None:
    """Remove the container's cgroups and those beneath them.  CgroupFault: something is still in one."""
    if cgroup and cgroup.get("scope"):
        _end_scope(cgroup)
    deadline = time.monotonic() + REMOVE_WAIT_S
    for path in paths_of(cgroup):
        fd = open_claimed(path)
        if fd is None:
            continue
        try:
            _remove_tree(fd, path, deadline)
        finally:
            os.close(fd)


def remove_unclaimed(cgroup: Mapping[str, Any] | None) -> None:
    """Remove cgroups that a command was to make that died before it claimed them, unless somebody is in them.

    Nothing of such a command can be: it claims first.  A scope, which it claims later, ends with the last in it.
    """
    if cgroup and cgroup.get("scope"):
        return
    for path in paths_of(cgroup):
        fd = open_claimed(path)
        if fd is None:
            continue
        try:
            parent = os.open("..", DIRECTORY, dir_fd=fd)
        finally:
            os.close(fd)
        try:
            _remove_directory(parent, os.path.basename(path.rstrip("/")))
        finally:
            os.close(parent)


def _end_scope(cgroup: Mapping[str, Any]) -> None:
    """systemd ends a scope by itself once nothing runs in it, and so needn't be asked in most cases."""
    if not any(os.path.isdir(path) for path in paths_of(cgroup)):
        return
    try:
        from runtime.cgroups import scopes  # see plan_cgroup

        scopes.end_scope(cgroup)
    except Fault:
        return  # nobody answers: the directories can go all the same, and are what holds the id


def _remove_tree(fd: int, path: str, deadline: float) -> None:
    """By its parent's fd, since ``fd`` is what has been verified.

    A process that has just died leaves its cgroup a moment later; v1 tells nobody, so rmdir is tried again.  While
    a living one is listed, those beneath stay too: then the cgroup may be somebody else's.
    """
    here = {"paths": {"here": path}}
    parent = os.open("..", DIRECTORY, dir_fd=fd)
    pause_ms = REMOVE_PAUSE_MS
    try:
        while (error := _remove_directory(parent, os.path.basename(path.rstrip("/")))) is not None:
            is_late = time.monotonic() >= deadline
            if error != errno.EBUSY or is_late:
                left = pids(here)
                reason = f"processes {left} are in it" if left else os.strerror(error)
                raise CgroupFault(f"the cgroup {path} can't be removed: {reason}")
            if processes.has_processes(here) or not _remove_beneath(fd):
                select.poll().poll(pause_ms)
                pause_ms = min(pause_ms * 2, REMOVE_PAUSE_MOST_MS)
    finally:
        os.close(parent)


def _remove_beneath(fd: int) -> bool:
    """Whether anything was there to remove."""
    is_removed = False
    for parent, name in walk(fd):
        is_removed = _remove_directory(parent, name) is None or is_removed
    return is_removed


def _remove_directory(parent: int, name: str) -> int | None:
    """None once it is gone, or why it isn't."""
    try:
        os.rmdir(name, dir_fd=parent)
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.errno
    return None
