"""The kernel's word that a container is out of memory, at the moment when it is.

    v1   an eventfd that cgroup.event_control binds to memory.oom_control   each time that no memory is left
    v2   POLLPRI on memory.events                                           each process that was killed for it

Source: Documentation/admin-guide/cgroup-v1/memory.rst ("OOM Control"), cgroup-v2.rst of Linux.
"""

from __future__ import annotations

import os
import select

from runtime.cgroups.claims import open_claimed, write_file
from runtime.cgroups.texts import flat_keyed
from runtime.errors import CgroupFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_READ_BYTES = 4096
_CONTROL = "cgroup.event_control"


class OomWatch:
    """``fd`` polls with ``events`` when there is something to ``read``.

    ``is_gone``: the cgroup was removed, and from then on it polls so for ever.
    """

    def __init__(self, fd: int, events: int, held: tuple[int, ...] = ()) -> None:
        self.fd = fd
        self.events = events
        self._held = held
        self.is_gone = False
        self._kills = self._count_kills()

    def __enter__(self) -> OomWatch:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in (self.fd, *self._held):
            os.close(fd)

    def read(self) -> int:
        """How often it happened since the last call; 0 where nothing did."""
        if self.events == select.POLLIN:
            try:
                return os.eventfd_read(self.fd)
            except BlockingIOError:
                return 0
        before, self._kills = self._kills, self._count_kills()
        return max(0, self._kills - before)

    def _count_kills(self) -> int:
        """Reading it is also what has the next change tell itself."""
        if self.events == select.POLLIN:
            return 0
        try:
            return flat_keyed(os.pread(self.fd, _READ_BYTES, 0).decode("ascii", "replace")).get("oom_kill", 0)
        except OSError:
            self.is_gone = True
            return 0


def watch_oom(cgroup: Mapping[str, Any] | None) -> OomWatch | None:
    """The watch of the record's ``linux.cgroup``; None where no memory controller is, or we may not use it."""
    paths: Mapping[str, str] = cgroup["paths"] if cgroup else {}
    try:
        directory = open_claimed(paths.get("unified") or paths.get("memory") or "/")
    except CgroupFault:
        return None
    if directory is None:
        return None
    try:
        return _watch_v2(directory) if "unified" in paths else _watch_v1(directory)
    except OSError:
        return None  # no such controller here, or not ours to write to
    finally:
        os.close(directory)


def _watch_v2(directory: int) -> OomWatch:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    return OomWatch(os.open("memory.events", flags, dir_fd=directory), select.POLLPRI)


def _watch_v1(directory: int) -> OomWatch:
    event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    try:
        control = os.open("memory.oom_control", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=directory)
        try:
            write_file(directory, _CONTROL, f"{event} {control}")
        except BaseException:
            os.close(control)
            raise
    except BaseException:
        os.close(event)
        raise
    return OomWatch(event, select.POLLIN, (control,))
