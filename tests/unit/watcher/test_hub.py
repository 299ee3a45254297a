"""The hub: bounded queues, a visible gap, and the journal for whoever was too slow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.lives import Life
from watcher import hub as hub_module
from watcher.hub import BATCH, Closed, Gap, Hub
from watcher.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from watcher.events import Event
    from watcher.hub import Subscriber

LIMIT = 4
NOW_S = 0.0  # what waits already is there at once; anything else may be given up
LONG_S = 20.0


class Line:
    """A hub with its journal, and one life that is told of."""

    def __init__(self, directory: Path, *, limit: int = LIMIT, **limits: int) -> None:
        self.journal = Journal(directory, **limits)
        self.hub = Hub(self.journal, limit=limit)
        self.life = Life()

    def tell(self, number: int, *, at_once: bool = False) -> None:
        """Publish that many events, in one batch or one by one."""
        batches = [self.life.steps(number)] if at_once else [self.life.steps(1) for _ in range(number)]
        for batch in batches:
            self.hub.publish(self.journal.append(batch))

    def subscribe(self, wants: Callable[[Event], bool] = lambda event: True, *, after: int | None = None) -> Subscriber:
        return self.hub.subscribe(wants, after=after)


def is_even(event: Event) -> bool:
    return int(event["sequence"]) % 2 == 0


async def take_all(subscriber: Subscriber) -> tuple[list[Gap], list[int]]:
    """All that waits, until nothing does."""
    gaps: list[Gap] = []
    sequences: list[int] = []
    while True:
        gap, found = await subscriber.take(NOW_S)
        gaps += [gap] if gap else []
        sequences += [each.sequence for each in found]
        if not gap and not found and subscriber.position == subscriber._journal.sequence:
            return gaps, sequences


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Callable[..., Line]]:
    made: list[Line] = []

    def make(**limits: int) -> Line:
        made.append(Line(tmp_path / f"journal{len(made)}", **limits))
        return made[-1]

    yield make
    for each in made:
        each.journal.close()


def test_a_subscriber_gets_what_is_published_after_it_came(line):
    async def scenario() -> None:
        told = line()
        told.tell(2)
        subscriber = told.subscribe()
        told.tell(3)
        assert await take_all(subscriber) == ([], [3, 4, 5])

    asyncio.run(scenario())


def test_a_subscriber_that_waits_is_woken(line):
    async def scenario() -> None:
        told = line()
        subscriber = told.subscribe()
        waiting = asyncio.ensure_future(subscriber.take(LONG_S))
        await asyncio.sleep(0)
        told.tell(1)
        _, found = await waiting
        assert [each.sequence for each in found] == [1]

    asyncio.run(scenario())


def test_one_that_resumes_gets_what_it_missed_and_then_what_comes(line):
    async def scenario() -> None:
        told = line()
        told.tell(5)
        subscriber = told.subscribe(after=2)
        told.tell(1)
        assert await take_all(subscriber) == ([], [3, 4, 5, 6])
        told.tell(2)
        assert await take_all(subscriber) == ([], [7, 8])

    asyncio.run(scenario())


def test_what_comes_while_the_journal_is_read_is_neither_lost_nor_told_twice(line):
    async def scenario() -> None:
        told = line()
        told.tell(BATCH + 3, at_once=True)
        subscriber = told.subscribe(after=0)
        first = (await subscriber.take(NOW_S))[1]
        told.tell(2 * LIMIT)
        gaps, rest = await take_all(subscriber)
        assert (gaps, [each.sequence for each in first] + rest) == ([], list(range(1, BATCH + 2 * LIMIT + 4)))

    asyncio.run(scenario())


def test_a_queue_that_is_just_full_is_no_gap(line):
    async def scenario() -> None:
        told = line()
        subscriber = told.subscribe()
        told.tell(LIMIT)
        assert await take_all(subscriber) == ([], [1, 2, 3, 4])

    asyncio.run(scenario())


@pytest.mark.parametrize("at_once", [True, False])
def test_a_slow_one_gets_one_gap_marker_and_then_what_it_missed(line, at_once):
    async def scenario() -> None:
        told = line()
        told.tell(1)
        subscriber = told.subscribe()
        told.tell(10, at_once=at_once)
        assert await take_all(subscriber) == ([Gap(1, 10, is_lost=False)], list(range(2, 12)))

    asyncio.run(scenario())


def test_after_a_gap_it_is_up_to_date_again(line):
    async def scenario() -> None:
        told = line()
        subscriber = told.subscribe()
        told.tell(10)
        await take_all(subscriber)
        told.tell(LIMIT)
        assert await take_all(subscriber) == ([], [11, 12, 13, 14])

    asyncio.run(scenario())


def test_a_slow_one_keeps_nobody_else_waiting(line):
    async def scenario() -> None:
        told = line()
        slow, quick = told.subscribe(), told.subscribe()
        found = []
        for _ in range(10):
            told.tell(1)
            found += (await take_all(quick))[1]
        assert found == list(range(1, 11))
        assert (await take_all(slow))[0] == [Gap(0, 10, is_lost=False)]

    asyncio.run(scenario())


def test_its_queue_is_never_longer_than_its_limit(line):
    async def scenario() -> None:
        told = line()
        subscriber = told.subscribe()
        lengths = []
        for _ in range(3 * LIMIT):
            told.tell(1)
            lengths.append(len(subscriber._queue))
        assert max(lengths) == LIMIT

    asyncio.run(scenario())


def test_what_the_journal_keeps_no_longer_is_lost_and_counted(line):
    async def scenario() -> None:
        told = line(segment_bytes=4096, segments=2)
        subscriber = told.subscribe()
        told.tell(60)
        first = told.journal.first
        assert await take_all(subscriber) == ([Gap(0, first - 1, is_lost=True)], list(range(first, 61)))

    asyncio.run(scenario())


def test_a_filter_leaves_out_what_isnt_wanted(line):
    async def scenario() -> None:
        told = line()
        told.tell(3)
        live, resumed = told.subscribe(is_even), told.subscribe(is_even, after=0)
        told.tell(4)
        assert await take_all(live) == ([], [4, 6])
        assert await take_all(resumed) == ([], [2, 4, 6])

    asyncio.run(scenario())


def test_only_what_is_wanted_fills_the_queue_and_counts_as_missed(line):
    async def scenario() -> None:
        told = line()
        subscriber = told.subscribe(is_even)
        told.tell(2 * LIMIT)
        assert (await take_all(subscriber))[0] == []
        told.tell(2 * LIMIT + 2)
        assert (await take_all(subscriber))[0] == [Gap(2 * LIMIT, LIMIT + 1, is_lost=False)]

    asyncio.run(scenario())


def test_its_position_follows_also_what_it_didnt_want(line):
    async def scenario() -> None:
        told = line()
        subscriber = told.subscribe(lambda event: False)
        told.tell(3)
        assert await take_all(subscriber) == ([], [])
        assert subscriber.position == 3

    asyncio.run(scenario())


def test_one_that_has_gone_is_offered_nothing(line):
    async def scenario() -> None:
        told = line()
        subscriber = told.subscribe()
        told.hub.remove(subscriber)
        told.tell(1)
        assert (len(told.hub), len(subscriber._queue)) == (0, 0)

    asyncio.run(scenario())


def test_the_end_of_the_hub_ends_a_wait(line):
    async def scenario() -> None:
        told = line()
        subscriber = told.subscribe()
        waiting = asyncio.ensure_future(subscriber.take(LONG_S))
        await asyncio.sleep(0)
        told.hub.close()
        with pytest.raises(Closed):
            await waiting
        with pytest.raises(Closed):
            await subscriber.take(LONG_S)

    asyncio.run(scenario())


def test_a_queue_is_bounded_in_bytes_too(line, monkeypatch):
    async def scenario() -> None:
        told = line(limit=1000)
        subscriber = told.subscribe()
        told.tell(1)
        monkeypatch.setattr(hub_module, "QUEUE_BYTES", 3 * len(subscriber._queue[0].line))
        told.tell(1)
        assert not subscriber.is_behind
        told.tell(2)
        assert (subscriber.is_behind, len(subscriber)) == (True, 0)
        gaps, sequences = await take_all(subscriber)
        assert (gaps, sequences) == ([Gap(0, 4, is_lost=False)], [1, 2, 3, 4])

    asyncio.run(scenario())


def test_what_is_taken_at_once_is_bounded_in_bytes(line, monkeypatch):
    async def scenario() -> None:
        monkeypatch.setattr(hub_module, "BATCH_BYTES", 1)
        told = line()
        subscriber = told.subscribe()
        told.tell(3)
        assert [len((await subscriber.take(NOW_S))[1]) for _ in range(3)] == [1, 1, 1]
        assert subscriber.position == 3

    asyncio.run(scenario())


def test_the_hub_tells_how_its_subscribers_keep_up(line):
    async def scenario() -> None:
        told = line()
        told.subscribe()
        told.subscribe(is_even)
        told.tell(LIMIT)
        assert (told.hub.depth, told.hub.behind) == (LIMIT, 0)
        told.tell(1)
        assert (told.hub.depth, told.hub.behind) == (LIMIT // 2, 1)

    asyncio.run(scenario())
