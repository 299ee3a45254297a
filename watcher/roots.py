"""All roots that one watcher follows: its own, and where that is the default one, every announced root too.

    inotify on <run>/opencontainer/roots     a root was announced: follow it
    tick                                     try again what could not be followed; what has gone is let go

A root that somebody else could have planted is passed over and counted.  One that has a watcher of its own is followed
without committing there.  What fails in another root than the own one ends the following of that, and nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import os
from functools import partial
from typing import TYPE_CHECKING

from inotify_simple import INotify, flags

from runtime.errors import BadRoot, Fault, NoSuchContainer
from runtime.store import announced
from runtime.store.presence import announce, watcher_at_work
from runtime.store.store import Store
from watcher.events import source_of
from watcher.follower import Follower
from watcher.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from watcher.diff import Known
    from watcher.events import Event
    from watcher.ooms import Later

_MASK = int(flags.CREATE | flags.MOVED_TO | flags.ONLYDIR)
_DIRECTORY_MODE = 0o755

_log = logging.getLogger(__name__)


class Followed:
    """One root that is followed; ``presence`` says to commands that we commit exits there."""

    def __init__(self, store: Store, follower: Follower, presence: int | None = None) -> None:
        self.store = store
        self.follower = follower
        self.presence = presence

    def close(self) -> None:
        """Let all of it go; the own root's store is its opener's."""
        self.follower.close()
        if self.presence is not None:
            os.close(self.presence)


class Roots:
    """The followers by the path of their root, the own one first.

    ``on_events`` gets each batch of events; ``listen`` and ``forget`` are called with each fd that comes and goes,
    ``later`` with what is to be done after some seconds.
    """

    def __init__(
        self,
        store: Store,
        *,
        machine: str,
        commits: bool,
        default_root: str | None,
        on_events: Callable[[list[Event]], None],
        kept: Kept | None = None,
    ) -> None:
        self._machine = machine
        self._commits = commits
        self._default_root = default_root
        self._on_events = on_events
        self._kept = kept or Kept()
        self._own = os.path.realpath(store.root)
        self._followed: dict[str, Followed] = {}
        self._told: set[str] = set()  # roots whose refusal was logged
        self._inotify: INotify | None = None
        self._known: Callable[[], Mapping[str, Known]] = dict
        self._pruned_until: Callable[[], Mapping[str, str]] = dict
        self.listen: Callable[[int], None] = lambda fd: None
        self.forget: Callable[[int], object] = lambda fd: None
        self.later: Later = lambda delay_s, act: None
        self.refused: dict[str, str] = {}
        follower = Follower(
            store,
            commits=commits,
            source=source_of(machine, store.root),
            on_events=on_events,
            later=self._later(self._own),
            kept=self._kept,
        )
        self._followed[self._own] = Followed(store, follower)

    @property
    def followers(self) -> dict[str, Follower]:
        """By path, the own root's first."""
        return {path: each.follower for path, each in self._followed.items()}

    def start(
        self,
        known: Callable[[], Mapping[str, Known]],
        pruned_until: Callable[[], Mapping[str, str]],
    ) -> None:
        """Watch for announcements, then follow all roots; each takes up what was told of its own lives.

        ``pruned_until`` is what our own last was, or an earlier watcher's.
        """
        self._known, self._pruned_until = known, pruned_until
        others = self._watch_announcements()
        stores = [each for each in map(self._open, others) if each is not None]
        elsewhere = {instance for store in stores for instance in _instances(store)}
        told = known()
        mine = {instance: what for instance, what in told.items() if instance not in elsewhere}
        self._followed[self._own].follower.start(mine, pruned_until=pruned_until().get(self._own), told=told)
        for store in stores:
            self._follow(store)

    def fds(self) -> list[int]:
        """What to poll for reading."""
        inner = [fd for each in self._followed.values() for fd in each.follower.fds()]
        return inner if self._inotify is None else [*inner, self._inotify.fileno()]

    def handle(self, fd: int) -> None:
        """Do what a readable ``fd`` asks for.  Fault: the own root is gone."""
        if self._inotify is not None and fd == self._inotify.fileno():
            self._inotify.read(timeout=0)
            self._look_for_others()
            return
        for path, each in list(self._followed.items()):
            if fd in each.follower.fds():
                self._guarded(path, partial(each.follower.handle, fd))

    def tick(self) -> None:
        """Once in a while."""
        for path, each in list(self._followed.items()):
            self._guarded(path, each.follower.tick)
        self._look_for_others()
        unfinished = (each for follower in self.followers.values() for each in follower.unfinished())
        self._kept.retain((each.instance, each.process) for each in unfinished)

    def lives(self) -> set[str]:
        """The instances of all lives that something on disk can still bring up."""
        return {instance for follower in self.followers.values() for instance in follower.snapshot.known()}

    def pruned_until(self) -> dict[str, str]:
        """For each root, the newest life that was pruned and is told, or reported as missed."""
        found = {path: each.snapshot.pruned_until for path, each in self.followers.items()}
        return {path: until for path, until in found.items() if until is not None}

    def close(self) -> None:
        """Let all roots go."""
        for path in list(self._followed):
            self._close(path)
        if self._inotify is not None:
            self._inotify.close()
        self._kept.close()

    def _watch_announcements(self) -> list[str]:
        if self._default_root is None:
            return []
        place = announced.directory(self._default_root)
        self._inotify = INotify(nonblocking=True)
        try:
            os.makedirs(place, mode=_DIRECTORY_MODE, exist_ok=True)
            self._inotify.add_watch(place, _MASK)
        except OSError as error:
            _log.warning("announced roots can't be followed: %s: %s", place, error.strerror)
            return []
        return self._trusted()

    def _trusted(self) -> list[str]:
        if self._default_root is None:
            return []
        trusted, refused = announced.trusted_others(self._default_root)
        self.refused = dict(refused)
        for path, reason in refused:
            self._say(path, f"is passed over: {reason}")
        return [path for path in trusted if path not in self._followed]

    def _look_for_others(self) -> None:
        for path in self._trusted():
            store = self._open(path)
            if store is not None:
                self._follow(store)

    def _open(self, path: str) -> Store | None:
        """The store of an announced root; None where it can't be used, or is not whole yet."""
        try:
            return Store(path, make=False)
        except NoSuchContainer:
            return None
        except (BadRoot, OSError) as fault:
            self._say(path, f"can't be followed: {fault}")
            return None

    def _follow(self, store: Store) -> None:
        path = os.path.realpath(store.root)
        presence = self._announce(store)
        follower = Follower(
            store,
            commits=presence is not None,
            source=source_of(self._machine, path),
            on_events=self._on_events,
            later=self._later(path),
            kept=self._kept,
        )
        self._followed[path] = Followed(store, follower, presence)
        instances = set(_instances(store))
        told = self._known()
        its = {instance: what for instance, what in told.items() if instance in instances}
        until = self._pruned_until().get(path)
        if self._guarded(path, lambda: follower.start(its, pruned_until=until, told=told)):
            for fd in follower.fds():
                self.listen(fd)

    def _later(self, path: str) -> Later:
        """Asks whoever polls, with what a fault of that root means."""

        def ask(delay_s: float, act: Callable[[], None]) -> None:
            def do() -> None:
                if path in self._followed:
                    self._guarded(path, act)

            self.later(delay_s, do)

        return ask

    def _announce(self, store: Store) -> int | None:
        if not self._commits or watcher_at_work(store.fds.root):
            return None
        try:
            return announce(store.fds.root)
        except OSError as error:
            self._say(store.root, f"is only read: {error.strerror}")
            return None

    def _guarded(self, path: str, act: Callable[[], object]) -> bool:
        """Whether it went well; a fault of another root ends the following of that one."""
        try:
            act()
        except (Fault, OSError) as fault:
            if path == self._own:
                raise
            self._say(path, f"is followed no longer: {fault}")
            self._close(path)
            return False
        return True

    def _close(self, path: str) -> None:
        each = self._followed.pop(path)
        for fd in each.follower.fds():
            self.forget(fd)
        each.close()
        if path != self._own:
            each.store.close()

    def _say(self, path: str, what: str) -> None:
        if path not in self._told:
            self._told.add(path)
            _log.warning("the root %s %s", path, what)


def _instances(store: Store) -> Iterator[str]:
    """All lives that lie in the root."""
    for _, found in store.scan():
        if isinstance(found, dict):
            yield found["instance"]
    with contextlib.suppress(OSError):
        yield from os.listdir(store.fds.deleted)
