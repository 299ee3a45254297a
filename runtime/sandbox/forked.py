"""The first process of a container as a fork of the interpreter, for what no list can do (listed.py); its id maps.

launch          clone3 with all new namespaces; through a process between where namespaces are joined or clocks moved
write_id_maps   by ourselves, or with newuidmap and newgidmap where an ordinary user maps ranges
"""

from __future__ import annotations

import os

from runtime.errors import Fault, InitFault
from runtime.kernel import process
from runtime.kernel.files import let_go
from runtime.kernel.signals import reset_signals
from runtime.sandbox import channel, init, namespaces
from runtime.sandbox.features import sources
from runtime.sandbox.spawn import Child, abandon

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import NoReturn

    from runtime.sandbox.channel import Channel
    from runtime.sandbox.namespaces import IdRange, Joined
    from runtime.sandbox.plan import InitPlan
    from runtime.sandbox.sources import Sources

_PID = b"pid"
MAP_TOOLS = {"uid": "newuidmap", "gid": "newgidmap"}
MAP_TOOL_PATHS = ("/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin")  # callers pass no PATH


def launch(plan: InitPlan, *, close_fds: Iterable[int]) -> Child:
    """Fork the first process, which waits for ``go``; ``close_fds`` (locks) it closes first.  OSError, SpecFault."""
    opened = namespaces.open_joined(plan.namespaces)
    mine, theirs = channel.make_pair()
    fds = {joined.kind: fd for joined, fd in opened}
    ahead = _sources(plan, fds.get("user"))
    pid = 0
    try:
        if ahead:
            ahead.open(all_binds=plan.opens_sources)
            plan = plan._replace(mounts=ahead.steps)
        plan = plan._replace(mounts_fd=fds.get("mount"), devices_fd=_make_devices(plan))
        entered = [(joined, fd) for joined, fd in opened if joined.kind != "mount"]
        if entered or plan.namespaces.offsets:
            pid = _clone_beyond(plan, entered, mine, theirs, close_fds)
        else:
            pid = process.clone3(plan.namespaces.clone_flags(), cgroup_fd=plan.cgroup.cgroup_fd)
            if pid == 0:
                _become_first(plan, mine, theirs, close_fds)
        return Child(pid, process.pidfd_open(pid), mine)
    except BaseException:
        mine.let_go()
        if pid > 0:
            abandon(pid)
        raise
    finally:
        theirs.let_go()
        if ahead:
            ahead.close()
        let_go(*(fd for _, fd in opened), *([plan.devices_fd] if plan.devices_fd is not None else []))


def _make_devices(plan: InitPlan) -> int | None:
    if not plan.devices.made or "user" not in plan.namespaces.new:
        return None  # of a namespace that is joined the maps aren't ours to know
    from runtime.sandbox.device_nodes import make_nodes  # only devices in a user namespace need it

    try:
        return make_nodes(plan.devices, plan.namespaces.uid_map, plan.namespaces.gid_map)
    except OSError as error:
        told = f"config.json#/linux/devices: they can't be made: {error.strerror}"
        raise InitFault("devices", error.errno, told) from error


def _sources(plan: InitPlan, joined_fd: int | None) -> Sources | None:
    """What has to be opened ahead for mounts; None for most containers."""
    if not plan.opens_sources and not any(step.id_map for step in plan.mounts):
        return None
    elsewhere = plan.namespaces.joins_mounts
    return sources.Sources(plan.mounts, spreads=plan.root.spreads, joined_fd=joined_fd, lie_elsewhere=elsewhere)


def _become_first(plan: InitPlan, mine: Channel, theirs: Channel, close_fds: Iterable[int]) -> NoReturn:
    """The child, from its first instruction on."""
    try:
        for fd in close_fds:
            os.close(fd)
        mine.close()
        init.run(plan, theirs)
    finally:
        os._exit(1)


def _clone_beyond(
    plan: InitPlan,
    opened: Sequence[tuple[Joined, int]],
    mine: Channel,
    theirs: Channel,
    close_fds: Iterable[int],
) -> int:
    """Have a process between enter the namespaces and clone from there; CLONE_PARENT makes the result our child.

    The pid that clone3 returns there is ours too, since setns(2) changes the pid namespace of later children only.
    Who isn't root may move no clock but in a user namespace of its own, so that one is made for the process between.
    """
    flags = plan.namespaces.clone_flags()
    early = flags & process.CLONE_NEWUSER if plan.namespaces.offsets and os.geteuid() else 0
    if plan.namespaces.offsets:
        flags &= ~process.CLONE_NEWTIME
    between = process.clone3(early)
    if between == 0:
        _stand_between(plan, opened, flags & ~early, mine, theirs, close_fds)
    kind, fields, _ = mine.receive()
    os.waitpid(between, 0)
    if kind == _PID:
        return int(fields[0])
    if kind in (channel.FAULT, channel.HOOK):
        raise channel.fault_of(kind, fields)
    raise InitFault("namespaces", None, "the process that joins namespaces ended without a word")


def _stand_between(
    plan: InitPlan,
    opened: Sequence[tuple[Joined, int]],
    flags: int,
    mine: Channel,
    theirs: Channel,
    close_fds: Iterable[int],
) -> NoReturn:
    try:
        offsets_fd = namespaces.open_offsets() if plan.namespaces.offsets else None
        if opened:
            process.set_dumpable(False)  # others live there; who makes the rest needs our files in procfs
            namespaces.enter(opened)
        if offsets_fd is not None:
            namespaces.move_clocks(offsets_fd, plan.namespaces.offsets)
            os.close(offsets_fd)
        pid = process.clone3(flags | process.CLONE_PARENT, exit_signal=0, cgroup_fd=plan.cgroup.cgroup_fd)
        if pid == 0:
            _become_first(plan, mine, theirs, close_fds)
        theirs.send(_PID, b"%d" % pid)
    except BaseException as fault:  # told to the parent, whatever it is: this process has no other way to speak
        channel.tell_fault(theirs, fault, "namespaces")
    finally:
        os._exit(0)


def write_id_maps(child: Child, plan: InitPlan) -> None:
    """Give the new user namespace its maps.  Fault says what an ordinary user lacks."""
    spaces = plan.namespaces
    if "user" not in spaces.new:
        return
    _write_map(child.pid, "uid", spaces.uid_map, os.geteuid(), denies_setgroups=False)
    _write_map(child.pid, "gid", spaces.gid_map, os.getegid(), denies_setgroups=spaces.denies_setgroups)


def _write_map(pid: int, kind: str, lines: Sequence[IdRange], own: int, *, denies_setgroups: bool) -> None:
    if not lines:
        return
    try:
        if denies_setgroups:
            _write(f"/proc/{pid}/setgroups", b"deny")
        _write(f"/proc/{pid}/{kind}_map", namespaces.map_text(lines).encode())
    except PermissionError as error:
        if namespaces.is_own_map(lines, own) or os.geteuid() == 0:
            raise InitFault("id maps", error.errno, f"can't write the {kind} map: {error.strerror}") from error
        _run_map_tool(pid, kind, lines)


def _write(path: str, text: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text)
    finally:
        os.close(fd)


def _run_map_tool(pid: int, kind: str, lines: Sequence[IdRange]) -> None:
    """newuidmap(1) and newgidmap(1): the set-uid programs that map the ranges of /etc/subuid and /etc/subgid."""
    tool = MAP_TOOLS[kind]
    path = next((f"{place}/{tool}" for place in MAP_TOOL_PATHS if os.path.exists(f"{place}/{tool}")), None)
    if path is None:
        raise Fault(f"{tool} is needed to map a range of {kind}s, and is not installed", hint="apt install uidmap")
    numbers = [str(number) for line in lines for number in line]
    worker = os.fork()
    if worker == 0:
        try:
            reset_signals()
            os.execve(path, [tool, str(pid), *numbers], {})
        finally:
            os._exit(127)
    _, status = os.waitpid(worker, 0)
    if status:
        raise Fault(
            f"config.json#/linux/{kind}Mappings: {tool} refused them",
            hint=f"/etc/sub{kind} must grant these ids to you",
        )
