"""A watcher that comes back goes on where its journal ends: nothing twice, nothing lost, no gap that isn't one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runtime.store import deleted
from runtime.store.record import MAX_EXECS, MAX_TRANSITIONS, advance, exec_ended, exec_started
from tests.support.following import settle
from tests.support.records import LATER, commit, exit_of, process_of, prune_all, publish, retire
from watcher.follower import Follower
from watcher.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.store.record import Process, Record
    from runtime.store.store import Store


class Watcher:
    """A follower and its journal; ``types`` are those of the events that it has told."""

    def __init__(self, store: Store, directory: Path) -> None:
        self.types: list[str] = []
        self.is_open = True
        self.journal = Journal(directory)
        self.follower = Follower(store, commits=True, source="//m/c", on_events=self._tell)
        self.path = store.root
        self.follower.start(dict(self.journal.known), pruned_until=self.journal.pruned_until.get(self.path))
        self.tick()
        self.settle()

    def _tell(self, events) -> None:
        self.types += [each.event["type"].split(".", 3)[3].removesuffix(".v1") for each in self.journal.append(events)]

    def settle(self) -> None:
        settle(self.follower)

    def tick(self) -> None:
        """As the service does."""
        self.follower.tick()
        assert self.follower.snapshot.pruned_until is not None
        self.journal.follow({self.path: self.follower.snapshot.pruned_until})
        self.journal.forget(set(self.follower.snapshot.known()))

    def kill(self) -> None:
        """Its journal is as the last event left it."""
        self.is_open = False
        self.follower.close()
        os.close(self.journal._fd)

    def close(self) -> None:
        """End it; more than once is no fault."""
        if self.is_open:
            self.is_open = False
            self.follower.close()
            self.journal.close()


@pytest.fixture
def begin(store: Store, tmp_path: Path) -> Iterator:
    """Starts a watcher, which ends the one before; they share a journal."""
    running: list[Watcher] = []

    def make() -> Watcher:
        while running:
            running.pop().close()
        running.append(Watcher(store, tmp_path / "journal"))
        return running[-1]

    yield make
    for each in running:
        each.close()


def run(store: Store, process: Process) -> Record:
    """A running container whose first process that is."""
    publish(store)
    commit(store, process=process, pid=process["pid"])
    commit(store, status="created", happenings=("created",))
    return commit(store, status="running", happenings=("started",))


def end(store: Store) -> None:
    """The container stops, and is deleted."""
    commit(store, status="stopped", exit=exit_of(0), happenings=("stopped",))
    with store.action("web"), store.locked("web") as held:
        held.retire(advance(held.record, now=LATER, happenings=("deleted",)))


def check_health(store: Store, times: int) -> None:
    """That many processes are added to the container, and end."""
    for number in range(times):
        added = process_of(5000 + number)
        with store.locked("web") as held:
            held.commit(exec_started(held.record, added, now=LATER))
            held.commit(exec_ended(held.record, added, exit_of(0), now=LATER))


def test_what_was_told_isnt_told_again(store, begin, child):
    run(store, child().identity)
    assert begin().types == ["created", "started"]
    assert begin().types == []


def test_what_happened_in_between_is_told(store, begin, child):
    run(store, child().identity)
    begin().close()
    end(store)
    assert begin().types == ["stopped", "deleted"]


def test_the_processes_that_were_followed_are_followed_again(store, begin, child):
    process = child()
    run(store, process.identity)
    begin()
    again = begin()
    process.end(7)
    again.settle()
    assert store.read("web")["exit"]["code"] == 7
    assert again.types == ["stopped"]


def test_a_record_that_has_dropped_some_execs_is_no_gap_if_all_were_told(store, begin, child):
    run(store, child().identity)
    first = begin()
    for _ in range(2):
        check_health(store, MAX_EXECS)
        first.settle()
    assert begin().types == []


def test_what_a_record_has_dropped_in_between_is_counted(store, begin, child):
    run(store, child().identity)
    begin().close()
    for _ in range(MAX_TRANSITIONS + 3):
        commit(store, happenings=("updated",))
    again = begin()
    assert again.types == ["gap", *["updated"] * MAX_TRANSITIONS]
    assert next(again.journal.after(2)).event["data"]["missed"] == 3


def test_lives_that_were_forgotten_while_nobody_watched_are_a_gap(store, begin, child, monkeypatch):
    run(store, child().identity)
    begin().close()
    end(store)
    for container_id in ("a", "b"):
        publish(store, container_id)
        retire(store, container_id)
    prune_all(store, monkeypatch)
    again = begin()
    assert again.types == ["gap", "gap"]  # that of all the others, and web's own
    again.kill()
    again = begin()
    assert again.types == []
    again.kill()
    assert begin().types == []


def test_a_departure_that_could_not_be_written_is_a_gap_once(store, begin, child):
    run(store, child().identity)
    begin()
    with store.action("web"), store.locked("web") as held:
        deleted.retire(store.fds, held._dir_fd, "web", held.record["instance"])
    again = begin()
    assert again.types == ["gap"]
    again.kill()
    assert begin().types == []


def test_what_was_told_may_be_forgotten_before_the_next_watcher(store, begin, child, monkeypatch):
    run(store, child().identity)
    watching = begin()
    end(store)
    watching.settle()
    prune_all(store, monkeypatch)
    assert begin().types == []
    assert begin().types == []


def test_a_watcher_that_dies_before_its_first_tick_has_told_what_it_told(store, begin, monkeypatch):
    """As one that is killed every few seconds, while more end than last records are kept; its journal has it all."""
    begin().kill()
    for number in range(5):
        watching = begin()
        publish(store, f"c{number}")
        retire(store, f"c{number}")
        watching.settle()
        assert watching.types == ["stopped", "deleted"]
        watching.kill()
        prune_all(store, monkeypatch)
    assert begin().types == []
