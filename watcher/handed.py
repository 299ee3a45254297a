"""Pidfds that commands have handed over, kept until their record is read.

Each command puts its pidfd into the socket before the program may run, and reading takes all that is there. So whoever
finds a process dead, and then reads, has its pidfd if one was handed over at all.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from typing import TYPE_CHECKING

from runtime.kernel import procfs
from runtime.store import handover
from runtime.store.handover import Whose
from runtime.store.layout import PIDFDS
from watcher.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.store.record import Process

KEPT_S = 60.0  # a record that anybody commits is read much sooner
MODE = 0o600
QUEUE_LIMIT = 4096  # the kernel takes less where net.core.somaxconn is less

_log = logging.getLogger(__name__)


def listen(root_fd: int) -> socket.socket:
    """A non-blocking socket in place of what a dead watcher left.  OSError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(PIDFDS, dir_fd=root_fd)
        listener.bind(handover.address(root_fd))
        os.chmod(PIDFDS, MODE, dir_fd=root_fd)  # nobody can connect before we listen
        listener.listen(QUEUE_LIMIT)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


class Handed:
    """The pidfds of one root's socket; ``fd`` polls readable when a command has come, and is None without a socket."""

    def __init__(self, root_fd: int, kept: Kept | None = None) -> None:
        self._root_fd = root_fd
        self._kept = kept or Kept()
        self._pidfds: dict[Whose, tuple[int, float]] = {}  # with the time of their coming
        self._silent: list[socket.socket] = []  # connected, and nothing said so far
        self._listener: socket.socket | None = None
        try:
            self._listener = self._inherited() or listen(root_fd)
            self._kept.keep_socket(self._file(), self._listener.fileno())
        except OSError as error:
            _log.warning("no pidfds can be handed over: %s: %s", PIDFDS, error.strerror)

    def _inherited(self) -> socket.socket | None:
        """The one that the manager has kept since an earlier watcher, with all that came meanwhile."""
        try:
            fd = self._kept.take_socket(self._file())
        except FileNotFoundError:
            return None
        if fd is None:
            return None
        listener = socket.socket(fileno=fd)
        listener.setblocking(False)
        os.utime(PIDFDS, dir_fd=self._root_fd, follow_symlinks=False)  # a watcher has come (store/presence.py)
        return listener

    def _file(self) -> os.stat_result:
        return os.stat(PIDFDS, dir_fd=self._root_fd, follow_symlinks=False)

    @property
    def fd(self) -> int | None:
        """What to poll; edge-triggered, since nothing is read where we have no fds left."""
        return None if self._listener is None else self._listener.fileno()

    def take(self, instance: str, process: Process) -> int | None:
        """The pidfd of that process, from here on the caller's; None where nobody has handed it over."""
        self.read()
        pidfd, _ = self._pidfds.pop(Whose(instance, process["pid"], process["startTime"]), (None, 0.0))
        return pidfd

    def read(self) -> None:
        """Take in what commands have sent."""
        if self._listener is None:
            return
        silent, self._silent = self._silent, []
        for connection in silent:
            self._receive(connection)
        try:
            while True:
                connection, _ = self._listener.accept()
                connection.setblocking(False)
                self._receive(connection)
        except BlockingIOError:
            return  # that was all
        except OSError as error:
            _log.warning("pidfds that commands hand over can't be taken: %s", error.strerror)

    def _receive(self, connection: socket.socket) -> None:
        try:
            handed = handover.receive(connection)
        except BlockingIOError:
            self._silent.append(connection)
            return
        except OSError:
            handed = None  # more than one fd, or no fd left for it
        connection.close()
        if handed is not None:
            self._keep(*handed)

    def _keep(self, whose: Whose, pidfd: int) -> None:
        if whose in self._pidfds or not procfs.is_pidfd(pidfd):
            os.close(pidfd)
        else:
            self._pidfds[whose] = (pidfd, time.monotonic())

    def forget(self, is_followed: Callable[[Whose], bool]) -> None:
        """Let go of those of processes that are followed without them, and of what no record has ever asked for."""
        limit = time.monotonic() - KEPT_S
        for whose, (pidfd, came) in list(self._pidfds.items()):
            if came < limit or is_followed(whose):
                del self._pidfds[whose]
                os.close(pidfd)

    def close(self) -> None:
        """Let all of it go, and have commands find no socket, unless that is kept for the next watcher."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._kept.forget_socket(self._file())
                if not self._kept.is_at_work:
                    os.unlink(PIDFDS, dir_fd=self._root_fd)
            self._listener.close()
        for connection in self._silent:
            connection.close()
        for pidfd, _ in self._pidfds.values():
            os.close(pidfd)
