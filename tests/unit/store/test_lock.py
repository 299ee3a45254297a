"""Both locks: plain flock, current after it was taken, and with a name for whoever holds it."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import filelock
import pytest

from runtime.errors import ContainerBusy, NoSuchContainer
from runtime.kernel import procfs
from runtime.store import layout, lock
from tests.support.containers import wait_until
from tests.support.forked import in_child
from tests.support.records import PRIVATE, first_record, publish, retire, retire_under

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runtime.store.store import Store


class Clock:
    """A clock that only sleeping moves; each sleep may do something."""

    def __init__(self, on_sleep: Callable[[], None] = lambda: None) -> None:
        self.now_s = 100.0
        self.pauses_s: list[float] = []
        self.on_sleep = on_sleep

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, pause_s: float) -> None:
        self.pauses_s.append(pause_s)
        self.now_s += pause_s
        self.on_sleep()


def before_flock(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Let ``act`` happen once, between the opening of a lock and its taking."""
    real = fcntl.flock
    todo = [act]

    def flock(fd: int, operation: int) -> None:
        if todo:
            todo.pop()()
        real(fd, operation)

    monkeypatch.setattr(fcntl, "flock", flock)


def take(store: Store, lock_name: str = layout.LOCK, *, wait_s: float = 0) -> int | None:
    return lock.take(store.fds.root, "web", lock_name, wait_s=wait_s)


@pytest.mark.parametrize("name", [layout.LOCK, layout.ACTION])
def test_a_lock_is_held_by_one_at_a_time(store: Store, name: str) -> None:
    publish(store)
    first = take(store, name)
    assert first is not None
    assert take(store, name) is None
    os.close(first)
    second = take(store, name, wait_s=10)
    assert second is not None
    os.close(second)


def test_the_two_locks_of_a_container_are_independent(store: Store) -> None:
    publish(store)
    with store.action("web"), store.locked("web"):
        pass


@pytest.mark.parametrize("name", [layout.LOCK, layout.ACTION])
def test_a_lock_is_a_regular_file_that_outlives_its_holder(store: Store, root: Path, name: str) -> None:
    publish(store)
    before = (root / "web" / name).stat()
    fd = take(store, name)
    assert fd is not None
    os.close(fd)
    after = (root / "web" / name).stat()
    assert stat.S_ISREG(after.st_mode)
    assert (after.st_ino, stat.S_IMODE(after.st_mode)) == (before.st_ino, 0o600)


def test_a_lock_is_not_inherited_by_programs(store: Store) -> None:
    publish(store)
    with store.action("web") as action, store.locked("web") as held:
        assert not any(map(os.get_inheritable, (*action.fds(), held._lock_fd, held._dir_fd)))


def test_a_foreign_filelock_keeps_us_out(store: Store, root: Path) -> None:
    publish(store)
    with filelock.FileLock(str(root / "web" / "lock")):
        assert store.try_locked("web") is None
    held = store.try_locked("web")
    assert held is not None
    held.release()


def test_we_keep_a_foreign_filelock_out(store: Store, root: Path) -> None:
    publish(store)
    foreign = filelock.FileLock(str(root / "web" / "lock"), blocking=False)
    with store.locked("web"), pytest.raises(filelock.Timeout):
        foreign.acquire()
    foreign.acquire()
    foreign.release()
    assert stat.S_IMODE((root / "web" / "lock").stat().st_mode) == 0o600


def test_a_fork_passes_the_lock_on_until_the_child_closes_it(store: Store) -> None:
    record = first_record()
    action = store.publish(record, PRIVATE, ())
    ready_reader, ready = os.pipe()
    gate, gate_writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(ready, b"x")
        os.read(gate, 1)
        os._exit(0)
    os.read(ready_reader, 1)
    action.release()
    assert take(store, layout.ACTION) is None
    os.write(gate_writer, b"x")
    os.waitpid(pid, 0)
    fd = take(store, layout.ACTION)
    assert fd is not None
    for each in (fd, ready_reader, ready, gate, gate_writer):
        os.close(each)


def test_the_fds_that_a_child_must_close_are_told(store: Store) -> None:
    action = store.publish(first_record(), PRIVATE, ())

    def close_and_wait() -> bool:
        for fd in action.fds():
            os.close(fd)
        return True

    assert in_child(close_and_wait)
    assert take(store, layout.ACTION) is None
    action.release()


def test_waiting_for_a_lock_ends_with_its_limit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store)
    clock = Clock()
    monkeypatch.setattr(lock, "time", clock)
    with store.action("web"):
        assert take(store, layout.ACTION, wait_s=0.5) is None
    assert clock.now_s == pytest.approx(100.5)
    assert clock.pauses_s[:3] == [0.001, 0.002, 0.004]
    assert max(clock.pauses_s) == 0.05


def test_a_lock_that_becomes_free_within_the_limit_is_taken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store)
    action = store.action("web")
    monkeypatch.setattr(lock, "time", Clock(action.release))
    with store.action("web", wait_s=10):
        assert action.fds() == (-1, -1)


def test_a_busy_container_names_the_process_that_holds_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store)
    monkeypatch.setattr(lock, "time", Clock())
    with store.action("web"), pytest.raises(ContainerBusy) as caught:
        store.action("web")
    assert caught.value.message == f'container "web" is busy: process {os.getpid()} acts on it'
    assert caught.value.hint == "try again once that has ended"


def test_a_holder_that_can_not_be_seen_is_another_command(store: Store, tmp_path: Path) -> None:
    publish(store)
    (tmp_path / "locks").write_text("")
    boot_id = tmp_path / "sys/kernel/random/boot_id"
    boot_id.parent.mkdir(parents=True)
    boot_id.write_text(f"{procfs.boot_id('/proc')}\n")
    store.proc = str(tmp_path)
    with store.action("web"), pytest.raises(ContainerBusy, match="busy: another command acts on it"):
        store.action("web", wait_s=0)


def test_the_holder_is_found_among_more_locks_than_one_read_gives_out(store: Store, tmp_path: Path) -> None:
    publish(store)
    others = []
    with store.action("web"):
        for number in range(300):
            others.append(os.open(tmp_path / str(number), os.O_RDWR | os.O_CREAT, 0o600))
            fcntl.flock(others[-1], fcntl.LOCK_EX)
        try:
            assert lock.holder(store.fds.root, "web", layout.ACTION) == os.getpid()
        finally:
            for fd in others:
                os.close(fd)


def test_nobody_holds_a_free_lock(store: Store) -> None:
    publish(store)
    assert lock.holder(store.fds.root, "web", layout.ACTION) is None
    assert lock.holder(store.fds.root, "missing", layout.ACTION) is None


def test_who_waits_for_a_retired_life_gets_the_next_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = publish(store)
    action = store.action("web")
    following = []

    def retire_and_publish() -> None:
        retire_under(store, action)
        action.release()
        following.append(publish(store))

    before_flock(monkeypatch, retire_and_publish)
    with store.locked("web") as held:
        assert held.record == following[0]
        assert held.record["instance"] != first["instance"]


@pytest.mark.parametrize("name", [layout.LOCK, layout.ACTION])
def test_who_waits_for_a_life_that_ends_for_good_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    publish(store)
    before_flock(monkeypatch, lambda: retire(store) and None)
    with pytest.raises(NoSuchContainer, match='container "web" does not exist'):
        take(store, name, wait_s=10)


def test_a_lock_file_that_was_replaced_under_us_is_taken_anew(
    store: Store, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store)

    def replace() -> None:
        (root / "web" / "new").touch(0o600)
        (root / "web" / "new").rename(root / "web" / "lock")

    before_flock(monkeypatch, replace)
    fd = take(store, wait_s=10)
    assert fd is not None
    assert os.fstat(fd).st_ino == (root / "web" / "lock").stat().st_ino
    os.close(fd)


def test_a_failing_lock_leaves_no_fd_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store)

    def fail() -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    before = os.listdir("/proc/self/fd")
    before_flock(monkeypatch, fail)
    with pytest.raises(OSError, match="no locks available"):
        take(store)
    assert os.listdir("/proc/self/fd") == before


def test_a_planted_link_is_no_lock(store: Store, root: Path, tmp_path: Path) -> None:
    publish(store)
    (tmp_path / "victim").touch()
    (root / "web" / "lock").unlink()
    (root / "web" / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(NoSuchContainer):
        take(store)


class Turns:
    """Children that hold the lock, one after the other: there is always one who does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pids: list[int] = []

    def pass_on(self, store: Store) -> None:
        """The next one takes it when the one before lets it go."""
        fd = os.open(self._path, os.O_RDWR)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(writing, b".")
            fcntl.flock(fd, fcntl.LOCK_EX)
            while True:
                signal.pause()
        os.read(reading, 1)
        for each in (fd, reading, writing):
            os.close(each)
        self._pids.append(pid)
        if len(self._pids) > 1:
            self._end(self._pids.pop(0))
        wait_until(lambda: lock.holder(store.fds.root, "web", "lock") == pid, "the next holder")

    def _end(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def close(self) -> None:
        while self._pids:
            self._end(self._pids.pop())


def test_who_waits_in_turn_goes_on_while_the_holders_change(
    store: Store, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And gives up once one of them keeps it."""
    publish(store)
    monkeypatch.setattr(lock, "_LONG_S", 0.05)
    looks = []
    real = lock._holder_of

    def look(fd: int) -> int | None:
        looks.append(real(fd))
        if len(looks) < 3:
            turns.pass_on(store)
        return looks[-1]

    monkeypatch.setattr(lock, "_holder_of", look)
    with closing(Turns(root / "web" / "lock")) as turns:
        turns.pass_on(store)
        assert lock.take(store.fds.root, "web", "lock", wait_s=0.5, in_turn=True) is None
    assert len(looks) == 4
    assert len(set(looks)) == 3
    assert looks[-1] == looks[-2]
