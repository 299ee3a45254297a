"""How one more process gets into the cgroups that a record names, or into one that the container made below them.

    SUBGROUP             below each of the container's cgroups
    CONTROLLER,...:PATH  v1: below those of these controllers alone

Source: cgroups(7); runc-exec(8) for the words of ``--cgroup``.
"""

from __future__ import annotations

import errno
import os

from runtime.cgroups import hierarchy
from runtime.cgroups.claims import open_claimed
from runtime.cgroups.hierarchy import Entry
from runtime.errors import CgroupFault, UsageFault
from runtime.kernel.files import RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, openat2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from runtime.roots import Roots

UNIFIED = "unified"
EVERYWHERE = ""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_BENEATH = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS


def parse_subgroups(texts: Sequence[str]) -> dict[str, str]:
    """Paths by controller, EVERYWHERE for all others.  UsageFault."""
    found: dict[str, str] = {}
    for text in texts:
        controllers, colon, path = text.rpartition(":")
        for name in controllers.split(",") if colon else (EVERYWHERE,):
            if name in found:
                raise UsageFault(f"--cgroup {text}: that place was named before", hint="name one for each controller")
            found[name] = path.lstrip("/")
    return found


def open_entry(cgroup: Mapping[str, Any] | None, subgroups: Mapping[str, str]) -> Entry:
    """What the process enters by; the caller closes the fds.  CgroupFault: it isn't there."""
    if cgroup is None:
        if subgroups:
            raise CgroupFault("the container has no cgroup of its own", hint="leave --cgroup out")
        return Entry(0, (), None, ())
    paths: Mapping[str, str] = cgroup["paths"]
    for name in subgroups:
        if name != EVERYWHERE and (name not in paths or name == UNIFIED):
            raise CgroupFault(f"--cgroup: the container has no {name} cgroup", hint="leave the controller out")
    if UNIFIED in paths:
        return Entry(2, (), _open_directory(paths[UNIFIED], subgroups.get(EVERYWHERE, "")), ())
    places = {path: subgroups.get(name, subgroups.get(EVERYWHERE, "")) for name, path in paths.items()}
    places.update({paths[name]: below for name, below in subgroups.items() if name != EVERYWHERE})
    opened: list[int] = []
    try:
        for path, below in places.items():
            opened.append(_open_tasks(path, below))
    except BaseException:
        for fd in opened:
            os.close(fd)
        raise
    return Entry(1, tuple(opened), None, ())


def open_entry_of(cgroup: Mapping[str, Any], pid: int, roots: Roots) -> Entry:
    """The v2 cgroup that ``pid`` is in, below the container's, which takes no process once it has given controllers on.

    CgroupFault: the process has left the container's cgroups.
    """
    top: str = cgroup["paths"][UNIFIED]
    actual = hierarchy.own_directory(roots, None, pid)
    if not actual.startswith(f"{top}/"):
        raise CgroupFault(f"the cgroup {top} takes no processes, and the container's first one isn't below it")
    return Entry(2, (), _open_directory(top, actual[len(top) + 1 :]), ())


def _open_directory(path: str, below: str) -> int:
    fd = open_claimed(path)
    if fd is None:
        raise CgroupFault(f"the cgroup {path} is gone: the container has ended")
    if not below:
        return fd
    try:
        return openat2(fd, below, _DIRECTORY, resolve=_BENEATH)
    except OSError as error:
        told = "it leads out of it" if error.errno == errno.EXDEV else error.strerror
        raise CgroupFault(f"the cgroup {below} below {path} can't be entered: {told}") from None
    finally:
        os.close(fd)


def _open_tasks(path: str, below: str) -> int:
    fd = _open_directory(path, below)
    try:
        return os.open("tasks", os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=fd)
    except OSError as error:
        raise CgroupFault(f"the cgroup {path}/{below} can't be entered: {error.strerror}") from error
    finally:
        os.close(fd)
