"""Pidfds for the watcher: who begins a process hands over a pidfd of it, before its program may run.

Who held a pidfd when a process was reaped can tell how it ended.  A watcher opens its own as soon as it has read the
record; for a program that ends at once that may be too late.  What was handed over waits for it in a socket:

    command   commits the process's identity   connects, sends, goes on    lets the program run
    kernel                                     keeps the pidfd in the queue
    watcher                                                                reads it whenever it comes to it

    <root>/.pidfds   0600, SOCK_SEQPACKET: each connection is one message of one fd
    message          "<instance> <pid> <startTime>", as the record has them

Nobody waits for anybody: with no watcher, or one whose queue is full, the command goes on all the same.

Source: unix(7), PIDFD_GET_INFO (Linux 6.15).
"""

from __future__ import annotations

import _socket
import os

from runtime.kernel.sockets import receive_fds, send_fds
from runtime.store import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from runtime.store.record import Process
else:
    from runtime.values import NamedTuple

MESSAGE_LIMIT_BYTES = 128
_KIND = _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK


class Whose(NamedTuple):
    """The process that a pidfd is said to be of, and its life."""

    instance: str
    pid: int
    start_time: int


def message_of(instance: str, process: Process) -> bytes:
    """What goes with the pidfd."""
    return f"{instance} {process['pid']} {process['startTime']}".encode()


def parse(message: bytes) -> Whose | None:
    """The reverse; None for what is no message of ours."""
    try:
        instance, pid, start_time = message.decode("ascii").split(" ")
        return Whose(instance, int(pid), int(start_time))
    except ValueError:
        return None


def hand_over(root_fd: int, instance: str, process: Process, pidfd: int) -> None:
    """Have the watcher at work in this root get ``pidfd``, which stays the caller's, if there is one."""
    try:
        connection = _socket.socket(_socket.AF_UNIX, _KIND)
        try:
            connection.connect(address(root_fd))
            send_fds(connection, message_of(instance, process), [pidfd])
        finally:
            connection.close()
    except OSError:
        return  # there is none, or it has more than it can take: it finds the process by itself


def receive(connection: _socket.socket) -> tuple[Whose, int] | None:
    """Whose pidfd came, and that, the caller's from here on; None where what came is none of ours.

    BlockingIOError: nothing has come yet; OSError.
    """
    message, fds, _ = receive_fds(connection, MESSAGE_LIMIT_BYTES, 1)
    whose = parse(message)
    if whose is not None and fds:
        return whose, fds[0]
    for fd in fds:
        os.close(fd)
    return None


def address(root_fd: int) -> str:
    """Of the socket, however long the root's path is."""
    return f"/proc/self/fd/{root_fd}/{layout.PIDFDS}"
