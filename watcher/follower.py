"""One root, followed: looks become changes, changes become events, ends become commits.

    inotify  -> where to look  -> snapshot.refresh -> events
    pidfds   -> who has ended  -> ends.py commits  -> (inotify)
    cgroups  -> out of memory  -> ooms.py commits  -> (inotify)
    tick     -> what could not be committed before

No asyncio here: whoever polls ``fds()`` calls ``handle``.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from runtime.errors import Fault
from runtime.kernel import clock
from watcher.directory import ALL_BYTES, SOME_BYTES, Directory
from watcher.ends import Ends
from watcher.events import event_of, gap_event, snapshot_event
from watcher.ooms import Ooms
from watcher.snapshot import EVERYTHING, Change, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from runtime.store.store import Store
    from watcher.diff import Known
    from watcher.events import Event
    from watcher.exits import Followed
    from watcher.kept import Kept
    from watcher.ooms import Later
    from watcher.snapshot import Gap

BATCH = 256


class Follower:
    """``on_events`` gets each batch of events in order; ``commits`` is False for one that only looks.

    ``later`` has something done after some seconds, by whoever polls; by nobody where the next tick is soon enough.
    """

    def __init__(
        self,
        store: Store,
        *,
        commits: bool,
        source: str,
        on_events: Callable[[list[Event]], None],
        later: Later = lambda delay_s, act: None,
        kept: Kept | None = None,
    ) -> None:
        self._store = store
        self.source = source
        self._on_events = on_events
        self._directory: Directory | None = None
        self._ends = Ends(store, later=later, kept=kept) if commits else None
        self._ooms = Ooms(store, later=later) if commits else None
        self.snapshot = Snapshot(store)
        self.overflows = 0
        self.rescans = 0

    def start(
        self,
        known: Mapping[str, Known] | None = None,
        *,
        pruned_until: str | None = None,
        told: Mapping[str, Known] | None = None,
    ) -> None:
        """Watch first, then read everything: what comes between is seen twice, and told once.

        ``known``, ``pruned_until`` and ``told`` are what an earlier watcher told already: snapshot.py.
        """
        self.snapshot.restore(known or {}, pruned_until=pruned_until, told=told)
        self._directory = Directory(self._store.fds)
        self._take(self.snapshot.refresh(EVERYTHING))

    def fds(self) -> list[int]:
        """What to poll for reading."""
        directory = [] if self._directory is None else [self._directory.fd]
        return directory + [each.fd for each in (self._ends, self._ooms) if each is not None]

    @property
    def followed(self) -> int:
        """How many processes are followed to their end."""
        return 0 if self._ends is None else self._ends.followed

    def unfinished(self) -> Iterable[Followed]:
        """The processes whose end is still to be told, or to be committed."""
        return () if self._ends is None else self._ends.unfinished()

    def handle(self, fd: int) -> None:
        """Do what a readable ``fd`` asks for.  Fault: the root is gone."""
        if self._directory is not None and fd == self._directory.fd:
            self._look(SOME_BYTES)
            return
        # the directory first, and all of it: an end is judged by the newest record
        self._look(ALL_BYTES)
        if self._ends is not None and fd == self._ends.fd:
            self._ends.read()
        if self._ooms is not None and fd == self._ooms.fd:
            self._ooms.read()

    def _look(self, at_most: int) -> None:
        if self._directory is None:
            return
        look = self._directory.read(at_most)
        if self._directory.is_gone:
            raise Fault(f"the state root {self._store.root} was removed", hint="start the watcher anew")
        self.overflows += look.overflowed
        self.rescans += look.everything
        if look.everything or look.ids or look.lives:
            self._take(self.snapshot.refresh(EVERYTHING if look.everything else look))

    def tick(self) -> None:
        """Once in a while: commit what could not be, and let go of what was pruned."""
        if self._ends is not None:
            self._ends.retry(self.snapshot)
        if self._ooms is not None:
            self._ooms.retry()
        self._take(self.snapshot.forget_pruned())

    def snapshot_events(self) -> Iterator[Event]:
        """What a new subscriber gets first."""
        return (snapshot_event(record, source=self.source) for record in self.snapshot)

    def close(self) -> None:
        """Let all fds go."""
        if self._ends is not None:
            self._ends.close()
        if self._ooms is not None:
            self._ooms.close()
        if self._directory is not None:
            self._directory.close()

    def _take(self, changes: Iterable[Change | Gap]) -> None:
        """In batches, so that very many containers are never all in memory."""
        left = iter(changes)
        while batch := list(islice(left, BATCH)):
            self._take_batch(batch)

    def _take_batch(self, changes: list[Change | Gap]) -> None:
        """Pidfds before all else, since a process may be reaped any moment; then the events; commits last."""
        events: list[Event] = []
        unsettled = []
        changed = []
        for change in changes:
            if isinstance(change, Change):
                record, text = change.found
                changed.append(record)
                if self._ends is not None and self._ends.follow(record):
                    unsettled.append(record)
                for happening in change.happenings:
                    events.append(event_of(record, happening, source=self.source, text=text))
                if change.happenings:
                    events[-1].told = change.told
            else:
                events.append(self._gap(change))
        if events:
            self._on_events(events)
        if self._ends is not None:
            for record in unsettled:
                self._ends.settle(record)
        if self._ooms is not None:
            for record in changed:
                self._ooms.follow(record)

    def _gap(self, gap: Gap) -> Event:
        return gap_event(
            subject=gap.subject,
            source=self.source,
            time=clock.now(),
            after=None,
            missed=gap.missed,
            reason=gap.reason,
            left=gap.left,
        )
