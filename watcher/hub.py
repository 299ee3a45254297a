"""The hub: every subscriber has a bounded queue of its own, and nobody waits for anybody.

    behind      what comes next is read from the journal, at the subscriber's own pace
    up to date  what is published goes straight to its outlet, while that takes it without waiting; else into its queue

A subscriber that resumes begins behind. One whose queue overflows loses the queue and is behind again: it gets one
gap marker, which tells how many events the queue had no room for and after which sequence they begin, and then these
very events from the journal. Only what the journal keeps no longer is lost, and then the marker says that.
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

from watcher.counts import Counts
from watcher.journal import Gone

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from watcher.events import Event
    from watcher.journal import Journal, Numbered

QUEUE_LIMIT = 4096
QUEUE_BYTES = 16 << 20
BATCH = 256
BATCH_BYTES = 64 << 10


class Closed(Exception):
    """The hub ends; no more events will come."""


class Gap(NamedTuple):
    """``missed`` events that follow the one of sequence ``after``; they come next, or are lost."""

    after: int
    missed: int
    is_lost: bool


class Published:
    """What is handed on at once: ``events`` are the same as the lines, where somebody has a filter."""

    def __init__(self, numbered: list[Numbered], events: Sequence[Event]) -> None:
        self.numbered = numbered
        self.events = events
        self.size = _size(numbered)
        self._framed: dict[Hashable, bytes] = {}

    def framed(self, form: Hashable, frame: Callable[[list[Numbered]], bytes]) -> bytes:
        """All of it in that form: made once for all who want it so."""
        found = self._framed.get(form)
        if found is None:
            found = self._framed[form] = frame(self.numbered)
        return found


class Outlet(Protocol):
    """Where a subscriber's events go."""

    def send(self, numbered: list[Numbered], published: Published) -> bool:
        """Whether it took them; False where its reader would have to be waited for.

        ``numbered`` are those of ``published`` that are wanted: the same list where all are.
        """


class Subscriber:
    """One consumer: what it wants (all, where ``wants`` is None), and what waits for it.

    ``position`` is a sequence: all that it wants up to there has been taken.
    """

    def __init__(
        self,
        journal: Journal,
        wants: Callable[[Event], bool] | None,
        *,
        after: int,
        limit: int = QUEUE_LIMIT,
        counts: Counts | None = None,
    ) -> None:
        self._journal = journal
        self._counts = counts or Counts()
        self._wants = wants
        self._limit = limit
        self._queue: deque[Numbered] = deque()
        self._queued_bytes = 0
        self._replay: Iterator[Numbered] | None = None
        self._is_behind = after < journal.sequence
        self._gap: Gap | None = None
        self._ready = asyncio.Event()
        self._is_closed = False
        self._outlet: Outlet | None = None
        self.position = after

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def is_behind(self) -> bool:
        """Whether it reads from the journal."""
        return self._is_behind

    @property
    def has_filter(self) -> bool:
        """Whether it wants only some."""
        return self._wants is not None

    def attach(self, outlet: Outlet) -> None:
        """From now on ``outlet`` gets what is published, while nothing waits that was before it."""
        self._outlet = outlet

    def offer(self, published: Published) -> None:
        """Hand on what it wants, or put that into its queue; never waits."""
        wanted, size, wants = published.numbered, published.size, self._wants
        if wants is not None:
            wanted = [each for each, event in zip(wanted, published.events, strict=True) if wants(event)]
            if not wanted:
                return
            size = _size(wanted)
        if self._gap is not None:
            self._gap = self._gap._replace(missed=self._gap.missed + len(wanted))
        elif self._is_behind:
            return  # it will find them in the journal
        elif not self._queue and self._outlet is not None and self._outlet.send(wanted, published):
            self.position = published.numbered[-1].sequence
            return
        elif len(self._queue) + len(wanted) > self._limit or self._queued_bytes + size > QUEUE_BYTES:
            self._gap = Gap(self.position, len(self._queue) + len(wanted), is_lost=False)
            self._is_behind = True
            self._queue.clear()
            self._queued_bytes = 0
        else:
            self._queue.extend(wanted)
            self._queued_bytes += size
        self._ready.set()

    def close(self) -> None:
        """Wake it up for the last time."""
        self._is_closed = True
        self._ready.set()

    async def take(self, timeout_s: float) -> tuple[Gap | None, list[Numbered]]:
        """The gap, if there is one, and some of what waits after it; nothing when ``timeout_s`` has passed first.

        Closed.
        """
        if not self._is_behind and not self._queue:
            await self._wait(timeout_s)
        if self._is_closed:
            raise Closed
        if self._is_behind:
            await asyncio.sleep(0)  # others get their turn, also where the journal holds nothing that is wanted
            return self._take_from_journal()
        found = _some(iter(self._queue.popleft, None), len(self._queue))
        self._queued_bytes -= _size(found)
        self.position = found[-1].sequence if found else self._journal.sequence
        return None, found

    async def _wait(self, timeout_s: float) -> None:
        if self._is_closed:
            return
        self._ready.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            return

    def _take_from_journal(self) -> tuple[Gap | None, list[Numbered]]:
        gap, self._gap = self._gap, None
        try:
            if self._replay is None:
                self._replay = self._journal.after(self.position)
            batch = _some(self._replay, BATCH)
        except Gone:
            self._replay = None
            after, self.position = self.position, self._journal.first - 1
            self._counts.gaps += 1
            self._counts.dropped += self.position - after
            return Gap(after, self.position - after, is_lost=True), []
        if batch:
            self.position = batch[-1].sequence
        if not batch or self.position >= self._journal.sequence:
            self._replay = None
        self._is_behind = self.position < self._journal.sequence
        self._counts.gaps += gap is not None
        wants = self._wants
        return gap, batch if wants is None else [each for each in batch if wants(each.event)]


def _size(numbered: list[Numbered]) -> int:
    return sum([len(each.line) for each in numbered])


def _some(numbered: Iterator[Numbered], at_most: int) -> list[Numbered]:
    """The next ones, as many as make one write that keeps nobody waiting; at least one where there is one."""
    found, size = [], 0
    for each in islice(numbered, min(at_most, BATCH)):
        found.append(each)
        size += len(each.line)
        if size >= BATCH_BYTES:
            break
    return found


class Hub:
    """All subscribers of one journal."""

    def __init__(self, journal: Journal, *, limit: int = QUEUE_LIMIT, counts: Counts | None = None) -> None:
        self._journal = journal
        self._counts = counts or Counts()
        self.limit = limit
        self._subscribers: set[Subscriber] = set()

    def __len__(self) -> int:
        return len(self._subscribers)

    @property
    def behind(self) -> int:
        """How many subscribers read from the journal."""
        return sum(each.is_behind for each in self._subscribers)

    @property
    def depth(self) -> int:
        """How much waits in the longest queue."""
        return max(map(len, self._subscribers), default=0)

    def subscribe(self, wants: Callable[[Event], bool] | None, *, after: int | None = None) -> Subscriber:
        """A new subscriber, from the event after that sequence on; from now on where it is None."""
        begin = self._journal.sequence if after is None else after
        subscriber = Subscriber(self._journal, wants, after=begin, limit=self.limit, counts=self._counts)
        self._subscribers.add(subscriber)
        return subscriber

    def remove(self, subscriber: Subscriber) -> None:
        """It gets no more."""
        self._subscribers.discard(subscriber)

    def publish(self, numbered: list[Numbered], events: Sequence[Event] | None = None) -> None:
        """Offer to everybody what the journal has just taken up; ``events`` are the same, if they are at hand."""
        is_filtered = any(subscriber.has_filter for subscriber in self._subscribers)
        if events is None or not is_filtered:
            events = [each.event for each in numbered] if is_filtered else ()
        begin = 0
        while begin < len(numbered):
            # what an outlet has taken and its reader hasn't is never more than one write
            some = _some(iter(numbered[begin : begin + BATCH]), BATCH)
            published = Published(some, events[begin : begin + len(some)])
            begin += len(some)
            for subscriber in self._subscribers:
                subscriber.offer(published)

    def close(self) -> None:
        """End every subscription."""
        for subscriber in self._subscribers:
            subscriber.close()
