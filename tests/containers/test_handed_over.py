"""Programs that end before the watcher has so much as looked: their codes are recorded all the same."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from runtime.store import handover
from runtime.store.layout import PIDFDS
from tests.support.containers import Runf, make_container_bundle, wait_until
from watcher.handed import listen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.watching import Watcher

pytestmark = pytest.mark.needs("linux:6.15")  # who was reaped tells how it ended

BURST = 12  # more than net.unix.max_dgram_qlen


def until_stopped(runf: Runf, container_id: str) -> None:
    """The process is gone, reaped by somebody who told nobody how it ended."""
    wait_until(lambda: runf.state(container_id)["status"] == "stopped", f"{container_id} has ended")


def exit_of(runf: Runf, container_id: str) -> dict[str, Any]:
    """The exit on record, once the watcher has committed it."""
    wait_until(lambda: runf.record(container_id)["status"] == "stopped", "the end is on record")
    exit: dict[str, Any] = runf.record(container_id)["exit"]
    return exit


def test_of_what_run_has_started(runf: Runf, bundle: Path, watching: Watcher) -> None:
    path = make_container_bundle(bundle, "sh", "-c", "exit 6")
    names = [f"c{number}" for number in range(BURST)]
    with watching.asleep():
        for name in names:
            runf.ok("run", "--detach", "-b", path, name)
        for name in names:
            until_stopped(runf, name)
    assert [exit_of(runf, name)["code"] for name in names] == [6] * BURST


def test_of_what_start_has_started(runf: Runf, bundle: Path, watching: Watcher) -> None:
    with watching.asleep():
        runf.ok("create", "-b", make_container_bundle(bundle, "sh", "-c", "exit 7"), "one")
        runf.ok("start", "one")
        until_stopped(runf, "one")
    assert exit_of(runf, "one")["code"] == 7


def test_of_what_was_killed_while_it_waited_for_its_start(runf: Runf, bundle: Path, watching: Watcher) -> None:
    with watching.asleep():
        runf.ok("create", "-b", make_container_bundle(bundle, "true"), "one")
        runf.ok("kill", "one", "KILL")
        until_stopped(runf, "one")
    exit = exit_of(runf, "one")
    assert (exit["code"], exit["signal"]) == (137, 9)


def test_of_what_exec_has_added(runf: Runf, bundle: Path, watching: Watcher) -> None:
    runf.ok("run", "--detach", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    with watching.asleep():
        runf.ok("exec", "--detach", "one", "sh", "-c", "exit 8")
        pid = runf.record("one")["execs"][0]["process"]["pid"]
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "it was reaped")
    wait_until(lambda: runf.record("one")["execs"][0]["ended"] is not None, "the end is on record")
    assert runf.record("one")["execs"][0]["exit"]["code"] == 8


def test_of_what_was_deleted_meanwhile(runf: Runf, bundle: Path, watching: Watcher) -> None:
    with watching.asleep():
        runf.ok("run", "--detach", "-b", make_container_bundle(bundle, "sh", "-c", "exit 9"), "one")
        until_stopped(runf, "one")
        runf.ok("delete", "one")
    wait_until(lambda: runf.last_records()[0]["exit"]["code"] is not None, "the last record knows the code")
    assert runf.last_records()[0]["exit"]["code"] == 9


def test_of_what_was_created_before_the_watcher_came(runf: Runf, bundle: Path, watching: Watcher) -> None:
    """A watcher that comes between may not have read so far when the program ends: start hands over as well."""
    watching.end()
    runf.ok("create", "-b", make_container_bundle(bundle, "sh", "-c", "exit 5"), "one")
    with opened(runf.root) as root, listen(root) as listener:
        runf.ok("start", "one")
        connection, _ = listener.accept()
        with connection:
            handed = handover.receive(connection)
    assert handed is not None
    whose, pidfd = handed
    os.close(pidfd)
    record = runf.record("one")
    assert (whose.instance, whose.pid) == (record["instance"], record["process"]["pid"])


@contextlib.contextmanager
def opened(directory: Path) -> Iterator[int]:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)


def test_what_is_none_of_ours_harms_nothing(runf: Runf, bundle: Path, watching: Watcher) -> None:
    def say(message: bytes, *fds: int) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.connect(str(runf.root / PIDFDS))
            if message:
                socket.send_fds(connection, [message], fds)

    path = make_container_bundle(bundle, "sh", "-c", "exit 6")
    with open("/dev/zero", "rb") as zero, watching.asleep():
        say(b"")
        say(b"\xff nonsense", zero.fileno())
        say(b"0" * 4000)
        say(b"a" * 32 + b" 1 1", zero.fileno())
        say(b"a" * 32 + b" 1 1", zero.fileno(), zero.fileno())
        runf.ok("run", "--detach", "-b", path, "one")
        until_stopped(runf, "one")
    assert exit_of(runf, "one")["code"] == 6
    assert "/dev/zero" not in fds_of(watching.process.pid)


def fds_of(pid: int) -> list[str]:
    return [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]


def test_the_socket_is_its_owners_and_goes_with_the_watcher(runf: Runf, watching: Watcher) -> None:
    path = runf.root / PIDFDS
    assert path.lstat().st_mode & 0o777 == 0o600
    watching.end()
    assert not path.exists()
