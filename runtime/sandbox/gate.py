"""The first process closes itself off, before it looks at anything that the image controls.

From here on an import, a codec or a lookup by name would load files of the image as the host's root. So the import
system is taken apart: what is needed has been imported, and anything else fails.  ``/proc/<pid>/exe`` of this process
is the host's interpreter (the CVE-2019-5736 family): it is made non-dumpable, so that nobody inside can open that.
"""

from __future__ import annotations

import os
import sys

from runtime.errors import Fault
from runtime.kernel.process import CLOSE_RANGE_CLOEXEC, close_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

FIRST_PRESERVED_FD = 3
LAST_FD = 0xFFFFFFFF


def hold_places(count: int) -> None:
    """Of the ``count`` fds from 3 on that are to be preserved, occupy those that the caller left closed.

    Ours would take their numbers, and be kept; what lies there instead leads nowhere, and closes as the program begins.
    To be called before anything is opened.
    """
    last = FIRST_PRESERVED_FD + count
    if last > os.sysconf("SC_OPEN_MAX"):
        raise Fault(
            f"--preserve-fds: {count} file descriptors can't be passed on",
            hint="`ulimit -n` shows how many there can be",
        )
    closed = [fd for fd in range(FIRST_PRESERVED_FD, last) if not _is_open(fd)] if count else []
    if not closed:
        return
    place = os.eventfd(0)
    for fd in closed:
        if fd != place:
            os.dup2(place, fd, inheritable=False)
    if place >= last:
        os.close(place)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def close_imports() -> None:
    """From now on every import raises ImportError, and no path is searched."""
    sys.meta_path.clear()
    sys.path_hooks.clear()
    sys.path.clear()
    sys.path_importer_cache.clear()
    builtins = sys.modules["builtins"]
    builtins.__import__ = _refuse  # type: ignore[attr-defined]


def _refuse(name: str, *_: object, **__: object) -> NoReturn:
    raise ImportError(f"{name}: nothing is imported inside a container")


def close_fds(first: int, keep: Iterable[int]) -> None:
    """Close every fd from ``first`` on but those in ``keep``, which become CLOEXEC."""
    start = first
    for fd in sorted(set(keep)):
        if fd < first:
            continue
        if fd > start:
            close_range(start, fd - 1)
        start = fd + 1
    close_range(start, LAST_FD)
    close_range(first, LAST_FD, CLOSE_RANGE_CLOEXEC)


def write_all(fd: int, data: bytes) -> None:
    """Write, where a short write is possible and a failure means that nobody listens."""
    try:
        os.write(fd, data)
    except OSError:
        return
