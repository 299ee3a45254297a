"""The terminal of a restored container, with a stand-in for criu; test_checkpoint.py has the same with criu itself."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime.sandbox import criu
from tests.support import criu_stand_in
from tests.support.containers import DEADLINE_S, Runf, make_container_bundle
from tests.support.foreground import Reader, window

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.needs("root")

PROGRAM = "stty size; read line; echo got $line; exit 5"


class Restored:
    """A bundle whose program has a terminal, and criu's stand-in, which brings back PROGRAM."""

    def __init__(self, runf: Runf, bundle: Path, *, terminal: bool = True) -> None:
        self.runf = runf
        self.criu = criu_stand_in.install(runf.place / "criu", PROGRAM)
        self.images = runf.place / "images"
        self.images.mkdir()

        def change(config: dict[str, Any]) -> None:
            config["mounts"] = []
            config["root"]["readonly"] = False
            config["process"]["terminal"] = terminal
            for name in ("maskedPaths", "readonlyPaths"):
                config["linux"].pop(name, None)

        self.bundle = make_container_bundle(bundle, "sleep", "600", change=change)

    def words(self, *words: str) -> tuple[str, ...]:
        images = ("--image-path", str(self.images))
        return ("--criu", str(self.criu), "restore", *images, *words, "-b", self.bundle, "one")

    def refused(self, *words: str) -> str:
        done = self.runf(*self.words(*words))
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert not (self.runf.root / "one").exists()
        return done.stderr


@pytest.fixture
def console(runf: Runf) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(runf.place / "console.sock"))
        listening.listen()
        listening.settimeout(DEADLINE_S)
        yield listening


def test_a_console_socket_gets_its_master(runf: Runf, bundle: Path, console: socket.socket) -> None:
    restored = Restored(runf, bundle)
    runf.ok(*restored.words("--detach", "--console-socket", console.getsockname()))
    connection, _ = console.accept()
    with connection:
        _, (master,), _, _ = socket.recv_fds(connection, 100, 1)
    try:
        reader = Reader(master)
        os.write(master, b"hello\n")
        reader.until(b"got hello")
    finally:
        os.close(master)
    runf.ok("delete", "--force", "one")


def test_the_foreground_is_its_other_end(runf: Runf, bundle: Path) -> None:
    restored = Restored(runf, bundle)
    master, slave = pty.openpty()
    window(master, (33, 77))
    running = subprocess.Popen(runf.argv(*restored.words()), stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    reader = Reader(master)
    reader.until(b"33 77")
    os.write(master, b"hello\n")
    reader.until(b"got hello")
    assert running.wait(DEADLINE_S) == 5
    os.close(master)


def test_one_that_nobody_takes_is_refused_before_anything_is_there(runf: Runf, bundle: Path) -> None:
    restored = Restored(runf, bundle)
    assert "asks for a terminal, and nobody is there to take it" in restored.refused("--detach")
    assert not Path(f"{restored.criu}.notes").exists()


def test_a_console_socket_without_a_terminal_is_refused(runf: Runf, bundle: Path, console: socket.socket) -> None:
    restored = Restored(runf, bundle, terminal=False)
    told = restored.refused("--detach", "--console-socket", console.getsockname())
    assert "config.json#/process/terminal is not true" in told


def test_a_console_socket_with_nobody_behind_takes_all_of_it_back(runf: Runf, bundle: Path) -> None:
    restored = Restored(runf, bundle)
    told = restored.refused("--detach", "--console-socket", "/nowhere/console.sock")
    assert "cannot send the terminal to console socket /nowhere/console.sock" in told
    (last,) = runf.last_records()
    assert "cannot send the terminal" in last["fault"]


@pytest.mark.parametrize("terminal", [True, False])
def test_criu_is_told_of_a_terminal_where_there_is_one(
    runf: Runf, bundle: Path, terminal: bool, console: socket.socket
) -> None:
    restored = Restored(runf, bundle, terminal=terminal)
    socket_of = ("--console-socket", console.getsockname()) if terminal else ()
    runf.ok(*restored.words("--detach", *socket_of))
    (asked,) = criu_stand_in.requests(restored.criu)
    assert asked.get(str(criu.ORPHAN_PTS_MASTER)) == (1 if terminal else None)
    runf.ok("delete", "--force", "one")
