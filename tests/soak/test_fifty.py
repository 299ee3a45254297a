"""Fifty processes at fifty ids, at random, some of which die in the middle: no reader ever meets anything false."""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from typing import TYPE_CHECKING

from runtime.errors import BadRecord, ContainerBusy, ContainerExists, NoSuchContainer
from runtime.kernel import clock
from runtime.store import staging
from runtime.store.record import advance
from runtime.store.store import Store
from tests.support.breaker import KILLED, Breaker
from tests.support.records import FIFOS, PRIVATE, exit_of, first_record, retire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runtime.store.record import Record

PROCESSES = 50
IDS = [f"c{number}" for number in range(50)]
READERS = 2
SEED = 5050
MOST_CALLS = 40
DIES_OF = 50  # one of so many operations is broken off
FULL_S, SHORT_S = 180, 3


def publish(store: Store, container_id: str, _: random.Random) -> None:
    store.publish(first_record(container_id), PRIVATE, FIFOS).release()


def commit(store: Store, container_id: str, lot: random.Random) -> None:
    happening = lot.choice(["updated", "oom", "paused", "resumed"])
    with store.locked(container_id) as held:
        held.commit(advance(held.record, now=clock.now(), happenings=(happening,)))  # type: ignore[arg-type]


def commit_exit(store: Store, container_id: str, lot: random.Random) -> None:
    instance = store.read(container_id)["instance"]
    code = lot.choice([None, sum(instance.encode()) % 256])  # whoever tells a code of this life tells this one
    now = clock.now()
    store.commit_exit(container_id, instance, exit=exit_of(code), finished=now, precision="exact", now=now)


def remove(store: Store, container_id: str, _: random.Random) -> None:
    with store.action(container_id, wait_s=0):
        pass
    retire(store, container_id)


def read(store: Store, container_id: str, _: random.Random) -> None:
    store.read(container_id)


OPERATIONS = (publish, publish, commit, commit, commit_exit, remove, read)


def work(root: str, index: int, until: float) -> None:
    lot = random.Random(SEED + index)
    store = Store(root, make=False)
    while time.monotonic() < until:
        operation, container_id = lot.choice(OPERATIONS), lot.choice(IDS)
        try:
            if lot.randrange(DIES_OF):
                operation(store, container_id, lot)
            else:
                die_in(lambda: operation(store, container_id, lot), lot.randrange(1, MOST_CALLS))  # noqa: B023
        except (NoSuchContainer, ContainerExists, ContainerBusy):
            continue  # another one was there first


def die_in(act: Callable[[], object], point: int) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            Breaker(point, None).install()
            act()
        finally:
            os._exit(KILLED)
    os.waitpid(pid, 0)


class Reader:
    """What it has seen of each life, so that it notices what can't be."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.known: dict[str, Record] = {}
        self.records = 0

    def read(self) -> None:
        for name, found in self.store.scan():
            self.take(found, name)
        for last in self.store.last_records():
            self.take(last, None)

    def take(self, record: Record | BadRecord, name: str | None) -> None:
        assert not isinstance(record, BadRecord), record
        assert name in (None, record["id"])
        self.records += 1
        before = self.known.get(record["instance"])
        self.known[record["instance"]] = record
        if before is None:
            return
        assert record["id"] == before["id"]
        assert record["created"] == before["created"]
        assert record["generation"] >= before["generation"], (before, record)
        assert (record["generation"] == before["generation"]) == (record == before)
        if before["status"] == "stopped":
            assert record["status"] == "stopped"
        if before["exit"]["code"] is not None:
            assert record["exit"] == before["exit"]
        listed = [each for each in record["transitions"] if each in before["transitions"]]
        assert listed == before["transitions"][len(before["transitions"]) - len(listed) :]


def read_on(root: str, until: float, told: int) -> None:
    reader = Reader(Store(root, make=False))
    while time.monotonic() < until:
        reader.read()
    os.write(told, b"%d %d\n" % (reader.records, len(reader.known)))


def spawn(act: Callable[[], object]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        act()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def test_whatever_fifty_processes_do_readers_see_what_was(
    tmp_path: Path, in_full: bool, tell: Callable[[str], None]
) -> None:
    root = str(tmp_path / "root")
    store = Store(root, make=True)
    until = time.monotonic() + (FULL_S if in_full else SHORT_S)
    reading, told = os.pipe()
    pids = [spawn(lambda: read_on(root, until, told)) for _ in range(READERS)]
    pids += [spawn(lambda: work(root, index, until)) for index in range(PROCESSES)]  # noqa: B023
    os.close(told)
    try:
        statuses = [os.waitpid(pid, 0)[1] for pid in pids]
        pids.clear()
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    assert statuses == [0] * (READERS + PROCESSES)
    with os.fdopen(reading) as answers:
        records, lives = (sum(numbers) for numbers in zip(*(map(int, line.split()) for line in answers), strict=True))
    for name, _ in list(store.scan()):
        retire(store, name)
    staging.sweep(store.fds)
    assert sorted(os.listdir(root)) == [".deleted", ".staging"]
    assert os.listdir(f"{root}/.staging") == [".sweep"]
    store.close()
    tell(f"{records} records read, of {lives} lives as {READERS} readers counted them")
