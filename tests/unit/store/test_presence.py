"""A watcher at work is known by a lock that the kernel drops with it."""

from __future__ import annotations

import os
import signal
import stat
from typing import TYPE_CHECKING

import pytest

from runtime.store import presence
from tests.support.forked import as_user, in_child, needs_root

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.store.store import Store


def test_a_root_without_a_watcher_has_none_at_work(store: Store) -> None:
    assert not presence.watcher_at_work(store.fds.root)


def test_asking_makes_nothing(store: Store) -> None:
    presence.watcher_at_work(store.fds.root)
    assert sorted(os.listdir(store.fds.root)) == [".deleted", ".staging"]


@pytest.mark.usefixtures("tight_umask")
def test_a_watcher_is_at_work_until_it_closes_its_fd(store: Store, root: Path) -> None:
    fd = presence.announce(store.fds.root)
    assert stat.S_IMODE((root / ".watcher").stat().st_mode) == 0o600
    assert presence.watcher_at_work(store.fds.root)
    os.close(fd)
    assert not presence.watcher_at_work(store.fds.root)


def test_a_killed_watcher_is_no_longer_at_work(store: Store) -> None:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        presence.announce(store.fds.root)
        os.write(writing, b"x")
        signal.pause()
        os._exit(0)
    os.read(reading, 1)
    assert presence.watcher_at_work(store.fds.root)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert not presence.watcher_at_work(store.fds.root)
    os.close(reading)
    os.close(writing)


@needs_root
def test_who_may_not_look_takes_nobody_to_be_at_work(store: Store) -> None:
    fd = presence.announce(store.fds.root)
    assert in_child(as_user(lambda: presence.watcher_at_work(store.fds.root))) is False
    os.close(fd)


def test_a_planted_link_is_no_watcher(store: Store, root: Path, tmp_path: Path) -> None:
    (root / ".watcher").symlink_to(tmp_path / "victim")
    assert not presence.watcher_at_work(store.fds.root)
    assert not (tmp_path / "victim").exists()
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        presence.announce(store.fds.root)


def test_a_directory_in_its_place_is_no_watcher(store: Store, root: Path) -> None:
    (root / ".watcher").mkdir()
    assert not presence.watcher_at_work(store.fds.root)


def test_asking_leaves_no_fd_behind(store: Store) -> None:
    watcher = presence.announce(store.fds.root)
    before = os.listdir("/proc/self/fd")
    presence.watcher_at_work(store.fds.root)
    assert os.listdir("/proc/self/fd") == before
    os.close(watcher)
