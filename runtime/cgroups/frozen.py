"""Whether the kernel has stopped a container's processes: one read, since `state` and `list` ask it of each container.

    v1   freezer.state   FROZEN, also by a cgroup above
    v2   cgroup.events   frozen 1, likewise

What the record names is a claim: the file counts only where it lies on cgroupfs and no symbolic link leads to it.
"""

from __future__ import annotations

import os

from runtime.kernel.files import (
    AT_FDCWD,
    CGROUPFS,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    is_named,
    let_go,
    openat2,
    statfs_type,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
_RESOLVE = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
_READ_BYTES = 4096
_MOUNTS = "/sys/fs/cgroup/"  # where only root mounts and makes anything


def is_frozen(cgroup: Mapping[str, Any] | None) -> bool | None:
    """Whether all processes of the record's ``linux.cgroup`` have been stopped; None where nothing tells."""
    paths: Mapping[str, str] = cgroup["paths"] if cgroup else {}
    if "unified" in paths:
        text = _read(f"{paths['unified']}/cgroup.events")
        return None if text is None else b"frozen 1" in text.split(b"\n")
    if "freezer" in paths:
        text = _read(f"{paths['freezer']}/freezer.state")
        return None if text is None else text == b"FROZEN\n"
    return None


def _read(path: str) -> bytes | None:
    try:
        fd = _open(path)
    except OSError:
        return None  # gone, or hidden
    try:
        return None if fd is None else os.read(fd, _READ_BYTES)
    except OSError:
        return None
    finally:
        if fd is not None:
            let_go(fd)


def _open(path: str) -> int | None:
    """The file, or None where it is another file system's; OSError."""
    if path.startswith(_MOUNTS):
        fd = os.open(path, _FLAGS | os.O_NOFOLLOW | os.O_CLOEXEC)
        if is_named(fd, path):
            return fd
        os.close(fd)
    fd = openat2(AT_FDCWD, path, _FLAGS, resolve=_RESOLVE)
    try:
        magic = statfs_type(fd)
    except OSError:
        magic = 0
    if magic in CGROUPFS:
        return fd
    os.close(fd)
    return None
