"""Filters of system calls for tests: loaded into forked children, and listened to."""

from __future__ import annotations

import fcntl
import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from runtime.kernel import process, seccomp
from runtime.kernel.libc import syscall
from runtime.kernel.libseccomp import Filter, system_call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runtime.kernel.libseccomp import Comparison

# linux/seccomp.h: _IOWR('!', 0, struct seccomp_notif), _IOWR('!', 1, struct seccomp_notif_resp)
SECCOMP_IOCTL_NOTIF_RECV = 3 << 30 | 80 << 16 | ord("!") << 8
SECCOMP_IOCTL_NOTIF_SEND = 3 << 30 | 24 << 16 | ord("!") << 8 | 1
SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1

ALLOW = seccomp.SECCOMP_RET_ALLOW
ERRNO = seccomp.SECCOMP_RET_ERRNO


class Notification(NamedTuple):
    """A call that waits for an answer."""

    id: int
    pid: int
    number: int
    arguments: tuple[int, ...]


def receive(listener_fd: int) -> Notification:
    """Wait for the next one."""
    memory = bytearray(80)
    fcntl.ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_RECV, memory, True)
    identity, pid, _, number, _, _, *arguments = struct.unpack("=QIIiIQ6Q", memory)
    return Notification(identity, pid, number, tuple(arguments))


def answer(listener_fd: int, notification: Notification, *, error: int = 0, continues: bool = False) -> None:
    """Let the call fail with ``error``, or happen."""
    flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE if continues else 0
    fcntl.ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_SEND, struct.pack("=QqiI", notification.id, 0, -error, flags))


def compiled(rules: Sequence[tuple[int, str, Sequence[Comparison]]], default: int = ALLOW) -> bytes:
    """The program for (action, name of a call, comparisons) each."""
    with Filter(default) as made:
        for action, name, comparisons in rules:
            number = system_call(name)
            assert number is not None
            made.add_rule(action, number, comparisons)
        return made.export()


def under(program: bytes, action: Callable[[], object], flags: int = 0) -> Callable[[], object]:
    """``action`` with ``program`` loaded: for a forked child, which is good for nothing else after it."""

    def act() -> object:
        process.set_no_new_privs()
        seccomp.set_filter(program, flags)
        return action()

    return act


def errno_of(name: str, *arguments: int) -> int:
    """What a raw call of ``name`` fails with; 0 where it doesn't."""
    number = system_call(name)
    assert number is not None
    try:
        syscall(number, *arguments, text=name)
    except OSError as error:
        return error.errno or 0
    return 0


def wait_status(action: Callable[[], object]) -> int:
    """How a forked child ends that does ``action``: its exit code, negative the signal; 0 where nothing happens."""
    pid = os.fork()
    if pid == 0:
        try:
            action()
            os._exit(0)
        finally:
            os._exit(98)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
