"""What a record tells that wasn't known before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.store.record import MAX_EXECS, MAX_TRANSITIONS, advance, exec_ended, exec_started
from tests.support.records import LATER, NOW, exit_of, first_record, process_of
from watcher.diff import Known, events_since, has_left, known_before, known_from, total

if TYPE_CHECKING:
    from runtime.store.record import Record


def after(record: Record, *happenings: str) -> Record:
    """``record`` after one commit for each of ``happenings``."""
    for happening in happenings:
        record = advance(record, now=LATER, happenings=(happening,))
    return record


def types(known: Known | None, record: Record) -> list[str]:
    return [each.type for each in events_since(known, record).happenings]


def test_a_publication_alone_is_no_event():
    assert types(None, first_record()) == []


def test_a_life_that_nobody_saw_is_told_from_its_beginning():
    assert types(None, after(first_record(), "created", "started")) == ["created", "started"]


def test_only_what_came_after_the_known_generation_is_new():
    known = known_from(after(first_record(), "created"))
    record = after(first_record(), "created", "started", "paused")
    assert types(known, record) == ["started", "paused"]


def test_the_same_record_is_no_news():
    record = after(first_record(), "created")
    assert events_since(known_from(record), record) == ([], 0)


def test_an_older_record_is_no_news():
    record = after(first_record(), "created")
    assert events_since(known_from(after(record, "started")), record) == ([], 0)


def test_happenings_of_one_commit_keep_their_order():
    record = advance(first_record(), now=LATER, status="stopped", happenings=("started", "stopped"))
    assert [(each.generation, each.n, each.type) for each in events_since(None, record).happenings] == [
        (2, 0, "started"),
        (2, 1, "stopped"),
    ]


def test_an_exec_starts_and_ends_among_the_transitions():
    record = exec_started(after(first_record(), "created", "started"), process_of(7), now=NOW)
    record = after(record, "paused", "resumed")
    record = exec_ended(record, process_of(7), exit_of(0), now=LATER)
    assert types(None, record) == ["created", "started", "exec.started", "paused", "resumed", "exec.ended"]


def test_the_end_of_a_known_exec_is_new():
    record = exec_started(first_record(), process_of(7), now=NOW)
    assert types(known_from(record), exec_ended(record, process_of(7), exit_of(0), now=LATER)) == ["exec.ended"]


def test_commits_without_happenings_lose_nothing():
    known = known_from(first_record())
    record = first_record()
    for _ in range(100):
        record = advance(record, now=LATER, pid=5)
    assert events_since(known, record) == ([], 0)


def test_transitions_that_were_pushed_out_are_counted():
    known = known_from(first_record())
    record = after(first_record(), *["updated"] * (MAX_TRANSITIONS + 5))
    news = events_since(known, record)
    assert (len(news.happenings), news.lost) == (MAX_TRANSITIONS, 5)


def test_transitions_that_were_told_before_they_went_are_not_lost():
    first = after(first_record(), *["updated"] * MAX_TRANSITIONS)
    record = after(first, *["updated"] * 10)
    assert events_since(known_from(first), record).lost == 0


def test_an_exec_that_was_pushed_out_lost_its_start_and_its_end():
    record = first_record()
    for pid in range(1, MAX_EXECS + 2):
        record = exec_ended(exec_started(record, process_of(pid), now=NOW), process_of(pid), exit_of(0), now=NOW)
    assert events_since(known_from(first_record()), record).lost == 2


def test_execs_seen_one_by_one_lose_nothing():
    record = first_record()
    for pid in range(1, 2 * MAX_EXECS):
        for following in (
            exec_started(record, process_of(pid), now=NOW),
            exec_ended(exec_started(record, process_of(pid), now=NOW), process_of(pid), exit_of(0), now=NOW),
        ):
            assert events_since(known_from(record), following).lost == 0
            record = following


def test_a_life_never_seen_lost_what_was_pushed_out():
    record = after(first_record(), *["updated"] * (MAX_TRANSITIONS + 3))
    assert events_since(None, record).lost == 3


def test_a_publication_that_was_pushed_out_is_no_loss():
    record = after(first_record(), *["updated"] * MAX_TRANSITIONS)
    assert events_since(None, record).lost == 0


def test_without_a_count_a_list_that_reaches_back_lost_nothing():
    record = after(first_record(), *["updated"] * MAX_TRANSITIONS)
    assert events_since(Known("web", 2), record).lost == 0


def test_without_a_count_a_list_that_begins_later_lost_an_unknown_number():
    record = after(first_record(), *["updated"] * (2 * MAX_TRANSITIONS))
    assert events_since(Known("web", 2), record).lost is None


def test_what_was_told_by_half_is_told_again_and_counts_nothing_as_lost():
    record = after(first_record(), *["updated"] * (2 * MAX_TRANSITIONS))
    for number in range(2 * MAX_EXECS):
        added = process_of(5000 + number)
        record = exec_ended(exec_started(record, added, now=NOW), added, exit_of(0), now=NOW)
    record = advance(record, now=LATER, status="stopped", happenings=("started", "stopped"))
    known = known_before(record, record["generation"])
    assert known.generation == record["generation"] - 1
    assert ([each.type for each in events_since(known, record).happenings]) == ["started", "stopped"]
    assert events_since(known, record).lost == 0


def test_a_life_has_left_with_its_deletion_or_with_a_create_that_failed():
    created = after(first_record(), "created")
    assert not has_left(created)
    assert not has_left(after(created, "failed"))
    assert has_left(after(first_record(), "failed"))
    assert has_left(after(created, "failed", "deleted"))
    assert has_left(after(created, "deleted", "exit"))
    assert known_from(after(created, "deleted")).has_left


def test_a_record_without_transitions_is_no_news():
    assert events_since(None, {**first_record(), "transitions": []}) == ([], 0)


def test_the_total_counts_what_was_pushed_out():
    assert total(after(first_record(), *["updated"] * 100)) == 101
