"""The journal: numbered, on disk first, bounded, and whole again after a crash at any byte."""

from __future__ import annotations

import errno
import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from runtime.errors import Fault
from tests.support.lives import Life, a_gap
from watcher import journal as journal_module
from watcher.diff import known_from
from watcher.events import type_of
from watcher.journal import Gone, Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SMALL = 4096


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Journal]]:
    """Opens the journal; whatever was open before is left as a crash would leave it."""
    made: list[Journal] = []

    def make(**limits: Any) -> Journal:
        made.append(Journal(tmp_path / "journal", **limits))
        return made[-1]

    yield make
    for each in made:
        os.close(each._fd)


def sequences(journal: Journal, after: int) -> list[int]:
    return [each.sequence for each in journal.after(after)]


def newest_segment(tmp_path: Path) -> Path:
    return sorted((tmp_path / "journal").glob("*.ndjson"))[-1]


def test_events_are_numbered_one_by_one(opened):
    journal = opened()
    numbered = journal.append(Life().steps(3))
    assert [(each.event["sequence"], each.event["cursor"]) for each in numbered] == [
        (f"{number:020}", f"{journal.epoch}.{number}") for number in (1, 2, 3)
    ]
    assert journal.cursor == f"{journal.epoch}.3"


def test_the_line_of_an_event_is_the_event(opened):
    (numbered,) = opened().append(Life().steps(1))
    assert json.loads(numbered.line) == numbered.event
    assert type_of(numbered.line) == numbered.event["type"]
    assert b"\n" not in numbered.line


def test_an_event_is_on_disk_before_anybody_has_it(opened, tmp_path):
    journal = opened()
    numbered = journal.append(Life().steps(2))
    assert newest_segment(tmp_path).read_bytes() == b"".join(each.line + b"\n" for each in numbered)


def test_only_the_watcher_may_look_into_it(opened, tmp_path):
    opened().append(Life().steps(1))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "journal").iterdir()}
    assert stat.S_IMODE((tmp_path / "journal").stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}


def test_a_cursor_gives_what_came_after_it(opened):
    journal = opened()
    numbered = journal.append(Life().steps(5))
    after = journal.sequence_of(numbered[1].event["cursor"])
    assert list(journal.after(after)) == numbered[2:]


def test_the_newest_cursor_gives_nothing(opened):
    journal = opened()
    journal.append(Life().steps(2))
    assert sequences(journal, journal.sequence_of(journal.cursor)) == []


def test_an_empty_journal_has_a_cursor_that_gives_all_that_comes(opened):
    journal = opened()
    begin = journal.cursor
    journal.append(Life().steps(2))
    assert sequences(journal, journal.sequence_of(begin)) == [1, 2]


@pytest.mark.parametrize(
    "text", ["", "1", ".1", "0123456789abcdef.1", "{}.", "{}.-1", "{}.x", "{}.4", "{}.²", "{}.1.1"]
)
def test_a_cursor_that_leads_nowhere_is_gone(opened, text):
    journal = opened()
    journal.append(Life().steps(3))
    with pytest.raises(Gone):
        journal.sequence_of(text.format(journal.epoch))


def test_a_cursor_with_very_many_digits_is_gone(opened):
    journal = opened()
    with pytest.raises(Gone):
        journal.sequence_of(f"{journal.epoch}.{'9' * 5000}")


def test_reopened_it_goes_on_with_the_same_epoch_and_the_next_number(opened):
    first = opened()
    first.append(Life().steps(3))
    again = opened()
    assert again.cursor == first.cursor
    assert [each.sequence for each in again.append(Life().steps(1))] == [4]
    assert sequences(again, 0) == [1, 2, 3, 4]


def test_two_journals_have_two_epochs(tmp_path):
    one, other = Journal(tmp_path / "one"), Journal(tmp_path / "other")
    assert one.epoch != other.epoch
    one.close()
    other.close()


def test_its_size_is_bounded_and_the_oldest_go_first(opened, tmp_path):
    journal = opened(segment_bytes=SMALL, segments=3)
    life = Life()
    for _ in range(60):
        journal.append(life.step("updated"))
    largest_line = max(len(each.line) for each in journal.after(journal.first - 1))
    sizes = [path.stat().st_size for path in (tmp_path / "journal").glob("*.ndjson")]
    assert len(sizes) == 3
    assert max(sizes) <= SMALL + largest_line + 1
    assert sequences(journal, journal.first - 1) == list(range(journal.first, 61))


def test_one_large_batch_is_bounded_too(opened, tmp_path):
    journal = opened(segment_bytes=SMALL, segments=3)
    numbered = journal.append(Life().steps(60))
    assert [each.sequence for each in numbered] == list(range(1, 61))
    assert len(list((tmp_path / "journal").glob("*.ndjson"))) == 3
    assert sequences(journal, journal.first - 1) == list(range(journal.first, 61))


def test_a_cursor_older_than_what_is_kept_is_gone(opened):
    journal = opened(segment_bytes=SMALL, segments=2)
    (oldest, *_) = journal.append(Life().steps(60))
    with pytest.raises(Gone):
        journal.sequence_of(oldest.event["cursor"])


def test_the_cursor_just_before_what_is_kept_still_leads_on(opened):
    journal = opened(segment_bytes=SMALL, segments=2)
    journal.append(Life().steps(60))
    after = journal.sequence_of(journal.cursor_at(journal.first - 1))
    assert sequences(journal, after)[0] == journal.first


def test_a_replay_that_is_overtaken_ends_with_gone(opened):
    journal = opened(segment_bytes=SMALL, segments=3)
    life = Life()
    journal.append(life.steps(8))
    replay = journal.after(0)
    next(replay)
    journal.append(life.steps(60))
    with pytest.raises(Gone):
        list(replay)


@pytest.mark.parametrize("kept", [0, 1, 100])
def test_a_line_that_a_crash_cut_off_is_taken_away(opened, tmp_path, kept):
    (_, second) = opened().append(Life().steps(2))
    path = newest_segment(tmp_path)
    os.truncate(path, path.stat().st_size - len(second.line) - 1 + kept)
    journal = opened()
    assert journal.sequence == 1
    journal.append(Life().steps(1))
    assert sequences(journal, 0) == [1, 2]


def test_a_line_without_its_end_is_taken_away(opened, tmp_path):
    opened().append(Life().steps(2))
    path = newest_segment(tmp_path)
    os.truncate(path, path.stat().st_size - 1)
    assert opened().sequence == 1


def test_what_was_told_of_each_life_is_known_again(opened):
    one, other = Life("one"), Life("other")
    journal = opened()
    journal.append(one.step("created"))
    journal.append(other.step("created"))
    journal.append(one.step("started", "updated"))
    assert (
        opened().known
        == journal.known
        == {one.instance: known_from(one.record), other.instance: known_from(other.record)}
    )


def test_a_generation_told_by_half_is_told_again(opened, tmp_path):
    life = Life()
    opened().append(life.step("created"))
    before = known_from(life.record)
    (_, second) = opened().append(life.step("started", "updated"))
    path = newest_segment(tmp_path)
    os.truncate(path, path.stat().st_size - len(second.line) - 1)
    assert opened().known == {life.instance: before}


@pytest.mark.parametrize("is_closed", [True, False])
def test_what_was_told_survives_the_segments_that_told_it(opened, is_closed):
    old, new = Life("old"), Life("new")
    journal = opened(segment_bytes=SMALL, segments=2)
    journal.append(old.step("created"))
    journal.append(new.steps(60))
    assert sequences(journal, journal.first - 1)[0] > 1
    if is_closed:
        journal._write_known()
    assert opened().known == {old.instance: known_from(old.record), new.instance: known_from(new.record)}


def test_lives_that_are_gone_are_forgotten(opened):
    old, new = Life("old"), Life("new")
    journal = opened()
    journal.append(old.step("created") + new.step("created"))
    journal.forget({new.instance})
    journal._write_known()
    assert opened().known.keys() == {new.instance}


def test_how_far_pruned_lives_are_told_is_kept_and_begun_anew_with_the_journal(opened, tmp_path):
    here, gone = str(tmp_path), str(tmp_path / "gone")
    journal = opened()
    assert journal.pruned_until == {}
    assert journal.follow({here: "a", gone: "b"})
    assert opened().pruned_until == {here: "a", gone: "b"}
    assert journal.follow({here: "c"})
    assert opened().pruned_until == {here: "c"}  # a root that is there no more takes its entry along
    (journal._directory / "epoch").write_text("broken")
    assert opened().pruned_until == {}
    assert opened().pruned_until == {}


def test_on_a_full_file_system_what_was_written_of_pruned_lives_stands(opened, tmp_path, monkeypatch):
    journal = opened()
    assert journal.follow({str(tmp_path): "a"})
    monkeypatch.setattr(journal, "_replace", fail_for_want_of_space)
    assert not journal.follow({str(tmp_path): "b"})
    assert journal.follow({str(tmp_path): "a"})
    assert journal.pruned_until == opened().pruned_until == {str(tmp_path): "a"}


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[]", b"{}", b'{"prunedUntil":7}', b'{"bootId":"b","boottimeNs":7}']
)
def test_what_cannot_be_read_of_pruned_lives_is_not_known(opened, content):
    (opened()._directory / "followed.json").write_bytes(content)
    assert opened().pruned_until == {}


def fail_for_want_of_space(name: str, content: bytes) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_gap_is_an_event_of_no_life(opened):
    opened().append([a_gap()])
    journal = opened()
    assert (journal.sequence, journal.known) == (1, {})


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"nonsense", b"[]", b'{"lives":{},"sequence":99}', b'{"lives":{"a":7}}']
)
def test_a_broken_known_file_is_made_good_by_the_segments(opened, tmp_path, content):
    life = Life()
    journal = opened(segment_bytes=SMALL)
    journal.append(life.steps(20))
    (tmp_path / "journal" / "known.json").write_bytes(content)
    assert opened().known == journal.known == {life.instance: known_from(life.record)}


@pytest.mark.parametrize("content", [b"", b"nonsense\n", b"\0" * 100 + b"\n", b'{"cursor":"x.1"}\n', b"[]\n"])
def test_a_journal_that_makes_no_sense_begins_anew(opened, tmp_path, content):
    journal = opened()
    journal.append(Life().steps(2))
    if content:
        newest_segment(tmp_path).write_bytes(content)
    else:
        (tmp_path / "journal" / "epoch").write_bytes(b"")
    again = opened()
    assert again.epoch != journal.epoch
    assert (again.sequence, again.known) == (0, {})
    with pytest.raises(Gone):
        again.sequence_of(journal.cursor_at(1))
    again.append(Life().steps(1))
    assert sequences(again, 0) == [1]


def full_for(times: int, monkeypatch) -> list[int]:
    """The next ``times`` writes find the file system full; the list counts the calls."""
    calls: list[int] = []
    write = os.write

    def failing(fd: int, data: bytes) -> int:
        calls.append(fd)
        if len(calls) <= times:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data)

    monkeypatch.setattr(journal_module.os, "write", failing)
    return calls


def test_on_a_full_file_system_the_oldest_make_room_for_the_newest(opened, monkeypatch):
    journal = opened(segment_bytes=SMALL, segments=4)
    life = Life()
    while len(journal._segments) < 3:
        journal.append(life.step("updated"))
    second = journal._segments[1]
    full_for(1, monkeypatch)
    journal.append(life.step("updated"))
    assert journal.first == second
    assert sequences(journal, second - 1)[-1] == journal.sequence


def test_where_nothing_can_make_room_the_fault_says_so(opened, monkeypatch):
    journal = opened()
    full_for(1, monkeypatch)
    with pytest.raises(Fault, match="can't be written: No space left on device"):
        journal.append(Life().steps(1))
