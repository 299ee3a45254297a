"""Directories that a record claims to be cgroups, opened only once they have proven to be.

A record is a file that somebody may have planted or damaged; what it names is signalled, frozen and removed as root.
So a claimed path must lead, without a symbolic link, to a directory of cgroupfs that isn't a hierarchy's root.
"""

from __future__ import annotations

import errno
import os
import sys

from runtime.errors import CgroupFault
from runtime.kernel import procfs
from runtime.kernel.files import (
    AT_FDCWD,
    CGROUPFS,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    is_named,
    openat2,
    statfs_type,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_INNER = _DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_ITS_FAULT = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR)
_LINKS_WITHOUT_SUBGROUPS = 2  # each of them adds one (kernfs_refresh_inode in the kernel's fs/kernfs/inode.c)
_RESOLVE = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS


def open_claimed(path: str) -> int | None:
    """An fd of the cgroup at the absolute ``path``; None where it is gone.  CgroupFault: it is no such thing."""
    if not path.startswith("/") or "/../" in f"{path}/":
        raise CgroupFault(f"{path} in the record is no cgroup of a container: it is relative, or climbs with ..")
    proven = _open_proven(path)
    if proven is not None:
        return proven
    try:
        fd = openat2(AT_FDCWD, path, _DIRECTORY, resolve=_RESOLVE)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV):
            return None
        if error.errno in _NOT_ITS_FAULT:
            raise
        raise CgroupFault(f"{path} in the record is no cgroup of a container: {error.strerror}") from None
    if statfs_type(fd) in CGROUPFS and _parent_is_cgroup(fd):
        return fd
    os.close(fd)
    raise CgroupFault(f"{path} in the record is no cgroup of a container", hint="look at its record with `runf state`")


def _open_proven(path: str) -> int | None:
    """The same by what /proc tells of an open directory, if that leaves no doubt.

    It spares ``delete``, which makes no other such call, ctypes: a twentieth of its time.
    """
    if "runtime.kernel.libc" in sys.modules:
        return None
    try:
        fd = os.open(path, _INNER)
    except OSError:
        return None  # openat2 tells why
    if is_named(fd, path) and _is_beneath_hierarchy(path, os.fstat(fd).st_dev):
        return fd
    os.close(fd)
    return None


def _is_beneath_hierarchy(path: str, device: int) -> bool:
    """Whether ``path``, which no link is part of, lies below where cgroupfs of that device is mounted."""
    shown = _cgroupfs()
    above = path
    while above := above.rpartition("/")[0]:
        if shown.get(above) == f"{os.major(device)}:{os.minor(device)}":
            return path not in shown
    return False


_devices: dict[str, str] = {}


def _cgroupfs() -> dict[str, str]:
    """The devices of mounted cgroup file systems by mount point; read once, for a command (proc_pid_mountinfo(5))."""
    if not _devices:
        for line in procfs.mountinfo("/proc").split("\n"):
            if " - cgroup " in line or " - cgroup2 " in line:
                _, _, device, _, mount_point, _ = line.split(" ", 5)
                _devices[mount_point] = device
    return _devices


def _parent_is_cgroup(fd: int) -> bool:
    parent = os.open("..", _DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
    try:
        return statfs_type(parent) in CGROUPFS
    finally:
        os.close(parent)


def paths_of(cgroup: Mapping[str, Any] | None) -> list[str]:
    """The directories of a record's ``linux.cgroup``, each once."""
    return list(dict.fromkeys(cgroup["paths"].values())) if cgroup else []


def subgroups(fd: int) -> list[str]:
    """The names of the cgroups directly beneath; none where it was removed at this moment."""
    try:
        with os.scandir(fd) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def walk(fd: int) -> Iterator[tuple[int, str]]:
    """Every cgroup beneath ``fd``, deepest first, as its parent's fd, valid until the next step, and its name.

    A container that may make cgroups can nest them deeper than a stack or the number of fds reaches, and longer than
    PATH_MAX: so there is no recursion, two fds at most, and no path.
    """
    if os.fstat(fd).st_nlink == _LINKS_WITHOUT_SUBGROUPS:
        return
    here = os.open(".", _INNER, dir_fd=fd)
    try:
        names: list[str] = []
        pending = [subgroups(here)]
        while True:
            if pending[-1]:
                name = pending[-1].pop()
                try:
                    inner = os.open(name, _INNER, dir_fd=here)
                except FileNotFoundError:
                    continue  # removed at this moment
                names.append(name)
                pending.append(subgroups(inner))
            else:
                pending.pop()
                if not pending:
                    return
                inner = os.open("..", _INNER, dir_fd=here)
            os.close(here)
            here = inner
            if len(names) == len(pending):
                yield here, names.pop()
    finally:
        os.close(here)


def read_file(fd: int, name: str) -> str:
    """The text of a file of the cgroup, or with a slash of one beneath it; it may be long."""
    file = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=fd)
    try:
        chunks = []
        while chunk := os.read(file, 65536):
            chunks.append(chunk)
        return b"".join(chunks).decode("ascii", "replace")
    finally:
        os.close(file)


def write_file(fd: int, name: str, value: str) -> None:
    """Write ``value`` in one write(2), as cgroupfs wants it."""
    file = os.open(name, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=fd)
    try:
        os.write(file, value.encode("utf-8", "surrogateescape"))
    finally:
        os.close(file)
