"""Containers with a terminal that are written to disk: the next life has it as it was, with another other end."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.containers import DEADLINE_S, wait_until
from tests.support.foreground import Reader, window
from tests.support.frozen import Frozen
from tests.support.needs import needs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.containers import Runf

pytestmark = [needs("root", "criu")]

ANSWER = "tty; while read line; do [ $line != end ] || exit 5; echo got $line; stty size; done"


class Terminals:
    """A console socket, and the container's terminals that came over it."""

    def __init__(self, place: Path) -> None:
        self._listening = socket.socket(socket.AF_UNIX)
        self.path = str(place / "console.sock")
        self._listening.bind(self.path)
        self._listening.listen()
        self._listening.settimeout(DEADLINE_S)
        self._masters: list[int] = []

    def take(self) -> int:
        connection, _ = self._listening.accept()
        with connection:
            _, (master,), _, _ = socket.recv_fds(connection, 100, 1)
        self._masters.append(master)
        return master

    def close(self) -> None:
        self._listening.close()
        for master in self._masters:
            os.close(master)


@pytest.fixture
def frozen(runf: Runf, bundle: Path) -> Frozen:
    return Frozen(runf, bundle)


@pytest.fixture
def terminals(frozen: Frozen) -> Iterator[Terminals]:
    found = Terminals(frozen.runf.place)
    yield found
    found.close()


def begin(frozen: Frozen, terminals: Terminals) -> int:
    def ask(config: dict[str, Any]) -> None:
        config["process"]["terminal"] = True

    frozen.begin(ANSWER, ask, ("--console-socket", terminals.path))
    master = terminals.take()
    window(master, (33, 77))
    assert b"/dev/pts/0" in say(master, b"hello", b"33 77")
    return master


def say(master: int, words: bytes, until: bytes) -> bytes:
    os.write(master, words + b"\n")
    return Reader(master).until(until)


def test_a_console_socket_gets_the_terminal_of_the_next_life(frozen: Frozen, terminals: Terminals) -> None:
    begin(frozen, terminals)
    frozen.checkpoint()
    done = frozen.restore("--detach", "--console-socket", terminals.path)
    assert done.returncode == 0, done.stderr
    master = terminals.take()
    told = say(master, b"again", b"33 77")
    assert b"got again\n" in told  # as the first one: newlines are newlines
    assert frozen.runf.state("one")["status"] == "running"
    frozen.runf.ok("exec", "one", "sh", "-c", "[ /dev/console -ef /dev/pts/0 ] && [ -t 0 ] </dev/console")
    os.write(master, b"end\n")
    wait_until(lambda: frozen.runf.state("one")["status"] == "stopped", "it has ended")


def test_a_restore_in_the_foreground_is_its_other_end(frozen: Frozen, terminals: Terminals) -> None:
    begin(frozen, terminals)
    frozen.checkpoint()
    outer, slave = pty.openpty()
    window(outer, (44, 99))
    images = ("--image-path", str(frozen.images), "-b", str(frozen.bundle))
    running = subprocess.Popen(frozen.runf.argv("restore", *images, "one"), stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    try:
        assert b"got again" in say(outer, b"again", b"44 99")
        os.write(outer, b"end\n")
        Reader(outer).all()
    finally:
        os.close(outer)
    assert running.wait(DEADLINE_S) == 5


def test_a_terminal_goes_on_where_the_container_does(frozen: Frozen, terminals: Terminals) -> None:
    master = begin(frozen, terminals)
    frozen.checkpoint("--leave-running")
    say(master, b"again", b"got again")
    frozen.runf.ok("kill", "one", "KILL")
    wait_until(lambda: frozen.runf.state("one")["status"] == "stopped", "it has ended")
    frozen.runf.ok("delete", "one")
    assert frozen.restore("--detach", "--console-socket", terminals.path).returncode == 0
    say(terminals.take(), b"anew", b"got anew")


def test_two_lives_later_it_is_still_there(frozen: Frozen, terminals: Terminals) -> None:
    begin(frozen, terminals)
    for words in (b"second", b"third"):
        frozen.checkpoint()
        assert frozen.restore("--detach", "--console-socket", terminals.path).returncode == 0
        say(terminals.take(), words, b"got " + words)


def test_a_program_that_has_let_go_of_its_terminal_comes_back_without(frozen: Frozen, terminals: Terminals) -> None:
    script = "exec sh -c 'n=0; while :; do n=$((n+1)); echo $n >/shared/n; sleep 0.05; done' <&- >/dev/null 2>&1"

    def ask(config: dict[str, Any]) -> None:
        config["process"]["terminal"] = True

    frozen.begin(script, ask, ("--console-socket", terminals.path))
    wait_until(lambda: frozen.count() > 3, "it counts")
    frozen.checkpoint()
    before = frozen.count()
    done = frozen.restore("--detach", "--console-socket", terminals.path)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: frozen.count() > before, "it counts on")
