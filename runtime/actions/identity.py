"""Who a process is: the pid and what proves whose pid it is."""

from __future__ import annotations

import os

from runtime.errors import UnknownBoot
from runtime.kernel import process, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.store.record import Process


def identify(pid: int, proc: str = "/proc") -> Process:
    """The identity of ``pid`` as seen from this process's pid and time namespaces.

    ProcessLookupError if it is gone; UnknownBoot.
    """
    boot_id = procfs.boot_id(proc)
    if not boot_id:
        raise UnknownBoot(proc)
    start_time = procfs.start_time(proc, pid)
    if start_time is None:
        raise ProcessLookupError(f"process {pid} is gone")
    return {
        "pid": pid,
        "startTime": start_time,
        "bootId": boot_id,
        "pidNamespace": procfs.own_namespace(proc, "pid") or 1,
        "timeNamespace": procfs.own_namespace(proc, "time") or 1,
    }


def open_pidfd(identity: Process, proc: str = "/proc") -> int | None:
    """A pidfd of exactly that process; None where it has ended, even if its pid was given to another."""
    try:
        pidfd = process.pidfd_open(identity["pid"])
    except ProcessLookupError:
        return None
    # opened first and compared after: from here on the pid can't be reused behind our back
    if procfs.start_time(proc, identity["pid"]) == identity["startTime"]:
        return pidfd
    os.close(pidfd)
    return None
