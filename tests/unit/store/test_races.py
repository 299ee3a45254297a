"""Many processes at once: one wins an id, readers see whole records only, followers each birth, commit and death."""

from __future__ import annotations

import functools
import os
import signal
import traceback
from collections import Counter
from typing import TYPE_CHECKING

import inotify_simple
import pytest

from runtime.errors import BadRecord, ContainerExists, NoSuchContainer
from runtime.store.record import advance
from runtime.store.store import Store
from tests.support.forked import exit_status_of
from tests.support.records import LATER, PRIVATE, exit_of, first_record, retire_under

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from inotify_simple import Event

CREATORS = 50
WRITERS = 4
LIVES_EACH = 50
COMMITS = 4
WON, LOST, FAILED = 0, 1, 2
MOVED_FROM = int(inotify_simple.flags.MOVED_FROM)
MOVED_TO = int(inotify_simple.flags.MOVED_TO)
MOVED = MOVED_FROM | MOVED_TO


class Crowd:
    """Forked processes that all begin when the gun goes off, and that are never left behind."""

    def __init__(self) -> None:
        self.gun, self.trigger = os.pipe()
        self.pids: list[int] = []

    def add(self, act: Callable[[], int]) -> int:
        """One more process, which ends with what ``act`` returns; its pid."""
        pid = os.fork()
        if pid == 0:
            status = FAILED
            try:
                os.close(self.trigger)
                os.read(self.gun, 1)
                status = act()
            except BaseException:  # the parent sees the status, the person the traceback
                traceback.print_exc()
            finally:
                os._exit(status)
        self.pids.append(pid)
        return pid

    def fire(self) -> None:
        """Let all begin."""
        os.close(self.trigger)

    def statuses(self, pids: Iterable[int] | None = None) -> Counter[int]:
        """How often they, or some of them, ended with which status, once all have."""
        found: Counter[int] = Counter()
        for pid in list(self.pids if pids is None else pids):
            found[exit_status_of(pid)] += 1
            self.pids.remove(pid)
        return found

    def disperse(self) -> None:
        """Kill whoever is still there."""
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(self.gun)


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """Nobody yet."""
    gathered = Crowd()
    yield gathered
    gathered.disperse()


@pytest.mark.parametrize("is_new_root", [False, True], ids=["root", "no-root-yet"])
def test_one_of_fifty_wins_an_id_and_nothing_is_left_over(root: Path, crowd: Crowd, is_new_root: bool) -> None:
    if not is_new_root:
        Store(str(root), make=True).close()

    def create() -> int:
        try:
            Store(str(root), make=True).publish(first_record(), PRIVATE, ("gate",))
        except ContainerExists:
            return LOST
        return WON

    for _ in range(CREATORS):
        crowd.add(create)
    crowd.fire()
    assert crowd.statuses() == {WON: 1, LOST: CREATORS - 1}
    assert sorted(os.listdir(root)) == [".deleted", ".staging", "web"]
    assert os.listdir(root / ".staging") == [".sweep"]
    assert os.listdir(root.parent) == ["containers"]
    store = Store(str(root), make=False)
    assert store.read("web")["generation"] == 1
    store.action("web", wait_s=0).release()
    store.close()


def live(store: Store, container_id: str) -> bool:
    """A whole life: its publication, some commits, its end; False where the id is taken."""
    try:
        action = store.publish(first_record(container_id), PRIVATE, ("gate",))
    except ContainerExists:
        return False
    for _ in range(COMMITS):
        with store.locked(container_id) as held:
            held.commit(advance(held.record, now=LATER, happenings=("updated",)))
    retire_under(store, action)
    action.release()
    return True


def read_everything(store: Store, seen: set[str]) -> None:
    """Look at each record in each way; one that isn't whole is a failure."""
    for name, record in store.scan():
        if isinstance(record, BadRecord):
            raise record
        seen.add(record["instance"])
        try:
            store.read(name)
        except NoSuchContainer:
            continue  # its life ended since the scan
    for last in store.last_records():
        if isinstance(last, BadRecord):
            raise last


def read_until(store: Store, end: int) -> int:
    """Read until the other end of the pipe is closed."""
    os.set_blocking(end, False)
    while True:
        read_everything(store, set())
        try:
            if not os.read(end, 1):
                return WON
        except BlockingIOError:
            continue


def follow(root: Path) -> tuple[inotify_simple.INotify, int, int]:
    """A watch on the root and one on its .staging."""
    inotify = inotify_simple.INotify()
    return inotify, inotify.add_watch(root, MOVED), inotify.add_watch(root / ".staging", MOVED)


def check_events(store: Store, events: list[Event], root_watch: int, lives: int) -> None:
    """Two watches told each birth, each commit and each death of ``lives`` lives, once."""
    assert not any(event.mask & inotify_simple.flags.Q_OVERFLOW for event in events)
    last_records = [record for record in store.last_records() if not isinstance(record, BadRecord)]
    assert len({record["instance"] for record in last_records}) == lives
    expected = Counter(
        f"{record['id']}.{record['instance']}.{generation}"
        for record in last_records
        for generation in range(2, record["generation"] + 1)
    )
    assert set(expected.values()) == {1}
    left_staging = [event.name for event in events if event.wd != root_watch and event.mask & MOVED_FROM]
    commits = Counter(name for name in left_staging if not name.endswith((".making", ".gone")))
    assert commits == expected
    moves: dict[str, list[int]] = {}
    for event in events:
        if event.wd == root_watch:
            moves.setdefault(event.name, []).append(event.mask & MOVED)
    lived = Counter(record["id"] for record in last_records)
    assert moves == {name: [MOVED_TO, MOVED_FROM] * count for name, count in lived.items()}


@pytest.mark.parametrize("ids", [12, 1], ids=["an-id-each", "one-id-for-all"])
def test_readers_and_followers_lose_nothing_of_two_hundred_lives(
    store: Store, root: Path, crowd: Crowd, ids: int
) -> None:
    inotify, root_watch, _ = follow(root)
    end, still_living = os.pipe()

    def write(number: int) -> int:
        os.close(still_living)
        own = Store(str(root), make=False)
        lived = 0
        while lived < LIVES_EACH:
            lived += live(own, f"c{(number + WRITERS * lived) % ids}")
        return WON

    def read() -> int:
        os.close(still_living)
        return read_until(Store(str(root), make=False), end)

    writers = [crowd.add(functools.partial(write, number)) for number in range(WRITERS)]
    readers = [crowd.add(read) for _ in range(2)]
    crowd.fire()
    assert crowd.statuses(writers) == {WON: WRITERS}
    os.close(still_living)
    assert crowd.statuses(readers) == {WON: 2}
    check_events(store, inotify.read(timeout=0), root_watch, WRITERS * LIVES_EACH)
    assert os.listdir(root / ".staging") == [".sweep"]
    inotify.close()
    os.close(end)


def test_an_exit_finds_its_life_wherever_that_is_by_then(store: Store, root: Path, crowd: Crowd) -> None:
    """A watcher records exits while lives end: each lands in the root or in .deleted, once, and none is lost."""
    inotify, root_watch, _ = follow(root)
    instances, tell = os.pipe()

    def write() -> int:
        own = Store(str(root), make=False)
        for number in range(LIVES_EACH):
            record = first_record(f"c{number % 2}")
            action = own.publish(record, PRIVATE, ())
            os.write(tell, f"{record['id']} {record['instance']}\n".encode())
            retire_under(own, action)
            action.release()
        return WON

    def watch() -> int:
        os.close(tell)
        own = Store(str(root), make=False)
        with os.fdopen(os.dup(instances)) as lines:
            for line in lines:
                container_id, instance = line.split()
                recorded = own.commit_exit(
                    container_id, instance, exit=exit_of(3), finished=LATER, precision="exact", now=LATER
                )
                if not recorded:
                    return LOST
        return WON

    crowd.add(write)
    crowd.add(watch)
    crowd.fire()
    os.close(tell)
    assert crowd.statuses() == {WON: 2}
    last_records = list(store.last_records())
    assert [record["exit"] for record in last_records if not isinstance(record, BadRecord)] == [exit_of(3)] * LIVES_EACH
    check_events(store, inotify.read(timeout=0), root_watch, LIVES_EACH)
    inotify.close()
    os.close(instances)
