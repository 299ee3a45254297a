"""Whoever holds a lock and hangs keeps the watcher from that one container, and from nothing else."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from typing import TYPE_CHECKING

from runtime.actions.identity import identify
from runtime.store.presence import announce
from tests.support.hard_times import hold
from tests.support.records import commit, process_of, publish, retire
from tests.support.watching import short

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def run(store, container_id: str, process) -> str:
    """A running life of that process; its instance."""
    publish(store, container_id)
    commit(store, container_id, status="created", process=process, pid=process["pid"], maker=None)
    return commit(store, container_id, status="running", happenings=("started",))["instance"]


@contextlib.contextmanager
def hung(path: Path, operation: int = fcntl.LOCK_EX) -> Iterator[int]:
    """Somebody holds this lock, and stands still; his pid."""
    holder = hold(path, operation)
    try:
        os.kill(holder, signal.SIGSTOP)
        yield holder
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)


def stopped(stream) -> tuple[str, int | None]:
    """The next end that is told: whose, and with which code."""
    while True:
        event = stream.event()
        if short(event) in ("stopped", "exit"):
            return event["subject"], event["data"]["exit"]["code"]


def until(stream, end: tuple[str, int | None]) -> list[tuple[str, int | None]]:
    """The ends that are told up to this one; the next life's own, which has no process, may come before."""
    told = [stopped(stream)]
    while told[-1] != end:
        told.append(stopped(stream))
    return told


def test_the_end_of_another_container_is_told_and_its_own_once_the_lock_is_free(store, watcher, child, tmp_path):
    held, free = child(), child()
    run(store, "held", held.identity)
    run(store, "free", free.identity)
    watching = watcher()
    with contextlib.closing(watching.get("/v1/events")) as stream:
        with hung(tmp_path / "containers/held/lock"):
            held.end(3)
            held.reap()
            free.end(5)
            assert stopped(stream) == ("free", 5)
            assert watching.get("/v1/containers/held").document()["status"] == "running"
        assert stopped(stream) == ("held", 3)


def test_so_it_is_with_a_last_record(store, watcher, child, tmp_path):
    held, free = child(), child()
    instance = run(store, "held", held.identity)
    run(store, "free", free.identity)
    watching = watcher()
    with contextlib.closing(watching.get("/v1/events")) as stream:
        retire(store, "held")
        assert stopped(stream) == ("held", None)
        with hung(tmp_path / f"containers/.deleted/{instance}/lock"):
            held.end(3)
            held.reap()
            free.end(5)
            assert stopped(stream) == ("free", 5)
        assert stopped(stream) == ("held", 3)


def test_and_with_the_next_life_of_the_same_id(store, watcher, child, tmp_path):
    held, free = child(), child()
    run(store, "held", held.identity)
    run(store, "free", free.identity)
    watching = watcher()
    with contextlib.closing(watching.get("/v1/events")) as stream:
        retire(store, "held")
        publish(store, "held", maker=identify(os.getpid()))  # lives: or the watcher would end it at once
        commit(store, "held", status="created", process=process_of(), pid=4242, maker=None, happenings=("created",))
        with hung(tmp_path / "containers/held/lock"):
            held.end(3)
            held.reap()
            free.end(5)
            told = until(stream, ("free", 5))
        assert ("held", 3) in told or until(stream, ("held", 3))


def test_who_hangs_while_asking_for_a_watcher_is_named_to_the_one_that_starts(store, launch, tmp_path):
    """Asking is a shared lock for a moment; a command that is stopped in it may hold that for long."""
    os.close(announce(store.fds.root))
    with hung(tmp_path / "containers/.watcher", fcntl.LOCK_SH) as holder:
        status, said = launch().wait()
        assert status == 1
        assert f"process {holder} holds .watcher" in said
        assert said.count("\n") == 1
