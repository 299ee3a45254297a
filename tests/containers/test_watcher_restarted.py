"""A watcher is killed, containers end meanwhile, and the next one is started by the same service manager."""

from __future__ import annotations

import contextlib
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

pytestmark = needs("linux:6.15", "program:bash")
WAITS_FOR_ITS_END = "trap 'exit 7' TERM; while :; do sleep 0.05; done"


class Manager:
    """Stands for the service manager of a watcher of one root."""

    def __init__(self, runf: Runf) -> None:
        self.root, self.own_socket = str(runf.root), str(runf.place / "watcher.sock")
        self.notify = str(runf.place / "notify")
        self.messages = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.messages.bind(self.notify)
        self.messages.settimeout(TIMEOUT_S)

    @contextlib.contextmanager
    def first(self) -> Iterator[None]:
        """A watcher is at work meanwhile, and killed at the end."""
        started = Watcher(self.root, "--socket", self.own_socket, NOTIFY_SOCKET=self.notify)
        try:
            started.wait_ready()
            yield
            started.end(signal.SIGKILL)
        finally:
            started.clean_up()

    def kept(self, kind: str) -> tuple[str, int]:
        """The next one of that kind that it is to keep: its name, and it."""
        while True:
            message, fds, _, _ = socket.recv_fds(self.messages, 1000, 1)
            name = message.decode().partition("FDNAME=")[2]
            if name.startswith(f"{kind}-"):
                return name, fds[0]
            for fd in fds:
                os.close(fd)

    def let_go(self) -> str:
        """The next name that it is to let go of."""
        while b"FDSTOREREMOVE=1" not in (message := self.messages.recv(1000)):
            pass
        return message.decode().partition("FDNAME=")[2]

    @contextlib.contextmanager
    def next(self, name: str, fd: int) -> Iterator[None]:
        """Another watcher, with what was kept."""
        started = activated(self.root, self.own_socket, fd, names=name, NOTIFY_SOCKET=self.notify)
        os.close(fd)
        try:
            yield
        finally:
            started.kill()
            started.communicate()


@pytest.fixture
def manager(runf: Runf, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """Orphans become ours meanwhile, so that nobody else reaps them."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runf.place))
    set_child_subreaper(True)
    made = Manager(runf)
    yield made
    made.messages.close()
    set_child_subreaper(False)


def has_handler(pid: int, number: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(line for line in lines if line.startswith("SigCgt:")).split()[1]
    return bool(int(caught, 16) >> (number - 1) & 1)


def end_and_reap(pid: int) -> None:
    wait_until(lambda: has_handler(pid, signal.SIGTERM), "its trap")
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)


def test_the_exit_code_of_who_ends_between_two_watchers_is_recorded(runf: Runf, bundle: Path, manager: Manager) -> None:
    with manager.first():
        runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sh", "-c", WAITS_FOR_ITS_END), "one")
        kept = manager.kept("pidfd")
    end_and_reap(runf.record("one")["pid"])
    assert runf.state("one")["exit"]["code"] is None, "nobody else can tell"
    with manager.next(*kept):
        wait_until(lambda: runf.record("one")["exit"]["code"] == 7, "its code")
        assert runf.record("one")["status"] == "stopped"
        assert manager.let_go() == kept[0]


def test_so_is_that_of_a_process_of_exec(runf: Runf, bundle: Path, manager: Manager) -> None:
    with manager.first():
        runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
        os.close(manager.kept("pidfd")[1])
        runf.ok("exec", "-d", "one", "sh", "-c", WAITS_FOR_ITS_END)
        kept = manager.kept("pidfd")
    end_and_reap(runf.record("one")["execs"][0]["process"]["pid"])
    with manager.next(*kept):
        wait_until(lambda: runf.record("one")["execs"][0]["exit"]["code"] == 7, "its code")
        assert manager.let_go() == kept[0]


def test_so_is_that_of_a_whole_life_between_them(runf: Runf, bundle: Path, manager: Manager) -> None:
    runf.ok("run", "-b", make_container_bundle(bundle, "true"), "first")  # makes the root
    with manager.first():
        kept = manager.kept("handover")
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sh", "-c", "exit 7"), "one")
    os.waitpid(runf.record("one")["pid"], 0)
    assert runf.state("one")["exit"]["code"] is None, "nobody else can tell"
    with manager.next(*kept):
        wait_until(lambda: runf.record("one")["exit"]["code"] == 7, "its code")
