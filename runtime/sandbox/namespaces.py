"""Namespaces: which are new, which are joined, and the id maps of a new user namespace.

    new, but cgroup   in one clone3 of the first process
    cgroup            unshared by the first process once it is in its cgroup, whose root that makes it
    joined            setns in a process between, whose CLONE_PARENT child the first process is
    mount, joined     by the first process, when it has read all that it needs from the host's procfs
    time offsets      unshared and set in that process: what clone3 makes can no longer be moved

Source: runtime-spec: config-linux.md#namespaces, #user-namespace-mappings, #offset-for-time-namespace;
namespaces(7), user_namespaces(7), time_namespaces(7).
"""

from __future__ import annotations

import errno
import fcntl
import os

from runtime.errors import InitFault, SpecFault
from runtime.kernel import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NamedTuple
else:
    from runtime.values import NamedTuple

FLAGS = {
    "user": process.CLONE_NEWUSER,
    "mount": process.CLONE_NEWNS,
    "network": process.CLONE_NEWNET,
    "ipc": process.CLONE_NEWIPC,
    "uts": process.CLONE_NEWUTS,
    "pid": process.CLONE_NEWPID,
    "cgroup": process.CLONE_NEWCGROUP,
    "time": process.CLONE_NEWTIME,
}
NS_GET_NSTYPE = 0xB703  # ioctl_ns(2)
OFFSETS = "/proc/self/timens_offsets"  # Linux 5.6


class IdRange(NamedTuple):
    """One line of an id map: ``size`` ids from ``inside`` on are those from ``outside`` on."""

    inside: int
    outside: int
    size: int


class Joined(NamedTuple):
    """A namespace to enter, by its path on the host; ``place`` is its index in linux.namespaces."""

    kind: str
    path: str
    place: int


class ClockOffset(NamedTuple):
    """What a clock of the container is ahead of the host's."""

    clock: str
    secs: int
    nanosecs: int


class NamespacePlan(NamedTuple):
    """``new`` holds the kinds that are made, the maps are empty unless a user namespace is among them."""

    new: tuple[str, ...]
    joined: tuple[Joined, ...]
    uid_map: tuple[IdRange, ...]
    gid_map: tuple[IdRange, ...]
    denies_setgroups: bool
    offsets: tuple[ClockOffset, ...] = ()

    @property
    def has_user(self) -> bool:
        """Whether the container is in another user namespace than its maker."""
        return "user" in self.new or any(joined.kind == "user" for joined in self.joined)

    @property
    def shares_mounts(self) -> bool:
        """Whether others live in the container's mount namespace: it is the runtime's, or joined."""
        return "mount" not in self.new

    @property
    def joins_mounts(self) -> bool:
        """Whether the mount namespace is joined, so that paths mean what they mean there."""
        return any(joined.kind == "mount" for joined in self.joined)

    def clone_flags(self) -> int:
        """CLONE_* for the new ones, without the cgroup namespace."""
        flags = 0
        for kind in self.new:
            flags |= FLAGS[kind]
        return flags & ~process.CLONE_NEWCGROUP


def plan_namespaces(config: Mapping[str, Any], *, rootless: bool) -> NamespacePlan:
    """The namespaces of a checked config; the maps of a joined user namespace are its own affair."""
    linux = config.get("linux", {})
    entries = linux.get("namespaces", ())
    new = tuple(entry["type"] for entry in entries if not entry.get("path"))
    joined = tuple(
        Joined(entry["type"], entry["path"], index) for index, entry in enumerate(entries) if entry.get("path")
    )
    makes_user = "user" in new
    uid_map = plan_map(linux.get("uidMappings", ())) if makes_user else ()
    gid_map = plan_map(linux.get("gidMappings", ())) if makes_user else ()
    return NamespacePlan(
        new=new,
        joined=joined,
        uid_map=uid_map,
        gid_map=gid_map,
        denies_setgroups=makes_user and rootless and is_own_map(gid_map, os.getegid()),
        offsets=tuple(
            ClockOffset(clock, offset.get("secs", 0), offset.get("nanosecs", 0))
            for clock, offset in linux.get("timeOffsets", {}).items()
        ),
    )


def plan_map(entries: Sequence[Mapping[str, int]]) -> tuple[IdRange, ...]:
    """The lines of uidMappings or gidMappings."""
    return tuple(IdRange(entry["containerID"], entry["hostID"], entry["size"]) for entry in entries)


def is_own_map(lines: Sequence[IdRange], own: int) -> bool:
    """Whether the map holds the caller's own id alone, which an unprivileged process may write itself."""
    return len(lines) == 1 and lines[0].size == 1 and lines[0].outside == own


def map_text(lines: Sequence[IdRange]) -> str:
    """What /proc/<pid>/uid_map takes."""
    return "".join(f"{line.inside} {line.outside} {line.size}\n" for line in lines)


def open_joined(plan: NamespacePlan) -> list[tuple[Joined, int]]:
    """Open the namespaces to join, checked to be of their kind.  SpecFault names the entry."""
    opened: list[tuple[Joined, int]] = []
    try:
        for joined in plan.joined:
            opened.append((joined, _open_namespace(joined)))
    except BaseException:
        for _, fd in opened:
            os.close(fd)
        raise
    return opened


def _open_namespace(joined: Joined) -> int:
    pointer = f"/linux/namespaces/{joined.place}/path"
    try:
        fd = os.open(joined.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SpecFault(
            pointer, f"{joined.path}: {error.strerror}", hint="name the namespace of a live process"
        ) from None
    try:
        kind = fcntl.ioctl(fd, NS_GET_NSTYPE)
    except OSError:
        kind = 0  # not a namespace at all
    if kind != FLAGS[joined.kind]:
        os.close(fd)
        raise SpecFault(pointer, f"{joined.path} is not a {joined.kind} namespace", hint="name one, or leave path out")
    return fd


def enter(opened: Sequence[tuple[Joined, int]]) -> None:
    """Join them all: the user namespace first where that gives the right to the others, else last."""
    others = [(joined, fd) for joined, fd in opened if joined.kind != "user"]
    users = [(joined, fd) for joined, fd in opened if joined.kind == "user" and not _is_own(joined, fd)]
    try:
        for joined, fd in others:
            process.setns(fd, FLAGS[joined.kind])
    except OSError as error:
        if error.errno != errno.EPERM or not users:
            raise
        for joined, fd in (*users, *others):
            process.setns(fd, FLAGS[joined.kind])
        return
    for joined, fd in users:
        process.setns(fd, FLAGS[joined.kind])


def _is_own(joined: Joined, fd: int) -> bool:
    """Whether we are in it already: a user namespace can't be entered from within (setns(2), EINVAL)."""
    return os.path.samestat(os.fstat(fd), os.stat(f"/proc/self/ns/{joined.kind}"))


def open_offsets() -> int:
    """Where the offsets are written, opened while procfs shows us as our own: the kernel asks what the opener may."""
    try:
        return os.open(OFFSETS, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        told = "config.json#/linux/timeOffsets: this kernel has no time namespaces (CONFIG_TIME_NS)"
        raise InitFault("time offsets", error.errno, told) from error


def move_clocks(offsets_fd: int, offsets: Sequence[ClockOffset]) -> None:
    """Make a time namespace for our children, and set its clocks before the first of them is in it.  InitFault."""
    process.unshare(process.CLONE_NEWTIME)
    for clock, secs, nanosecs in offsets:
        try:
            os.write(offsets_fd, f"{clock} {secs} {nanosecs}\n".encode())
        except OSError as error:
            told = f"config.json#/linux/timeOffsets/{clock}: {secs}.{nanosecs:09} s can't be set: {error.strerror}"
            raise InitFault("time offsets", error.errno, told) from error
