"""Pidfds that the service manager keeps while no watcher is at work."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

import pytest

from runtime.store import handover
from runtime.store.layout import PIDFDS
from tests.support.needs import needs
from watcher import kept as module
from watcher.exits import EXEC, HAND, INIT, Exits, Followed
from watcher.handed import Handed
from watcher.kept import Kept, name_of
from watcher.manager import inherited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.children import Child

LIFE = "0123456789abcdef0123456789abcdef"
LIMIT_BYTES = 1000


class Manager:
    """Keeps what it is told to keep, as systemd does."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._socket.setblocking(False)
        self.fds: dict[str, int] = {}

    def names(self) -> list[str]:
        """What it keeps now."""
        try:
            while True:
                message, fds, _, _ = socket.recv_fds(self._socket, LIMIT_BYTES, 1)
                told = dict(line.split("=", 1) for line in message.decode().splitlines())
                if told.get("FDSTORE") == "1":
                    assert told["FDPOLL"] == "0"
                    self.fds[told["FDNAME"]] = fds[0]
                elif told.get("FDSTOREREMOVE") == "1":
                    os.close(self.fds.pop(told["FDNAME"]))
        except BlockingIOError:
            return sorted(self.fds)

    def for_the_next(self) -> Kept:
        """What the next watcher has of it."""
        self.names()
        return Kept({name: os.dup(fd) for name, fd in self.fds.items()}, is_at_work=True)

    def close(self) -> None:
        for fd in self.fds.values():
            os.close(fd)
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    made = Manager(path)
    yield made
    made.close()


def followed_of(child: Child, role: str = INIT) -> Followed:
    return Followed("web", LIFE, role, child.identity)


@needs("linux:6.15")
def test_who_ends_and_is_reaped_between_two_watchers_tells_its_code(
    manager: Manager, child: Callable[[], Child]
) -> None:
    process = child()
    first = Exits(kept=Kept(is_at_work=True))
    assert first.follow(followed_of(process))
    first.close()
    process.end(7)
    process.reap()
    alone = Exits()
    assert not alone.follow(followed_of(process)), "nobody else could tell"
    alone.close()
    kept = manager.for_the_next()
    following = Exits(kept=kept)
    assert following.follow(followed_of(process))
    assert [(each.exit["code"], each.precision) for each in following.read()] == [(7, "observed")]
    following.close()
    kept.close()


def test_it_keeps_those_of_containers_and_of_nobody_else(manager: Manager, child: Callable[[], Child]) -> None:
    first, second, hand = child(), child(), child()
    exits = Exits(kept=Kept(is_at_work=True))
    for each in (followed_of(first), followed_of(second, EXEC), followed_of(hand, HAND)):
        assert exits.follow(each)
    assert manager.names() == sorted(name_of(LIFE, each.identity) for each in (first, second))
    exits.close()


def test_it_lets_go_of_what_is_over(manager: Manager, child: Callable[[], Child]) -> None:
    first, second = child(), child()
    kept = Kept(is_at_work=True)
    exits = Exits(kept=kept)
    for each in (first, second):
        exits.follow(followed_of(each))
    assert len(manager.names()) == 2
    first.end(0)
    assert len(exits.read()) == 1
    assert len(manager.names()) == 2, "its end may not be committed yet"
    kept.retain((each.instance, each.process) for each in exits.followed())
    assert manager.names() == [name_of(LIFE, second.identity)]
    exits.close()


def test_who_lives_on_is_kept_once(manager: Manager, child: Callable[[], Child]) -> None:
    process = child()
    first = Exits(kept=Kept(is_at_work=True))
    first.follow(followed_of(process))
    first.close()
    kept = manager.for_the_next()
    following = Exits(kept=kept)
    assert following.follow(followed_of(process))
    kept.retain((each.instance, each.process) for each in following.followed())
    assert manager.names() == [name_of(LIFE, process.identity)]
    process.end(3)
    assert [each.exit["code"] for each in following.read()] == [3]
    following.close()


def test_what_nobody_claims_is_let_go_after_a_while(
    manager: Manager, child: Callable[[], Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = child()
    first = Exits(kept=Kept(is_at_work=True))
    first.follow(followed_of(process))
    first.close()
    kept = manager.for_the_next()
    kept.retain([])
    assert len(manager.names()) == 1, "its root may be followed later"
    monkeypatch.setattr(module, "UNCLAIMED_S", 0)
    before = set(os.listdir("/proc/self/fd"))
    kept.retain([])
    assert manager.names() == []
    assert len(before - set(os.listdir("/proc/self/fd"))) == 2, "ours, and the manager's"


def test_a_manager_that_is_busy_is_not_waited_for(manager: Manager, child: Callable[[], Child]) -> None:
    process = child()
    kept = Kept(is_at_work=True)
    exits = Exits(kept=kept)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as others:
        others.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                others.sendto(b"STATUS=", os.environ["NOTIFY_SOCKET"])
    assert exits.follow(followed_of(process))
    assert manager.names() == []
    exits.close()


def test_without_a_manager_nothing_is_said(manager: Manager, child: Callable[[], Child]) -> None:
    exits = Exits()
    exits.follow(followed_of(child()))
    assert manager.names() == []
    exits.close()


def test_what_it_hands_over_is_told_by_its_name(child: Callable[[], Child], monkeypatch: pytest.MonkeyPatch) -> None:
    pidfd = os.pidfd_open(os.getpid())
    file = os.open("/dev/null", os.O_RDONLY)
    monkeypatch.setattr("watcher.manager.FIRST_FD", pidfd)
    assert file == pidfd + 1
    names = "pidfd-one:pidfd-two"
    environ = {"LISTEN_FDS": "2", "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": names}
    found = inherited(environ)
    assert (found.sockets, found.kept, environ) == ([], {"pidfd-one": pidfd}, {})
    assert not os.get_inheritable(pidfd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file)
    os.close(pidfd)


def test_what_comes_between_two_watchers_waits_in_the_socket(
    manager: Manager, root: int, child: Callable[[], Child]
) -> None:
    process = child()
    first = Handed(root, Kept(is_at_work=True))
    first.close()
    assert len(manager.names()) == 1
    pidfd = os.pidfd_open(process.pid)
    came = os.stat(PIDFDS, dir_fd=root).st_mtime_ns
    handover.hand_over(root, LIFE, process.identity, pidfd)
    kept = manager.for_the_next()
    following = Handed(root, kept)
    taken = following.take(LIFE, process.identity)
    assert taken is not None
    assert os.path.sameopenfile(taken, pidfd)
    assert os.stat(PIDFDS, dir_fd=root).st_mtime_ns > came, "commands see that a watcher has come"
    kept.retain([])
    assert len(manager.names()) == 1
    following.close()
    kept.retain([])
    assert manager.names() == [], "its root is followed no longer"
    for fd in (taken, pidfd):
        os.close(fd)


def test_the_socket_of_another_file_is_not_taken(manager: Manager, root: int) -> None:
    Handed(root, Kept(is_at_work=True)).close()
    os.unlink(PIDFDS, dir_fd=root)
    other = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    other.bind(handover.address(root))
    kept = manager.for_the_next()
    following = Handed(root, kept)
    assert len(manager.names()) == 2
    following.close()
    kept.close()
    other.close()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_SEQPACKET])
def test_a_socket_that_takes_no_pidfds_is_none_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: int
) -> None:
    given = socket.socket(socket.AF_UNIX, kind)
    given.bind(str(tmp_path / "given"))
    if kind == socket.SOCK_STREAM:
        given.listen()
    fd = given.detach()
    monkeypatch.setattr("watcher.manager.FIRST_FD", fd)
    environ = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": "handover-1-2"}
    assert inherited(environ) == ([], {})
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
