"""Pidfds that commands hand over, until somebody asks for them."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from runtime.kernel.sockets import send_fds
from runtime.store import handover
from runtime.store.layout import PIDFDS
from watcher import handed
from watcher.handed import Handed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.store.record import Process

LIFE = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def kept(root: int) -> Iterator[Handed]:
    made = Handed(root)
    yield made
    made.close()


@pytest.fixture
def pidfd() -> Iterator[int]:
    fd = os.pidfd_open(os.getpid())
    yield fd
    os.close(fd)


def process(pid: int = 7) -> Process:
    return {"pid": pid, "startTime": 11, "bootId": "b", "pidNamespace": 1, "timeNamespace": 1}


def open_fds() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def test_it_is_taken_once(root: int, kept: Handed, pidfd: int) -> None:
    handover.hand_over(root, LIFE, process(), pidfd)
    taken = kept.take(LIFE, process())
    assert taken is not None
    assert os.path.sameopenfile(taken, pidfd)
    os.close(taken)
    assert kept.take(LIFE, process()) is None


def test_it_is_that_processs_alone(root: int, kept: Handed, pidfd: int) -> None:
    handover.hand_over(root, LIFE, process(7), pidfd)
    assert kept.take(LIFE, process(8)) is None
    assert kept.take(LIFE[::-1], process(7)) is None


def test_of_two_of_one_process_one_is_kept(root: int, kept: Handed, pidfd: int) -> None:
    before = open_fds()
    handover.hand_over(root, LIFE, process(), pidfd)
    handover.hand_over(root, LIFE, process(), pidfd)
    kept.read()
    assert len(open_fds() - before) == 1


def test_what_is_followed_already_is_let_go(root: int, kept: Handed, pidfd: int) -> None:
    before = open_fds()
    for pid in (7, 8):
        handover.hand_over(root, LIFE, process(pid), pidfd)
    kept.read()
    kept.forget(lambda whose: whose == (LIFE, 7, 11))
    assert len(open_fds() - before) == 1
    assert kept.take(LIFE, process(7)) is None


def test_what_no_record_asks_for_is_let_go(
    root: int, kept: Handed, pidfd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_fds()
    now = [1000.0]
    monkeypatch.setattr(handed.time, "monotonic", lambda: now[0])
    handover.hand_over(root, LIFE, process(), pidfd)
    kept.read()
    now[0] += handed.KEPT_S
    kept.forget(lambda whose: False)
    assert open_fds() != before
    now[0] += 1
    kept.forget(lambda whose: False)
    assert open_fds() == before


def test_whoever_has_said_nothing_yet_is_asked_again(root: int, kept: Handed, pidfd: int) -> None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(f"/proc/self/fd/{root}/{PIDFDS}")
    assert kept.take(LIFE, process()) is None
    send_fds(connection, f"{LIFE} 7 11".encode(), [pidfd])
    connection.close()
    taken = kept.take(LIFE, process())
    assert taken is not None
    os.close(taken)


def test_the_socket_of_a_dead_watcher_is_replaced(root: int, pidfd: int) -> None:
    handed.listen(root).close()
    handover.hand_over(root, LIFE, process(), pidfd)  # nobody is there, and nothing is said about that
    kept = Handed(root)
    handover.hand_over(root, LIFE, process(), pidfd)
    taken = kept.take(LIFE, process())
    assert taken is not None
    os.close(taken)
    kept.close()


def test_where_no_socket_can_be_the_watcher_works_without(
    root: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / PIDFDS).mkdir()
    kept = Handed(root)
    assert kept.fd is None
    assert kept.take(LIFE, process()) is None
    assert PIDFDS in caplog.text
    kept.close()
