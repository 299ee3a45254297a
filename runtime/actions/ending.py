"""How a process ended, told without being its parent."""

from __future__ import annotations

import os

from runtime.kernel import process, procfs
from runtime.store.record import UNKNOWN_EXIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.kernel.process import PidfdExit
    from runtime.store.record import Exit, Process


def exit_of_ended(pidfd: int, identity: Process, proc: str = "/proc") -> Exit:
    """The exit of a process that has ended, reaped (Linux 6.15) or still a zombie; unknown where nothing tells."""
    return as_exit(
        process.pidfd_exit_info(pidfd) or exit_of_zombie(identity, proc) or process.pidfd_exit_info(pidfd),
    )


def as_exit(found: PidfdExit | None) -> Exit:
    """The same as records hold it."""
    return UNKNOWN_EXIT if found is None else {"code": found.code, "signal": found.signal, "oomKilled": None}


def exit_of_zombie(identity: Process, proc: str = "/proc") -> PidfdExit | None:
    """The last field of the zombie's /proc/<pid>/stat; None where we may not read it, or it is no zombie any more.

    The kernel shows 0 there to whoever lacks ptrace read access, and asks the same for reading /proc/<pid>/ns links:
    so one of those tells whether the 0 means something.
    """
    try:
        os.readlink(f"{proc}/{identity['pid']}/ns/user")
    except OSError:
        return None
    found = procfs.stat(proc, identity["pid"])
    if found is None or found.start_time != identity["startTime"] or not procfs.has_ended(found):
        return None
    return process.exit_of(found.exit_code)
