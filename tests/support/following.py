"""A follower of a real root, the events that it has told, and lives for it to follow."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runtime.actions.identity import identify
from runtime.errors import Fault
from runtime.store.record import advance, exec_started
from tests.support import records
from tests.support.children import wait_readable
from tests.support.records import LATER, commit
from watcher.follower import Follower

if TYPE_CHECKING:
    from runtime.store.record import Process, Record
    from runtime.store.store import Store
    from watcher.diff import Known
    from watcher.events import Event

SOURCE = "//m/containers"


class Watch:
    """A follower, and the events that it has told."""

    def __init__(self, store: Store, *, commits: bool = True) -> None:
        self.events: list[Event] = []
        self.follower = Follower(store, commits=commits, source=SOURCE, on_events=self.events.extend)

    def start(self, known: dict[str, Known] | None = None) -> Watch:
        self.follower.start(known)
        return self

    def settle(self) -> None:
        """Handle all that is ready."""
        settle(self.follower)

    def types(self) -> list[str]:
        """The middle of each type told so far: created, exec.started."""
        self.settle()
        return [event["type"].split(".", 3)[3].removesuffix(".v1") for event in self.events]


def settle(follower: Follower) -> None:
    """Have it handle all that is ready; one that never becomes quiet is a fault."""
    for _ in range(100):
        ready = wait_readable(*follower.fds(), timeout_ms=0)
        if not ready:
            return
        for fd in ready:
            follower.handle(fd)
    pytest.fail("the follower is never quiet")


def me() -> Process:
    return identify(os.getpid())


def publish(store: Store, maker: Process, container_id: str = "web") -> Record:
    return records.publish(store, container_id, maker=maker, now="2026-01-31T23:59:59.000000001Z")


def run(store: Store, process: Process, container_id: str = "web") -> Record:
    """A running container whose first process that is."""
    publish(store, me(), container_id)
    commit(store, container_id, process=process, pid=process["pid"])
    commit(store, container_id, status="created", happenings=("created",))
    return commit(store, container_id, status="running", happenings=("started",))


def retire(store: Store, container_id: str = "web") -> None:
    with store.action(container_id), store.locked(container_id) as held:
        held.retire(advance(held.record, now=LATER, status="stopped", happenings=("deleted",)))


def last_record(store: Store) -> Record:
    (found,) = store.last_records()
    assert not isinstance(found, Fault)
    return found


def start_exec(store: Store, process: Process) -> None:
    with store.locked("web") as held:
        held.commit(exec_started(held.record, process, now=LATER))
