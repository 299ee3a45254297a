"""The service manager: what it hands over, and what it is told.  Nothing of this needs libsystemd.

    $NOTIFY_SOCKET                    READY=1, STATUS=, WATCHDOG=1, RELOADING=1, STOPPING=1
    $WATCHDOG_USEC, $WATCHDOG_PID     how often it wants to hear WATCHDOG=1
    $LISTEN_FDS, $LISTEN_PID          sockets that listen already, from fd 3 on
    $JOURNAL_STREAM                   stderr is the journal: a line begins with its level, <4>

Source: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3), sd-daemon(3), systemd.exec(5).
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from typing import TYPE_CHECKING

from runtime.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

FIRST_FD = 3


def notify(message: str) -> None:
    """Tell the service manager, if there is one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.sendto(message.encode(), "\0" + address[1:] if address[0] == "@" else address)


def reloading() -> str:
    """The message that a reload has begun; READY=1 ends it."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def watchdog_s(environ: Mapping[str, str]) -> float | None:
    """Within how many seconds it wants to hear from us; None where it doesn't."""
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(os.getpid()))
    is_number = usec.isascii() and usec.isdigit() and int(usec) > 0
    return int(usec) / 1e6 if is_number and pid == str(os.getpid()) else None


def inherited_sockets(environ: MutableMapping[str, str]) -> list[socket.socket]:
    """The listening sockets that we were started with, for us alone.  Fault: one is nothing that we could serve."""
    count, pid = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not (count.isascii() and count.isdigit()):
        return []
    return [_taken(fd) for fd in range(FIRST_FD, FIRST_FD + int(count))]


def _taken(fd: int) -> socket.socket:
    try:
        os.set_inheritable(fd, False)
        taken = socket.socket(fileno=fd)
        is_listening = taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
    except OSError as error:
        raise Fault(f"fd {fd} of LISTEN_FDS is no socket: {error.strerror}", hint="look at the socket unit") from error
    if not is_listening or taken.type != socket.SOCK_STREAM:
        raise Fault(f"fd {fd} of LISTEN_FDS is no listening stream", hint="the socket unit needs ListenStream=")
    taken.setblocking(False)
    return taken


def is_journal(environ: Mapping[str, str]) -> bool:
    """Whether our stderr is a stream of the journal, which reads levels."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False  # stderr is closed
    return (device, inode) == (str(found.st_dev), str(found.st_ino))
