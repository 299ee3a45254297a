"""What is published goes straight to whoever takes it, and nothing overtakes what waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.lives import Life
from watcher import hub as hub_module
from watcher.counts import Counts
from watcher.hub import Hub, Published
from watcher.journal import Journal
from watcher.outputs.streams import NDJSON, SSE, Straight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from watcher.events import Event
    from watcher.hub import Subscriber
    from watcher.journal import Numbered

LIMIT = 4
NOW_S = 0.0


class Reader:
    """An outlet that takes what comes while ``is_quick``."""

    def __init__(self) -> None:
        self.is_quick = True
        self.found: list[list[int]] = []

    def send(self, numbered: list[Numbered], published: Published) -> bool:
        if self.is_quick:
            self.found.append([each.sequence for each in numbered])
        return self.is_quick


class Line:
    """A hub with its journal, and a life that is told of."""

    def __init__(self, directory: Path) -> None:
        self.journal = Journal(directory)
        self.hub = Hub(self.journal, limit=LIMIT)
        self.life = Life()

    def tell(self, number: int) -> None:
        events = self.life.steps(number)
        self.hub.publish(self.journal.append(events), events)

    def subscribe(
        self, wants: Callable[[Event], bool] | None = None, *, after: int | None = None
    ) -> tuple[Subscriber, Reader]:
        subscriber, reader = self.hub.subscribe(wants, after=after), Reader()
        subscriber.attach(reader)
        return subscriber, reader


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path / "journal")
    yield made
    made.journal.close()


def taken(subscriber: Subscriber) -> list[int]:
    _, found = asyncio.run(subscriber.take(NOW_S))
    return [each.sequence for each in found]


def test_one_that_keeps_up_gets_all_at_once_and_nothing_waits(line):
    subscriber, reader = line.subscribe()
    line.tell(2)
    line.tell(1)
    assert (reader.found, len(subscriber), subscriber.position) == ([[1, 2], [3]], 0, 3)


def test_what_its_reader_did_not_take_waits(line):
    subscriber, reader = line.subscribe()
    reader.is_quick = False
    line.tell(2)
    assert (reader.found, taken(subscriber)) == ([], [1, 2])


def test_nothing_overtakes_what_waits(line):
    subscriber, reader = line.subscribe()
    reader.is_quick = False
    line.tell(1)
    reader.is_quick = True
    line.tell(1)
    assert (reader.found, taken(subscriber)) == ([], [1, 2])
    line.tell(1)
    assert reader.found == [[3]]


def test_nothing_overtakes_what_is_still_to_be_read_from_the_journal(line):
    line.tell(3)
    subscriber, reader = line.subscribe(after=1)
    line.tell(1)
    assert (reader.found, taken(subscriber)) == ([], [2, 3, 4])
    line.tell(1)
    assert reader.found == [[5]]


def test_after_its_queue_overflowed_nothing_goes_straight_until_it_has_caught_up(line):
    subscriber, reader = line.subscribe()
    reader.is_quick = False
    line.tell(LIMIT + 1)
    reader.is_quick = True
    line.tell(1)
    assert reader.found == []
    assert taken(subscriber) == list(range(1, LIMIT + 3))
    line.tell(1)
    assert reader.found == [[LIMIT + 3]]


def test_with_a_filter_only_what_is_wanted_goes(line):
    _, everything = line.subscribe()
    subscriber, reader = line.subscribe(lambda event: event["data"]["generation"] % 2 == 0)
    line.tell(3)
    line.tell(1)
    assert (everything.found, reader.found) == ([[1, 2, 3], [4]], [[1, 3]])
    assert subscriber.position == 3


def test_one_write_is_bounded(line, monkeypatch):
    monkeypatch.setattr(hub_module, "BATCH_BYTES", 1)
    _, reader = line.subscribe()
    line.tell(3)
    assert reader.found == [[1], [2], [3]]


class Transport:
    """As much of asyncio's as is needed."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.unsent = 0
        self.closing = False

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        self.written.append(data)


def straight(transport: Any, form: Any = NDJSON, *, is_chunked: bool = True, counts: Counts | None = None) -> Straight:
    return Straight(transport, form, lambda number: f"e.{number}", counts or Counts(), is_chunked=is_chunked)


@pytest.fixture
def numbered(line) -> list[Numbered]:
    return line.journal.append(line.life.steps(2))


def test_a_chunk_holds_the_lines(numbered):
    transport = Transport()
    assert straight(transport).send(numbered, Published(numbered, ()))
    body = b"".join(each.line + b"\n" for each in numbered)
    assert transport.written == [b"%x\r\n" % len(body) + body + b"\r\n"]


def test_without_chunks_there_are_but_the_lines(numbered):
    transport = Transport()
    straight(transport, is_chunked=False).send(numbered, Published(numbered, ()))
    assert transport.written == [b"".join(each.line + b"\n" for each in numbered)]


def test_server_sent_events_have_their_cursors(numbered):
    transport = Transport()
    straight(transport, SSE, is_chunked=False).send(numbered[1:], Published(numbered, ()))
    assert transport.written[0].startswith(b"id: e.2\nevent: org.runf.container.updated.v1\ndata: {")
    assert transport.written[0].endswith(b"}\n\n")


def test_readers_of_one_form_share_what_is_put_together(numbered):
    first, second, other = Transport(), Transport(), Transport()
    published = Published(numbered, ())
    for transport, form in ((first, NDJSON), (other, SSE), (second, NDJSON)):
        straight(transport, form).send(numbered, published)
    assert first.written[0] is second.written[0]
    assert other.written[0].count(b"\ndata: ") == 2


@pytest.mark.parametrize(("unsent", "closing"), [(1, False), (0, True)])
def test_one_that_must_be_waited_for_takes_nothing(numbered, unsent, closing):
    transport = Transport()
    transport.unsent, transport.closing = unsent, closing
    assert not straight(transport).send(numbered, Published(numbered, ()))
    assert transport.written == []


def test_a_reader_that_had_gone_is_a_failure(numbered):
    class Broken(Transport):
        def write(self, data: bytes) -> None:
            self.closing = True

    counts = Counts()
    straight(Broken(), counts=counts).send(numbered, Published(numbered, ()))
    assert counts.delivery_failures == 1
