"""Pidfds that the service manager keeps for us, so that a watcher which ends loses no exit code.

    followed                   the manager gets a duplicate    FDSTORE=1, FDNAME=pidfd-<instance>-<pid>-<startTime>
    we end, however            it keeps them, while processes go on, and end
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
    """What the manager keeps, by name; ``inherited`` are the pidfds that an earlier watcher gave it, ours from here on.

    Does nothing where ``is_at_work`` is False: there is no manager.
    """

    def __init__(self, inherited: Mapping[str, int] = {}, *, is_at_work: bool = False) -> None:
        self._inherited = dict(inherited)
        self._names = set(inherited)
        self._is_at_work = is_at_work
        self._since = time.monotonic()

    def take(self, instance: str, process: Process) -> int | None:
        """The pidfd of that process which an earlier watcher had, from here on the caller's."""
        return self._inherited.pop(name_of(instance, process), None) if self._inherited else None

    def keep(self, instance: str, process: Process, pidfd: int) -> None:
        """Have the manager keep it for the next watcher."""
        name = name_of(instance, process)
        if self._is_at_work and name not in self._names:
            manager.keep(name, pidfd)
            self._names.add(name)

    def retain(self, wanted: Iterable[tuple[str, Process]]) -> None:
        """Let go of all others, which are over, and of what nobody has claimed for long."""
        if not self._names:
            return
        names = {name_of(*each) for each in wanted}
        if time.monotonic() < self._since + UNCLAIMED_S:
            names |= self._inherited.keys()
        for name in self._names - names:
            manager.let_go(name)
            if name in self._inherited:
                os.close(self._inherited.pop(name))
        self._names &= names

    def close(self) -> None:
        """Close what nobody has claimed; the manager keeps its own."""
        for pidfd in self._inherited.values():
            os.close(pidfd)
        self._inherited.clear()


def name_of(instance: str, process: Process) -> str:
    """What the manager knows a pidfd by."""
    return f"{manager.PIDFD}{instance}-{process['pid']}-{process['startTime']}"
