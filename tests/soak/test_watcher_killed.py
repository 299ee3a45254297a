"""The watcher is killed and started again during many lives, and its queue overflows: a subscriber loses nothing."""

from __future__ import annotations

import os
import random
import signal
from typing import TYPE_CHECKING

import pytest

from runtime.errors import BadRecord
from runtime.store.store import Store
from tests.support.containers import wait_until
from tests.support.livers import Workers
from tests.support.telling import Subscriber, happenings
from tests.support.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runtime.store.record import Record

SEED = 20260
WORKERS = 4
QUEUE_LIMIT = "/proc/sys/fs/inotify/max_queued_events"
DEADLINE_S = 120


class Theatre:
    """A root, the workers on it, the watcher that follows it, and a subscriber."""

    def __init__(self, place: Path) -> None:
        self.root = str(place / "root")
        self.store = Store(self.root, make=True)
        self.socket = str(place / "watcher.sock")
        self.kills = self.overflows = 0
        self.workers = Workers(self.root, WORKERS, SEED)
        self.watcher = self.start()
        self.subscriber = Subscriber(self.socket)
        self.subscriber.begin()

    def start(self) -> Watcher:
        """A watcher that is ready."""
        started = Watcher(self.root, "--socket", self.socket)
        assert "following" in started.wait_ready()
        return started

    def kill_watcher(self) -> None:
        """As the OOM killer would, and start another one."""
        self.watcher.end(signal.SIGKILL)
        self.kills += 1
        self.watcher = self.start()

    def overflow(self, lives: int) -> None:
        """While the watcher stands still, more happens than the kernel keeps for it; then it goes on."""
        with open(QUEUE_LIMIT) as file:
            limit = int(file.read())
        fds = self.store.fds
        with self.watcher.asleep():
            os.mkdir("flood-a", dir_fd=fds.root)
            for _ in range(limit // 2 + 1):
                os.rename("flood-a", "flood-b", src_dir_fd=fds.root, dst_dir_fd=fds.root)
                os.rename("flood-b", "flood-a", src_dir_fd=fds.root, dst_dir_fd=fds.root)
            os.rmdir("flood-a", dir_fd=fds.root)
            self.workers.let_live(lives)
        self.workers.wait_for(lives)
        wait_until(lambda: self._told_overflows() > 0, "the overflow", DEADLINE_S)
        self.overflows += 1

    def _told_overflows(self) -> int:
        found: int = self.watcher.get("/healthz").document()["overflows"]
        return found

    def records(self) -> list[Record]:
        """The last records of all lives."""
        found = []
        for each in self.store.last_records():
            assert not isinstance(each, BadRecord), each
            found.append(each)
        return found

    def close(self) -> None:
        self.subscriber.end()
        self.workers.kill()
        self.watcher.clean_up()
        self.store.close()


@pytest.fixture
def theatre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Theatre]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    made = Theatre(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_a_subscriber_that_resumes_hears_of_everything_in_order(
    theatre: Theatre, in_full: bool, tell: Callable[[str], None]
) -> None:
    rounds, lives = (40, 25) if in_full else (4, 10)
    lot = random.Random(SEED)
    for number in range(rounds):
        if number % 4 == 2:
            theatre.overflow(lives)
            continue
        theatre.workers.let_live(lives)
        before = lot.randrange(lives)
        theatre.workers.wait_for(before)
        theatre.kill_watcher()
        theatre.workers.wait_for(lives - before)
    theatre.workers.end()
    records = theatre.records()
    assert len(records) == rounds * lives
    wait_until(lambda: has_told_all(theatre), "every event", DEADLINE_S)
    theatre.subscriber.check(theatre.records())
    unknown = sum(record["exit"]["code"] is None for record in records)
    subscriber = theatre.subscriber
    tell(
        f"{len(records)} lives, {theatre.kills} kills of the watcher, {theatre.overflows} overflows: "
        f"{len(subscriber.heard)} events, {subscriber.repeated} of them again, resumed {subscriber.resumed} times; "
        f"{unknown} exit codes that nobody saw"
    )


def has_told_all(theatre: Theatre) -> bool:
    return all(theatre.subscriber.has_heard(happenings(record)) for record in theatre.records())
