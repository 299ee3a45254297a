"""The out-of-memory killer's deeds, committed as happenings of the container, each once.

    a word from the cgroup (runtime.cgroups.oom)   look at its counters, and commit what is new
    v1 says it before the kill is counted          look again a moment later, and again
    nothing can be watched                         try again at its next status, or after the next ``retry``
    the container has stopped                      look for the last time (also in ends.py, before its end is committed)

Where the lock is taken, or there is no fd left for a watch, the next ``retry`` looks.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

from runtime.actions.oomkills import with_kills
from runtime.cgroups.oom import watch_oom
from runtime.errors import BadRecord, NoSuchContainer
from runtime.kernel import clock
from watcher.deciding import decide_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.cgroups.oom import OomWatch
    from runtime.store.record import Record
    from runtime.store.store import Held, Store

    Later = Callable[[float, Callable[[], None]], object]

AGAIN_S = (0.01, 0.1, 0.5)
QUIET = ("creating", "stopped")


class Ooms:
    """Follows the memory of every container that lives; ``fd`` polls readable when a cgroup has something to say.

    ``later`` (seconds, what) has something done after that time, by whoever polls.
    """

    def __init__(self, store: Store, *, later: Later) -> None:
        self._store = store
        self._later = later
        self._epoll = select.epoll()
        self._watches: dict[str, OomWatch] = {}
        self._whose: dict[int, tuple[str, str]] = {}
        self._unsettled: dict[str, str] = {}  # ids by instance
        self._unwatched: dict[str, str] = {}  # by instance, the status in which nothing could be watched
        self.fd = self._epoll.fileno()

    def __len__(self) -> int:
        return len(self._watches)

    def follow(self, record: Record) -> None:
        """Watch the container's memory while it lives; at its end look for the last time."""
        instance, status = record["instance"], record["status"]
        if status not in QUIET and (instance in self._watches or self._unwatched.get(instance) == status):
            return  # as most are
        if status == "creating" or record["linux"]["cgroup"] is None:
            return
        if status == "stopped":
            self._unwatched.pop(instance, None)
            if instance in self._watches:
                self._drop(instance)
                self._look(record["id"], instance)
            return
        try:
            watch = watch_oom(record["linux"]["cgroup"])
        except OSError:
            watch = None  # we have no fd left
        if watch is None:
            self._unwatched[instance] = status
            return
        self._unwatched.pop(instance, None)
        self._watches[instance] = watch
        self._whose[watch.fd] = (record["id"], instance)
        self._epoll.register(watch.fd, watch.events)
        self._look(record["id"], instance)  # what was before we came

    def read(self) -> None:
        """Commit what the killer has done since the last call."""
        for fd, _ in self._epoll.poll(0):
            container_id, instance = self._whose[fd]
            watch = self._watches[instance]
            watch.read()
            if watch.is_gone:
                self._drop(instance)
            self._look(container_id, instance)
            if watch.events == select.EPOLLIN:
                for delay_s in AGAIN_S:
                    self._later(delay_s, lambda who=(container_id, instance): self._look(*who))  # type: ignore[misc]

    def retry(self) -> None:
        """Look again where it could not be committed."""
        self._unwatched.clear()
        unsettled, self._unsettled = self._unsettled, {}
        for instance, container_id in unsettled.items():
            self._look(container_id, instance)

    def close(self) -> None:
        """End all watches."""
        for instance in list(self._watches):
            self._drop(instance)
        self._epoll.close()

    def _look(self, container_id: str, instance: str) -> None:
        try:
            if not decide_now(self._store, container_id, instance, _commit_kills):
                self._unsettled[instance] = container_id
        except (NoSuchContainer, BadRecord):
            self._forget(instance)  # deleted by now

    def _forget(self, instance: str) -> None:
        if instance in self._watches:
            self._drop(instance)

    def _drop(self, instance: str) -> None:
        watch = self._watches.pop(instance)
        del self._whose[watch.fd]
        self._epoll.unregister(watch.fd)
        watch.__exit__()


def _commit_kills(held: Held) -> None:
    following = with_kills(held.record, now=clock.now())
    if following is not None:
        held.commit(following)
