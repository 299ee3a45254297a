"""The service manager: what it hands over, and what it is told.  Nothing of this needs libsystemd.

    $NOTIFY_SOCKET                    READY=1, STATUS=, WATCHDOG=1, RELOADING=1, STOPPING=1
    $WATCHDOG_USEC, $WATCHDOG_PID     how often it wants to hear WATCHDOG=1
                                      FDSTORE=1, FDSTOREREMOVE=1: kept.py
    $LISTEN_FDS, $LISTEN_PID          sockets that listen already, from fd 3 on, and what it has kept for us
    $LISTEN_FDNAMES                   their names, separated by colons
    $JOURNAL_STREAM                   stderr is the journal: a line begins with its level, <4>

Source: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3), sd-daemon(3), systemd.exec(5).
"""

from __future__ import annotations

import os
import socket
import sys
import time
from array import array
from typing import TYPE_CHECKING, NamedTuple

from runtime.errors import Fault
from runtime.kernel import procfs

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

FIRST_FD = 3
# how the names of what it keeps for us begin
PIDFD = "pidfd-"
HANDOVER = "handover-"


def is_at_work(environ: Mapping[str, str]) -> bool:
    """Whether there is one that listens."""
    return bool(environ.get("NOTIFY_SOCKET"))


def notify(message: str) -> None:
    """Tell the service manager, if there is one."""
    _send(message)


def _send(message: str, *fds: int, flags: int = 0) -> bool:
    """Whether it can hear it."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    path = "\0" + address[1:] if address[0] == "@" else address
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))] if fds else []
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.sendmsg([message.encode()], ancillary, flags, path)
    except OSError:
        return False
    return True


def keep(name: str, fd: int) -> bool:
    """Have it keep a duplicate of ``fd`` until that is let go, or the service is stopped for good.

    False where it has no time for that: it isn't waited for.
    """
    return _send(f"FDSTORE=1\nFDPOLL=0\nFDNAME={name}", fd, flags=socket.MSG_DONTWAIT)


def let_go(name: str) -> bool:
    """Have it close what it keeps by that name; False as in ``keep``."""
    return _send(f"FDSTOREREMOVE=1\nFDNAME={name}", flags=socket.MSG_DONTWAIT)


def reloading() -> str:
    """The message that a reload has begun; READY=1 ends it."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def watchdog_s(environ: Mapping[str, str]) -> float | None:
    """Within how many seconds it wants to hear from us; None where it doesn't."""
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(os.getpid()))
    is_number = usec.isascii() and usec.isdigit() and int(usec) > 0
    return int(usec) / 1e6 if is_number and pid == str(os.getpid()) else None


class Inherited(NamedTuple):
    """What we were started with, for us alone: sockets to serve, and by name what it has kept for us."""

    sockets: list[socket.socket]
    kept: dict[str, int]


def inherited(environ: MutableMapping[str, str]) -> Inherited:
    """Fault: something is a socket that we could not serve, or nothing that we know."""
    count, pid = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    found = Inherited([], {})
    if pid != str(os.getpid()) or not (count.isascii() and count.isdigit()):
        return found
    for fd in range(FIRST_FD, FIRST_FD + int(count)):
        name = names[fd - FIRST_FD] if fd - FIRST_FD < len(names) else ""
        if not name.startswith((PIDFD, HANDOVER)):
            found.sockets.append(_taken(fd))
        elif name in found.kept or not (procfs.is_pidfd(fd) if name.startswith(PIDFD) else _takes_pidfds(fd)):
            os.close(fd)
        else:
            os.set_inheritable(fd, False)
            found.kept[name] = fd
    return found


def _takes_pidfds(fd: int) -> bool:
    try:
        with socket.socket(fileno=os.dup(fd)) as found:
            is_listening = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
            return is_listening and found.type == socket.SOCK_SEQPACKET
    except OSError:
        return False


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
