"""What the service manager keeps for us, so that a watcher which ends loses no exit code.

    followed                   the manager gets a duplicate    FDSTORE=1, FDNAME=pidfd-<instance>-<pid>-<startTime>
    we listen for pidfds       likewise of that socket         FDNAME=handover-<device>-<inode>
    we end, however            it keeps them, while processes begin, go on and end
    the next watcher starts    it has them again               $LISTEN_FDNAMES
    an end is committed        the manager lets go of it       FDSTOREREMOVE=1

Who held a pidfd when a process was reaped can tell how it ended (Linux 6.15); until then the manager holds it for us.
Where there is none, or one that keeps nothing, an end that comes between two watchers may stay without its code.

Source: sd_pid_notify_with_fds(3), FileDescriptorStoreMax= in systemd.service(5); FDPOLL=0, since systemd 246, or it
would let go of each process that has ended.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from watcher import manager

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runtime.store.record import Process

UNCLAIMED_S = 60.0  # a root that can't be followed at once may be so much later


class Kept:
    """What the manager keeps, by name; ``inherited`` is what an earlier watcher gave it, ours from here on.

    Does nothing where ``is_at_work`` is False: there is no manager.
    """

    def __init__(self, inherited: Mapping[str, int] = {}, *, is_at_work: bool = False) -> None:
        self._inherited = dict(inherited)
        self._names = set(inherited)
        self._sockets: set[str] = set()
        self.is_at_work = is_at_work
        self._since = time.monotonic()

    def take(self, instance: str, process: Process) -> int | None:
        """The pidfd of that process which an earlier watcher had, from here on the caller's."""
        return self._inherited.pop(name_of(instance, process), None) if self._inherited else None

    def keep(self, instance: str, process: Process, pidfd: int) -> None:
        """Have the manager keep it for the next watcher."""
        self._keep(name_of(instance, process), pidfd)

    def take_socket(self, file: os.stat_result) -> int | None:
        """The socket of that file in which an earlier watcher had pidfds handed over."""
        return self._inherited.pop(socket_name(file), None)

    def keep_socket(self, file: os.stat_result, fd: int) -> None:
        """Have the manager keep it, and what comes into it."""
        self._sockets.add(socket_name(file))
        self._keep(socket_name(file), fd)

    def forget_socket(self, file: os.stat_result) -> None:
        """Have the manager let go of it too, if we go on without it."""
        self._sockets.discard(socket_name(file))

    def _keep(self, name: str, fd: int) -> None:
        if self.is_at_work and name not in self._names and manager.keep(name, fd):
            self._names.add(name)

    def retain(self, wanted: Iterable[tuple[str, Process]]) -> None:
        """Let go of all others, which are over, and of what nobody has claimed for long."""
        if not self._names:
            return
        names = {name_of(*each) for each in wanted} | self._sockets
        if time.monotonic() < self._since + UNCLAIMED_S:
            names |= self._inherited.keys()
        for name in self._names - names:
            if name in self._inherited:
                os.close(self._inherited.pop(name))
            if manager.let_go(name):
                self._names.discard(name)

    def close(self) -> None:
        """Close what nobody has claimed; the manager keeps its own."""
        for fd in self._inherited.values():
            os.close(fd)
        self._inherited.clear()


def name_of(instance: str, process: Process) -> str:
    """What the manager knows a pidfd by."""
    return f"{manager.PIDFD}{instance}-{process['pid']}-{process['startTime']}"


def socket_name(file: os.stat_result) -> str:
    """What the manager knows a socket by."""
    return f"{manager.HANDOVER}{file.st_dev}-{file.st_ino}"
