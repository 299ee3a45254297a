"""A watcher is killed, containers end meanwhile, and the next one is started by the same service manager."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.kernel.process import set_child_subreaper
from tests.support.containers import Runf, make_container_bundle, wait_until
from tests.support.needs import needs
from tests.support.watching import TIMEOUT_S, Watcher, activated

if TYPE_CHECKING:
    from collections.abc import Iterator

WAITS_FOR_ITS_END = "trap 'exit 7' TERM; while :; do sleep 0.05; done"


@pytest.fixture
def parent() -> Iterator[None]:
    """Orphans become ours, so that nobody else reaps them."""
    set_child_subreaper(True)
    yield
    set_child_subreaper(False)


def kept_by(manager: socket.socket, kind: str = "pidfd") -> tuple[str, int]:
    """The next one of that kind that the watcher has the manager keep: its name, and it."""
    while True:
        message, fds, _, _ = socket.recv_fds(manager, 1000, 1)
        name = message.decode().partition("FDNAME=")[2]
        if name.startswith(f"{kind}-"):
            return name, fds[0]
        for fd in fds:
            os.close(fd)


def has_handler(pid: int, number: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(line for line in lines if line.startswith("SigCgt:")).split()[1]
    return bool(int(caught, 16) >> (number - 1) & 1)


@needs("linux:6.15", "program:bash")
@pytest.mark.parametrize("command", ["run", "exec"])
def test_the_exit_code_is_recorded_all_the_same(
    runf: Runf, bundle: Path, parent: None, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runf.place))
    notify, own_socket = str(runf.place / "notify"), str(runf.place / "watcher.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(notify)
        manager.settimeout(TIMEOUT_S)
        first = Watcher(str(runf.root), "--socket", own_socket, NOTIFY_SOCKET=notify)
        try:
            first.wait_ready()
            words = ("sh", "-c", WAITS_FOR_ITS_END)
            args = words if command == "run" else ("sleep", "600")
            runf.ok("run", "-d", "-b", make_container_bundle(bundle, *args), "one")
            name, pidfd = kept_by(manager)
            if command == "exec":
                os.close(pidfd)
                runf.ok("exec", "-d", "--pid-file", f"{bundle}/pid", "one", *words)
                name, pidfd = kept_by(manager)
            first.end(signal.SIGKILL)
        finally:
            first.clean_up()
        pid = int(name.split("-")[2])
        wait_until(lambda: has_handler(pid, signal.SIGTERM), "its trap")
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        if command == "run":
            assert runf.state("one")["exit"]["code"] is None, "nobody else can tell"
        second = activated(str(runf.root), own_socket, pidfd, names=name, NOTIFY_SOCKET=notify)
        os.close(pidfd)
        try:
            if command == "run":
                wait_until(lambda: runf.record("one")["exit"]["code"] == 7, "its code")
                assert runf.record("one")["status"] == "stopped"
            else:
                wait_until(lambda: runf.record("one")["execs"][0]["exit"]["code"] == 7, "its code")
            while b"FDSTOREREMOVE=1" not in (message := manager.recv(1000)):
                pass
            assert message.decode().partition("FDNAME=")[2] == name
        finally:
            second.kill()
            second.communicate()


@needs("linux:6.15", "program:bash")
def test_so_is_that_of_a_whole_life_between_two_watchers(
    runf: Runf, bundle: Path, parent: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runf.place))
    notify, own_socket = str(runf.place / "notify"), str(runf.place / "watcher.sock")
    runf.ok("run", "-b", make_container_bundle(bundle, "true"), "first")  # makes the root
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(notify)
        manager.settimeout(TIMEOUT_S)
        first = Watcher(str(runf.root), "--socket", own_socket, NOTIFY_SOCKET=notify)
        try:
            first.wait_ready()
            name, listener = kept_by(manager, "handover")
            first.end(signal.SIGKILL)
        finally:
            first.clean_up()
        runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sh", "-c", "exit 7"), "one")
        os.waitpid(runf.record("one")["pid"], 0)
        assert runf.state("one")["exit"]["code"] is None, "nobody else can tell"
        second = activated(str(runf.root), own_socket, listener, names=name, NOTIFY_SOCKET=notify)
        os.close(listener)
        try:
            wait_until(lambda: runf.record("one")["exit"]["code"] == 7, "its code")
        finally:
            second.kill()
            second.communicate()
