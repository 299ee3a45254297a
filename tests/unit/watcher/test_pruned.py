"""Lives that were pruned: told, reported as missed, or neither, by what an earlier watcher has seen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runtime.store import deleted
from tests.support.looks import create, told
from tests.support.records import commit, retire
from watcher.diff import known_from
from watcher.snapshot import EVERYTHING, Snapshot

if TYPE_CHECKING:
    from runtime.store.record import Record
    from runtime.store.store import Store


def prune_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all last records, as if they were too old."""
    with monkeypatch.context() as patch:
        patch.setattr(deleted, "COUNT_LIMIT", -1)
        deleted.prune(store.fds)
    assert [name for name in os.listdir(store.fds.deleted) if not name.startswith(".")] == []


def test_lives_that_were_pruned_while_nobody_followed_are_a_gap(store, monkeypatch):
    create(store)
    retire(store)
    prune_all(store, monkeypatch)
    restarted = Snapshot(store)
    restarted.restore({}, told_until="2026-01-31T00:00:00.000000000Z")
    assert told(list(restarted.refresh(EVERYTHING))) == [("", "gap")]


def test_lives_that_were_pruned_and_ended_before_the_last_event_are_no_gap(store, monkeypatch):
    create(store)
    retire(store)
    prune_all(store, monkeypatch)
    restarted = Snapshot(store)
    restarted.restore({}, told_until="2036-01-31T00:00:00.000000000Z")
    assert told(list(restarted.refresh(EVERYTHING))) == []


@pytest.mark.parametrize("told_until", ["2006-01-31T00:00:00.000000000Z", "2036-01-31T00:00:00.000000000Z"])
@pytest.mark.parametrize(("ahead_ns", "gaps"), [(-1, 1), (0, 0), (1, 0)])
def test_the_clock_that_jumps_says_nothing_where_the_one_that_does_not_can_tell(
    store, monkeypatch, told_until, ahead_ns, gaps
):
    create(store)
    retire(store)
    prune_all(store, monkeypatch)
    retired = deleted.read_pruned(store.fds)["newestRetired"]
    restarted = Snapshot(store)
    followed_until = {**retired, "boottimeNs": retired["boottimeNs"] + ahead_ns}
    restarted.restore({}, told_until=told_until, followed_until=followed_until)
    assert told(list(restarted.refresh(EVERYTHING))) == [("", "gap")] * gaps


def test_a_known_life_that_left_and_was_pruned_while_nobody_followed_is_a_gap(store, monkeypatch):
    record = commit_stopped(store)
    retire(store)
    prune_all(store, monkeypatch)
    restarted = Snapshot(store)
    restarted.restore({record["instance"]: known_from(record)}, told_until="2036-01-31T00:00:00.000000000Z")
    assert told(list(restarted.refresh(EVERYTHING))) == [("web", "gap")]
    assert told(list(restarted.refresh(EVERYTHING))) == []


def test_a_known_life_whose_departure_was_told_may_be_pruned(store, monkeypatch):
    commit_stopped(store)
    last = retire(store)
    prune_all(store, monkeypatch)
    restarted = Snapshot(store)
    restarted.restore({last["instance"]: known_from(last)}, told_until="2036-01-31T00:00:00.000000000Z")
    assert told(list(restarted.refresh(EVERYTHING))) == []


def commit_stopped(store: Store) -> Record:
    create(store)
    return commit(store, status="stopped", happenings=("stopped",))


def test_a_watcher_that_begins_reports_no_gap(store, monkeypatch):
    create(store)
    retire(store)
    prune_all(store, monkeypatch)
    assert told(Snapshot(store).refresh(EVERYTHING)) == []


def test_lives_that_were_told_may_be_pruned(store, looks, monkeypatch):
    create(store)
    looks.all()
    retire(store)
    looks.all()
    prune_all(store, monkeypatch)
    assert [*looks.snapshot.forget_pruned(), *looks.snapshot.forget_pruned()] == []
    assert looks.snapshot.known() == {}


def test_lives_that_were_pruned_before_anybody_looked_are_counted(store, looks, monkeypatch):
    for container_id in ("a", "b"):
        create(store, container_id)
        retire(store, container_id)
    prune_all(store, monkeypatch)
    looks.directory.read()
    gaps = [*looks.snapshot.forget_pruned(), *looks.snapshot.forget_pruned(), *looks.snapshot.forget_pruned()]
    assert [(gap.subject, gap.missed) for gap in gaps] == [("", 2)]
