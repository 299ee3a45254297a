"""Other limits for a container that is there: what to write, and how to take it back.

    plan_update    PURE: what is asked for, and what holds already -> writes
    apply_update   carries them out; ``Applied.take_back`` undoes them, last first

Some files hold several members, and some members undo each other: swap of v2 is counted without memory, cpu.max has
quota and period, a group that was idle has lost its shares.  So one of them is planned with what holds for the others.
Source: runtime-spec: config-linux.md#control-groups; Documentation/admin-guide/cgroup-v1, cgroup-v2.rst of Linux.
"""

from __future__ import annotations

import os

from runtime.cgroups import resources, v1, v2
from runtime.cgroups.claims import open_claimed, read_file, write_file
from runtime.cgroups.resources import Write
from runtime.cgroups.restoring import OOM_CONTROL, value_before
from runtime.cgroups.writing import put_all
from runtime.errors import CgroupFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NamedTuple

    from runtime.roots import Roots
else:
    from runtime.values import NamedTuple

COUPLED = {
    1: (("cpu", ("idle", "shares")),),
    2: (("cpu", ("idle", "shares")), ("cpu", ("quota", "period")), ("memory", ("limit", "swap"))),
}
# files that were planned for the sake of another one only, unless their own member is asked for
OWN_MEMBERS = {"memory.max": ("memory", "limit"), "cpu.idle": ("cpu", "idle")}


class Done(NamedTuple):
    """A write that was carried out, in the cgroup ``fd`` at ``path``, and what undoes it; None where nothing does."""

    fd: int
    path: str
    file: str
    value: str
    before: str | None


class Applied:
    """What an update has written, as long as it may have to be taken back; owns the fds of the cgroups."""

    def __init__(self) -> None:
        self._done: list[Done] = []
        self._fds: list[int] = []
        self._untell: Callable[[], None] | None = None

    def __enter__(self) -> Applied:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._fds:
            os.close(fd)

    def carry_out(self, path: str, writes: tuple[Write, ...]) -> None:
        """All ``writes`` into the cgroup at ``path``.  CgroupFault."""
        fd = open_claimed(path)
        if fd is None:
            raise CgroupFault(f"the cgroup {path} of the container is gone", hint="look at its state")
        self._fds.append(fd)

        def keep(file: str, value: str, before: str | None) -> None:
            self._done.append(Done(fd, path, file, value, value_before(file, value, before)))

        put_all(fd, path, writes, keep)

    def tell_systemd(
        self, cgroup: Mapping[str, Any], plans: Mapping[str, tuple[Write, ...]], old: Mapping[str, Any]
    ) -> None:
        """Before anything is written: systemd would write what it knows over it.  CgroupFault."""
        from runtime.cgroups import scopes  # D-Bus takes as long to import as a whole command takes to run

        scopes.change_scope(cgroup, plans, old)
        self._untell = lambda: scopes.change_scope(cgroup, plans, old, take_back=True)

    def take_back(self, fault: BaseException) -> None:
        """Undo all writes, last first; what can't be undone becomes a note of ``fault``."""
        if self._untell:
            try:
                self._untell()
            except CgroupFault as error:
                fault.add_note(f"and systemd keeps the new limits: {error}")
        while self._done:
            done = self._done.pop()
            if done.before is None:
                fault.add_note(f"{done.path}/{done.file} keeps {done.value}: it can't be read, and so not restored")
                continue
            try:
                write_file(done.fd, done.file, done.before)
            except OSError as error:
                fault.add_note(f"{done.path}/{done.file} keeps {done.value}: {error.strerror}")


def plan_update(asked: Mapping[str, Any], old: Mapping[str, Any], version: int) -> dict[str, tuple[Write, ...]]:
    """The writes by controller (v2's under ``unified``) for the linux.resources ``asked``, where ``old`` holds.

    Unsupported: that version has no file for it.
    """
    completed = _complete(asked, old, version)
    if version == 2:
        return {v2.UNIFIED: tuple(write for write in resources.plan_v2(completed) if _is_asked(write, asked))}
    plans = {
        controller: tuple(write for write in writes if _is_asked(write, asked))
        for controller, writes in resources.plan_v1(completed).items()
    }
    if asked.get("memory", {}).get("disableOOMKiller") is False:
        enable = Write(OOM_CONTROL, "0", f"{resources.POINTER}/memory/disableOOMKiller")
        plans["memory"] = (*plans.get("memory", ()), enable)
    return plans


def _complete(asked: Mapping[str, Any], old: Mapping[str, Any], version: int) -> dict[str, Any]:
    """``asked`` with the members of ``old`` that those asked for depend on."""
    completed = dict(asked)
    for section, members in COUPLED[version]:
        wanted, known = completed.get(section, {}), old.get(section, {})
        lacking = [member for member in members if member not in wanted and member in known]
        if not any(member in wanted for member in members):
            continue
        if lacking == ["swap"] and wanted["limit"] == -1:
            continue  # without a limit for memory there is none for both together
        completed[section] = {**wanted, **{member: known[member] for member in lacking}}
    return completed


def _is_asked(write: Write, asked: Mapping[str, Any]) -> bool:
    section, member = OWN_MEMBERS.get(write.file, ("", ""))
    return not section or member in asked.get(section, {})


def apply_update(
    asked: Mapping[str, Any], old: Mapping[str, Any], cgroup: Mapping[str, Any] | None, roots: Roots, *, rootless: bool
) -> Applied:
    """Carry ``asked`` out in the record's ``linux.cgroup``.  CgroupFault, Unsupported: all is as it was before."""
    if not asked:
        return Applied()
    if cgroup is None:
        raise CgroupFault(
            "the container has no cgroup of its own, so it can't be limited",
            hint="have a cgroup delegated to you (systemd: Delegate=yes) before you create it",
        )
    paths: Mapping[str, str] = cgroup["paths"]
    plans = plan_update(asked, old, cgroup["version"])
    if cgroup["version"] == 1:
        plans = v1.keep_possible(plans, paths.keys(), rootless=rootless)
    else:
        _check_use(paths[v2.UNIFIED], asked.get("memory", {}))
        v2.offer(paths[v2.UNIFIED], roots.cgroup, plans[v2.UNIFIED])
    applied = Applied()
    try:
        if cgroup["scope"]:
            applied.tell_systemd(cgroup, plans, old)
        for controller, writes in plans.items():
            applied.carry_out(paths[controller], writes)
    except BaseException as fault:
        applied.take_back(fault)
        applied.__exit__()
        raise
    return applied


def _check_use(path: str, memory: Mapping[str, Any]) -> None:
    """A limit below what is used has v2 kill for it; checkBeforeUpdate asks for v1's refusal."""
    limit = memory.get("limit", 0)
    if not memory.get("checkBeforeUpdate") or limit <= 0:
        return
    fd = open_claimed(path)
    if fd is None:
        return
    try:
        used = int(read_file(fd, "memory.current"))
    except FileNotFoundError:
        return  # nothing counts it: the limit itself will be refused
    finally:
        os.close(fd)
    if used > limit:
        raise CgroupFault(
            f"config.json#{resources.POINTER}/memory/limit: {limit} is below the {used} bytes that are used now",
            hint="choose more, or leave checkBeforeUpdate out and have processes killed for it",
        )
