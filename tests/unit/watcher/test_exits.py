"""How real children end, told by whoever is not asked to be their parent."""

from __future__ import annotations

import os
import resource
import signal
from typing import TYPE_CHECKING

import pytest

from runtime.store import handover
from tests.support.children import wait_readable
from watcher import exits as module
from watcher.exits import EXEC, HAND, INIT, Exits, Followed
from watcher.handed import Handed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.children import Child

LIFE = "0123456789abcdef0123456789abcdef"
OTHER_LIFE = "f" * 32


@pytest.fixture
def exits() -> Iterator[Exits]:
    opened = Exits()
    yield opened
    opened.close()


def followed_of(child: Child, role: str = INIT, instance: str = LIFE) -> Followed:
    return Followed("web", instance, role, child.identity)


def told(exits: Exits) -> list[tuple[int | None, int | None, str]]:
    return [(each.exit["code"], each.exit["signal"], each.precision) for each in exits.read()]


def test_it_is_known_whether_exactly_these_are_followed(exits, child):
    first, second = followed_of(child()), followed_of(child(), EXEC)
    exits.follow(first)
    assert exits.are_all(LIFE, [first])
    assert not exits.are_all(LIFE, [])
    assert not exits.are_all(LIFE, [second])
    assert not exits.are_all(LIFE, [first, second])
    assert exits.are_all(OTHER_LIFE, [])


def test_a_zombie_tells_its_code_before_anybody_reaps_it(exits, child):
    process = child()
    exits.follow(followed_of(process))
    process.end(7)
    assert told(exits) == [(7, None, "exact")]


def test_a_process_that_somebody_else_has_reaped_tells_its_code(exits, child):
    process = child()
    exits.follow(followed_of(process))
    process.end(7)
    process.reap()
    assert told(exits) == [(7, None, "exact")]


def test_a_signal_is_told_with_its_code(exits, child):
    process = child()
    exits.follow(followed_of(process))
    process.kill(signal.SIGKILL)
    assert told(exits) == [(137, 9, "exact")]


def test_an_exit_of_zero_is_known(exits, child):
    process = child()
    exits.follow(followed_of(process))
    process.end(0)
    assert told(exits) == [(0, None, "exact")]


def test_an_end_is_told_once(exits, child):
    process = child()
    exits.follow(followed_of(process))
    process.end(7)
    exits.read()
    process.reap()
    assert (told(exits), len(exits)) == ([], 0)


def test_the_fd_is_quiet_while_everybody_lives(exits, child):
    exits.follow(followed_of(child()))
    assert not wait_readable(exits.fd, timeout_ms=0)


def test_the_fd_becomes_readable_by_an_end_and_quiet_once_it_is_told(exits, child):
    process = child()
    exits.follow(followed_of(process))
    process.end(7)
    assert wait_readable(exits.fd)
    exits.read()
    assert not wait_readable(exits.fd, timeout_ms=0)


def test_who_was_dead_before_we_came_is_told_as_observed(exits, child):
    process = child()
    process.end(7)
    assert exits.follow(followed_of(process))
    assert told(exits) == [(7, None, "observed")]


@pytest.mark.needs("linux:6.15")
def test_who_was_reaped_before_we_came_cant_be_followed(exits, child):
    process = child()
    process.end(7)
    process.reap()
    assert not exits.follow(followed_of(process))


def test_another_process_of_the_same_pid_isnt_followed(exits, child):
    process = child()
    other = {**process.identity, "startTime": process.identity["startTime"] - 1}
    assert not exits.follow(Followed("web", LIFE, INIT, other))
    assert len(exits) == 0


def test_to_follow_twice_is_to_follow_once(exits, child):
    process = child()
    assert exits.follow(followed_of(process))
    assert exits.follow(followed_of(process))
    assert len(exits) == 1


def test_a_zombie_that_cant_be_read_is_waited_for_until_it_is_reaped(exits, child, monkeypatch):
    monkeypatch.setattr(module, "exit_of_zombie", lambda *_: None)
    process = child()
    exits.follow(followed_of(process))
    process.end(7)
    assert told(exits) == []
    assert not wait_readable(exits.fd, timeout_ms=0), "a zombie must not keep the loop busy"
    process.reap()
    assert wait_readable(exits.fd)
    assert told(exits) == [(7, None, "exact")]


def test_the_time_of_the_end_is_not_that_of_the_reaping(exits, child, monkeypatch):
    times = iter(("2026-01-01T00:00:00.000000000Z", "2026-01-01T00:00:09.000000000Z"))
    monkeypatch.setattr(module, "exit_of_zombie", lambda *_: None)
    monkeypatch.setattr(module.clock, "now", lambda: next(times))
    process = child()
    exits.follow(followed_of(process))
    process.end(7)
    exits.read()
    process.reap()
    assert [each.time for each in exits.read()] == ["2026-01-01T00:00:00.000000000Z"]


def test_where_no_kernel_tells_the_code_is_unknown_and_told_at_once(exits, child, monkeypatch):
    monkeypatch.setattr(module, "exit_of_zombie", lambda *_: None)
    monkeypatch.setattr(module, "kernel_tells_after_reaping", lambda: False)
    monkeypatch.setattr(module.process, "pidfd_exit_info", lambda _: None)
    process = child()
    exits.follow(followed_of(process))
    process.end(7)
    assert told(exits) == [(None, None, "exact")]


def test_of_a_command_at_work_only_the_end_counts(exits, child):
    process = child()
    exits.follow(followed_of(process, HAND))
    process.end(7)
    assert told(exits) == [(None, None, "exact")]


def test_one_process_in_two_roles_is_told_twice(exits, child):
    process = child()
    exits.follow(followed_of(process, INIT))
    exits.follow(followed_of(process, EXEC))
    process.end(3)
    assert sorted(each.followed.role for each in exits.read()) == [EXEC, INIT]


def test_what_isnt_wanted_any_more_is_let_go(exits, child):
    first, second, other = child(), child(), child()
    for each in (first, second):
        exits.follow(followed_of(each))
    exits.follow(followed_of(other, instance=OTHER_LIFE))
    exits.retain(LIFE, [followed_of(second)])
    assert [exits.is_followed(followed_of(each)) for each in (first, second)] == [False, True]
    assert exits.is_followed(followed_of(other, instance=OTHER_LIFE))


def test_no_fd_left_is_said_and_no_crash(exits, child):
    process = child()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        assert not exits.follow(followed_of(process))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert exits.lacks_fds


def test_closing_leaves_no_fd(child):
    before = set(os.listdir("/proc/self/fd"))
    process = child()
    made = set(os.listdir("/proc/self/fd")) - before
    opened = Exits()
    opened.follow(followed_of(process))
    opened.close()
    assert len(set(os.listdir("/proc/self/fd")) - before - made) == 0


@pytest.fixture
def handing(root: int, child: Callable[[], Child]) -> Iterator[tuple[Exits, Child]]:
    """A process whose pidfd was handed over, and whoever is to follow it."""
    exits = Exits(handed=Handed(root))
    process = child()
    pidfd = os.pidfd_open(process.pid)
    handover.hand_over(root, LIFE, process.identity, pidfd)
    os.close(pidfd)
    yield exits, process
    exits.close()


@pytest.mark.needs("linux:6.15")
def test_what_was_handed_over_of_a_process_that_is_followed_goes_with_its_end(handing: tuple[Exits, Child]) -> None:
    exits, process = handing
    before = set(os.listdir("/proc/self/fd"))
    exits.follow(followed_of(process))
    process.end(7)
    process.reap()
    assert told(exits) == [(7, None, "exact")]
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.needs("linux:6.15")
def test_who_was_reaped_before_we_came_is_followed_by_what_was_handed_over(handing: tuple[Exits, Child]) -> None:
    exits, process = handing
    process.end(7)
    process.reap()
    assert exits.follow(followed_of(process))
    assert told(exits) == [(7, None, "observed")]
