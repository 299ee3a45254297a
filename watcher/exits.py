"""The end of every process that is followed, told by its pidfd, though we are not its parent.

    EPOLLIN    it has ended and is a zombie: whoever may ptrace it reads the code from /proc/<pid>/stat
    EPOLLHUP   it was reaped: PIDFD_GET_INFO tells the code (Linux 6.15)

Each end is told once. A zombie whose code we may not read is waited for until it is reaped, if this kernel tells the
code then; otherwise the code is unknown. It is never guessed. Source: pidfd_open(2), proc_pid_stat(5).
"""

from __future__ import annotations

import errno
import os
import select
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from runtime.actions.ending import as_exit, exit_of_zombie
from runtime.actions.identity import open_pidfd
from runtime.kernel import clock, process
from runtime.store.record import UNKNOWN_EXIT
from watcher.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.store.handover import Whose
    from runtime.store.record import Exit, Precision, Process
    from watcher.handed import Handed

INIT, EXEC, HAND = "init", "exec", "hand"
_NO_FDS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class Followed(NamedTuple):
    """Whose process it is: its life, and its role: the first one, one of exec, or a command that has it in hand."""

    container_id: str
    instance: str
    role: str
    process: Process


class Ended(NamedTuple):
    """A followed process has ended, at ``time`` or before it where that is ``observed``; a None code is unknown."""

    followed: Followed
    exit: Exit
    time: str
    precision: Precision


class _Entry:
    """One pidfd, and when its process was first seen dead."""

    def __init__(self, followed: Followed, pidfd: int, precision: Precision) -> None:
        self.followed = followed
        self.pidfd = pidfd
        self.precision = precision
        self.time: str | None = None


class Exits:
    """The pidfds, behind one fd that polls readable when something ended."""

    def __init__(self, proc: str = "/proc", handed: Handed | None = None, kept: Kept | None = None) -> None:
        self._proc = proc
        self._handed = handed
        self._kept = kept or Kept()
        self._epoll = select.epoll()
        self._by_fd: dict[int, _Entry] = {}
        self._of_life: dict[str, dict[tuple[str, int, int], int]] = {}
        self.lacks_fds = False
        self.fd: int = self._epoll.fileno()
        if handed is not None and handed.fd is not None:
            # edge-triggered: what waits while we have no fd left would come again and again
            self._epoll.register(handed.fd, select.EPOLLIN | select.EPOLLET)

    def __len__(self) -> int:
        return len(self._by_fd)

    def is_followed(self, followed: Followed) -> bool:
        """Whether its end is still to be told."""
        return _key(followed) in self._of_life.get(followed.instance, ())

    def are_all(self, instance: str, wanted: list[Followed]) -> bool:
        """Whether these, and no others of the life, are followed."""
        of_life = self._of_life.get(instance, {})
        return len(of_life) == len(wanted) and all(_key(each) in of_life for each in wanted)

    def follow(self, followed: Followed) -> bool:
        """Follow the process; False where no pidfd can tell its end.

        That is so where we have no fd left, and of a process that was reaped before anybody got us a pidfd of it.
        The caller makes sure that the process's pid means here what it meant to whoever recorded it.
        """
        if self.is_followed(followed):
            return True
        try:
            pidfd = self._pidfd_of(followed)
        except OSError as error:
            if error.errno not in _NO_FDS:
                raise
            self.lacks_fds = True
            return False
        if pidfd is None:
            return False
        if followed.role != HAND:
            self._kept.keep(followed.instance, followed.process, pidfd)
        # who is dead by now may have died long before
        precision: Precision = "observed" if _is_readable(pidfd) else "exact"
        self._by_fd[pidfd] = _Entry(followed, pidfd, precision)
        self._of_life.setdefault(followed.instance, {})[_key(followed)] = pidfd
        self._epoll.register(pidfd, select.EPOLLIN)
        return True

    def _pidfd_of(self, followed: Followed) -> int | None:
        """That of an earlier watcher, one of our own, or one that was handed over; OSError."""
        life, process = followed.instance, followed.process
        pidfd = self._kept.take(life, process)
        if pidfd is None:
            pidfd = open_pidfd(process, self._proc)
        if pidfd is None and self._handed is not None:
            pidfd = self._handed.take(life, process)
        return pidfd

    def followed(self) -> Iterator[Followed]:
        """Those whose end is still to be told."""
        return (each.followed for each in self._by_fd.values())

    def read(self) -> list[Ended]:
        """What has ended since the last call; waits for nothing."""
        self.take_handed()  # first, so that what has ended is still known as followed
        found = (self._look(self._by_fd[fd], events) for fd, events in self._epoll.poll(0) if fd in self._by_fd)
        return [ended for ended in found if ended is not None]

    def take_handed(self) -> None:
        """Keep what was handed over for ``follow`` to find, and nothing of it for long."""
        if self._handed is not None:
            self._handed.read()
            self._handed.forget(self._is_process_followed)

    def _is_process_followed(self, whose: Whose) -> bool:
        return any(key[1:] == whose[1:] for key in self._of_life.get(whose.instance, ()))

    def _look(self, entry: _Entry, events: int) -> Ended | None:
        entry.time = entry.time or clock.now()
        exit = self._exit(entry, is_reaped=bool(events & select.EPOLLHUP))
        if exit is None:
            # no EPOLLIN from here on, which would come again and again; EPOLLHUP is always told (epoll_ctl(2))
            self._epoll.modify(entry.pidfd, 0)
            return None
        self._drop(entry)
        return Ended(entry.followed, exit, entry.time, entry.precision)

    def _exit(self, entry: _Entry, *, is_reaped: bool) -> Exit | None:
        """How it ended, with a None code where nothing will ever tell; None where its reaping will."""
        if entry.followed.role == HAND:
            return UNKNOWN_EXIT
        found = None if is_reaped else exit_of_zombie(entry.followed.process, self._proc)
        # it may have been reaped between the poll and the look at /proc
        found = found or process.pidfd_exit_info(entry.pidfd)
        if found is not None:
            return as_exit(found)
        return UNKNOWN_EXIT if is_reaped or not kernel_tells_after_reaping() else None

    def retain(self, instance: str, wanted: list[Followed]) -> None:
        """Stop following what is not ``wanted`` of a life."""
        of_life = self._of_life.get(instance)
        if of_life:
            kept = {_key(followed) for followed in wanted}
            for pidfd in [pidfd for key, pidfd in of_life.items() if key not in kept]:
                self._drop(self._by_fd[pidfd])

    def _drop(self, entry: _Entry) -> None:
        of_life = self._of_life[entry.followed.instance]
        del of_life[_key(entry.followed)]
        if not of_life:
            del self._of_life[entry.followed.instance]
        del self._by_fd[entry.pidfd]
        # a pidfd that a fork inherited would stay in the epoll set after our close
        self._epoll.unregister(entry.pidfd)
        os.close(entry.pidfd)

    def close(self) -> None:
        """Close all pidfds."""
        for pidfd in self._by_fd:
            os.close(pidfd)
        self._by_fd.clear()
        self._of_life.clear()
        self._epoll.close()
        if self._handed is not None:
            self._handed.close()


@cache
def kernel_tells_after_reaping() -> bool:
    """Whether a pidfd tells the exit of a reaped process: tried, since 6.13 and 6.14 have the call but not that."""
    pid = os.fork()
    if pid == 0:
        os._exit(1)
    pidfd = process.pidfd_open(pid)
    try:
        os.waitpid(pid, 0)
        return process.pidfd_exit_info(pidfd) is not None
    finally:
        os.close(pidfd)


def _is_readable(pidfd: int) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def _key(followed: Followed) -> tuple[str, int, int]:
    return (followed.role, followed.process["pid"], followed.process["startTime"])
