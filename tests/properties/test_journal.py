"""Whatever is written, dropped, and cut off by crashes: numbers rise by one, and no happening is lost."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lives import SOURCE, Life
from watcher.diff import events_since, known_from
from watcher.events import event_of
from watcher.journal import Gone, Journal

if TYPE_CHECKING:
    from watcher.events import Event

SEGMENT_BYTES = 8192
# real files on a machine that others share: how long an example takes says nothing
on_disk = settings(deadline=None, max_examples=60)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), st.integers(0, 2), st.integers(1, 3)),
        st.tuples(st.just("tell many"), st.integers(0, 2), st.integers(4, 20)),
        st.tuples(st.just("restart"), st.just(0), st.just(0)),
        st.tuples(st.just("crash"), st.integers(1, 5000), st.just(0)),
    ),
    max_size=20,
)


class Watcher:
    """Lives, and a watcher that tells of them through a journal; it may crash in the middle of its last write."""

    def __init__(self, directory: Path, segments: int) -> None:
        self.directory = directory
        self.segments = segments
        self.lives = [Life(str(number)) for number in range(3)]
        self.told: list[Event] = []
        self.unsure = 0
        self.open()

    def open(self) -> None:
        """Open the journal, and tell what it doesn't know, as a follower does at its start."""
        self.journal = Journal(self.directory, segment_bytes=SEGMENT_BYTES, segments=self.segments)
        for life in self.lives:
            known = self.journal.known.get(life.instance)
            news = events_since(known, life.record)
            self.tell([event_of(life.record, happening, source=SOURCE) for happening in news.happenings])

    def tell(self, events: list[Event]) -> None:
        if events:
            before = os.fstat(self.journal._fd)
            numbered = self.journal.append(events)
            after = os.fstat(self.journal._fd)
            self.told += [each.event for each in numbered]
            self.unsure = after.st_size - (before.st_size if before.st_ino == after.st_ino else 0)

    def restart(self) -> None:
        self.journal.close()
        self.unsure = 0
        self.open()

    def crash(self, cut: int) -> None:
        """What the last write wrote may be there by half only; then nobody has got it."""
        os.close(self.journal._fd)
        path = max(self.directory.glob("*.ndjson"))
        size = path.stat().st_size - min(cut, self.unsure)
        kept = path.read_bytes()[:size].count(b"\n") + int(path.name.removesuffix(".ndjson")) - 1
        os.truncate(path, size)
        self.told = [event for event in self.told if int(event["sequence"]) <= kept]
        self.unsure = 0
        self.open()

    def step(self, kind: str, first: int, second: int) -> None:
        if kind == "restart":
            self.restart()
        elif kind == "crash":
            self.crash(first)
        elif kind == "tell":
            self.tell(self.lives[first].step(*["updated"] * second))
        else:
            self.tell(self.lives[first].steps(second))


def watched(plan: list[tuple[str, int, int]], segments: int, directory: str) -> Watcher:
    watcher = Watcher(Path(directory) / "journal", segments)
    epoch = watcher.journal.epoch
    for step in plan:
        watcher.step(*step)
    assert watcher.journal.epoch == epoch
    os.close(watcher.journal._fd)
    return watcher


@on_disk
@given(steps)
def test_numbers_rise_by_one_whatever_crashes(plan):
    with tempfile.TemporaryDirectory() as directory:
        watcher = watched(plan, 10_000, directory)
        assert [int(event["sequence"]) for event in watcher.told] == list(range(1, watcher.journal.sequence + 1))


@on_disk
@given(steps)
def test_every_happening_is_told_and_in_order_whatever_crashes(plan):
    with tempfile.TemporaryDirectory() as directory:
        watcher = watched(plan, 10_000, directory)
        for life in watcher.lives:
            told = [event["id"] for event in watcher.told if event["subject"] == life.record["id"]]
            happened = [f"{life.instance}:{each['generation']}:{each['n']}" for each in life.record["transitions"]]
            once = sorted(set(told), key=lambda identity: [int(part) for part in identity.split(":")[1:]])
            assert set(happened[1:]) <= set(told)
            assert list(dict.fromkeys(told)) == once


@on_disk
@given(steps, st.integers(2, 4))
def test_a_cursor_gives_all_that_came_after_it_or_is_gone(plan, segments):
    with tempfile.TemporaryDirectory() as directory:
        watcher = watched(plan, segments, directory)
        journal = watcher.journal
        for event in watcher.told:
            try:
                found = [each.event for each in journal.after(journal.sequence_of(event["cursor"]))]
            except Gone:
                assert int(event["sequence"]) < journal.first - 1
            else:
                assert found == watcher.told[int(event["sequence"]) :]


@on_disk
@given(steps, st.integers(2, 4))
def test_after_a_clean_end_all_is_known_and_nothing_is_told_twice(plan, segments):
    with tempfile.TemporaryDirectory() as directory:
        watcher = Watcher(Path(directory) / "journal", segments)
        for step in plan:
            watcher.step(*step)
        before = watcher.journal.sequence
        watcher.restart()
        assert watcher.journal.sequence == before
        told = {event["data"]["instance"] for event in watcher.told}
        assert watcher.journal.known == {
            life.instance: known_from(life.record) for life in watcher.lives if life.instance in told
        }
        os.close(watcher.journal._fd)
