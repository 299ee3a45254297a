"""What the kernel tells of a container's cgroup: counters of what befell it, and when its state has changed."""

from __future__ import annotations

import errno
import os
import select
import time

from runtime.cgroups.claims import open_claimed, read_file, walk
from runtime.errors import CgroupFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_EVENTS_BYTES = 4096


def oom_kills(cgroup: Mapping[str, Any] | None) -> int | None:
    """How many processes the OOM killer has taken in it and beneath; None where nothing counts them, or it is gone.

    Source: memory.events of v2, which counts those beneath; memory.oom_control of v1 (Linux 4.13), which does not.
    """
    if not cgroup:
        return None
    paths: Mapping[str, str] = cgroup["paths"]
    controller = "unified" if "unified" in paths else "memory"
    try:
        fd = open_claimed(paths[controller]) if controller in paths else None
    except (OSError, CgroupFault):
        return None
    if fd is None:
        return None
    try:
        return oom_kills_in(fd, controller)
    finally:
        os.close(fd)


def oom_kills_in(fd: int, controller: str) -> int | None:
    """The same of the open directory of ``unified`` or ``memory``."""
    is_local = controller != "unified"
    file = "memory.oom_control" if is_local else "memory.events"
    try:
        total = _parse(read_file(fd, file))
        if total is not None and is_local:
            total += sum(_count_beneath(parent, f"{name}/{file}") for parent, name in walk(fd))
        return total
    except OSError:
        return None


def _count_beneath(parent: int, file: str) -> int:
    try:
        return _parse(read_file(parent, file)) or 0
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV):
            return 0  # removed at this moment
        raise


def _parse(text: str) -> int | None:
    for line in text.split("\n"):
        name, _, value = line.partition(" ")
        if name == "oom_kill":
            return int(value)
    return None


def await_event(fd: int, wanted: str, timeout_s: float, name: str = ".") -> bool:
    """Wait until cgroup.events of the v2 cgroup has the line ``wanted``; whether it came, or the cgroup went, in time.

    The cgroup is ``fd``'s, or the one called ``name`` in it.

    The kernel tells each change by POLLPRI (cgroup-v2.rst).
    """
    deadline = time.monotonic() + timeout_s
    try:
        events = os.open(f"{name}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=fd)
    except FileNotFoundError:
        return True
    try:
        poll = select.poll()
        poll.register(events, select.POLLPRI)
        while wanted not in os.pread(events, _EVENTS_BYTES, 0).decode("ascii").split("\n"):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            poll.poll(int(left_s * 1000) + 1)
    except OSError as error:
        if error.errno != errno.ENODEV:
            raise
    finally:
        os.close(events)
    return True
