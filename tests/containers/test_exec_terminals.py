"""Terminals and signals of processes that exec adds."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.containers import Runf, make_container_bundle, wait_until
from tests.support.foreground import Reader, window

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN_FAULT = 255
DEADLINE_S = 20


@pytest.fixture(autouse=True)
def running(runf: Runf, bundle: Path) -> None:
    """The container ``one``."""
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")


class Typed:
    """A command on a terminal of 33 rows and 77 columns."""

    def __init__(self, runf: Runf, *words: str) -> None:
        self.master, slave = pty.openpty()
        window(slave, (33, 77))
        self.process = subprocess.Popen(
            runf.argv(*words), stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.reader = Reader(self.master)

    def type(self, text: bytes) -> None:
        os.write(self.master, text)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)


@pytest.fixture
def typed(runf: Runf) -> Iterator[Any]:
    made = []

    def make(*words: str) -> Typed:
        made.append(Typed(runf, *words))
        return made[-1]

    yield make
    for each in made:
        each.end()


def test_the_program_has_a_terminal_of_the_container_that_is_ours(typed: Any) -> None:
    command = typed("exec", "-t", "one", "sh", "-c", "tty; stty size; read line; echo got $line; exit 5")
    command.reader.until(b"/dev/pts/")
    command.reader.until(b"33 77")
    command.type(b"hello\n")
    command.reader.until(b"got hello")
    assert command.process.wait(DEADLINE_S) == 5


def test_a_key_reaches_the_program_as_the_signal_that_it_stands_for(typed: Any) -> None:
    command = typed("exec", "-t", "one", "sh", "-c", "trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done")
    command.reader.until(b"ready")
    command.type(b"\x03")
    assert command.process.wait(DEADLINE_S) == 9


def test_the_terminal_is_the_controlling_one_of_a_session_of_its_own(typed: Any) -> None:
    command = typed("exec", "-t", "one", "sh", "-c", "ps -o pid=,sid=,tpgid= -p $$ > /dev/tty; echo end")
    text = command.reader.until(b"end").decode()
    pid, session, foreground = text.split()[:3]
    assert pid == session == foreground


def test_a_new_size_reaches_the_program(typed: Any) -> None:
    command = typed("exec", "-t", "one", "sh", "-c", "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done")
    command.reader.until(b"ready")
    window(command.master, (11, 22))
    os.kill(command.process.pid, signal.SIGWINCH)
    command.reader.until(b"11 22")


def test_a_signal_is_relayed_to_the_program(runf: Runf) -> None:
    script = "trap 'exit 9' USR1; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen(runf.argv("exec", "one", "sh", "-c", script), stdout=subprocess.PIPE) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == b"ready\n"
        command.send_signal(signal.SIGUSR1)
        assert command.wait(DEADLINE_S) == 9


def test_a_console_socket_by_path_gets_the_master(runf: Runf) -> None:
    path = runf.place / "console.sock"
    process = {
        "args": ["sh", "-c", "stty size; sleep 600"],
        "cwd": "/",
        "env": ["PATH=/usr/bin:/bin"],
        "terminal": True,
        "consoleSize": {"height": 12, "width": 34},
    }
    (runf.place / "process.json").write_text(json.dumps(process))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        words = ("--process", str(runf.place / "process.json"), "--detach", "--console-socket", str(path))
        runf.ok("exec", *words, "one")
        connection, _ = listener.accept()
        with connection:
            _, (master,), _, _ = socket.recv_fds(connection, 100, 1)
    assert Reader(master).until(b"12 34")
    os.close(master)


def test_a_console_socket_by_number_answers(runf: Runf) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    masters: list[int] = []

    def serve() -> None:
        data, fds, _, _ = socket.recv_fds(ours, 4096, 1)
        assert json.loads(data) == {"type": "terminal", "container": "one"}
        masters.extend(fds)
        ours.send(b'{"type": "success"}')

    serving = threading.Thread(target=serve)
    serving.start()
    fd = theirs.fileno()
    runf.ok("exec", "-d", "-t", "--console-socket", str(fd), "one", "sh", "-c", "echo hello; sleep 600", pass_fds=(fd,))
    serving.join(DEADLINE_S)
    (master,) = masters
    Reader(master).until(b"hello")
    os.close(master)
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("-d", "-t"), "config.json#/process/terminal asks for a terminal, and nobody is there to take it"),
        (("-d", "--console-socket", "/x"), "--console-socket was given, but the process has no terminal"),
        (("-d", "-t", "--console-socket", "/nosuch"), "cannot send the terminal to console socket /nosuch"),
    ],
)
def test_a_terminal_that_nobody_takes_is_refused(runf: Runf, options: tuple[str, ...], told: str) -> None:
    refused = runf("exec", *options, "one", "true")
    assert refused.returncode == OWN_FAULT
    assert refused.stderr.startswith(f"runf: {told}")
    assert runf.record("one")["execs"] == []


def test_a_pidfd_socket_gets_a_pidfd_of_the_process(runf: Runf) -> None:
    path = runf.place / "pidfd.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        runf.ok("exec", "-d", "--pidfd-socket", str(path), "one", "sleep", "600")
        connection, _ = listener.accept()
        with connection:
            _, (pidfd,), _, _ = socket.recv_fds(connection, 100, 1)
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    os.close(pidfd)

    def has_ended() -> bool:
        runf.ok("state", "one")
        return runf.record("one")["execs"][0]["ended"] is not None

    wait_until(has_ended, "killed by the pidfd")


@pytest.mark.parametrize("options", [(), ("-d",)])
def test_a_caller_that_ignores_its_children_loses_nothing(runf: Runf, options: tuple[str, ...]) -> None:
    ignoring = ["sh", "-c", 'trap "" CHLD; exec "$@"', "sh", *runf.argv("exec", *options, "one", "sh", "-c", "exit 7")]
    done = subprocess.run(ignoring, timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == (0 if options else 7)


def test_an_interrupted_exec_adds_nothing(runf: Runf) -> None:
    if runf.record("one")["linux"]["cgroup"] is None:
        pytest.skip("needs a freezer of one's own")
    runf.ok("pause", "one")
    with subprocess.Popen(runf.argv("exec", "--ignore-paused", "one", "true"), stderr=subprocess.DEVNULL) as command:
        wait_until(lambda: len(children(command.pid)) == 1, "it waits for what it has forked")
        command.send_signal(signal.SIGINT)
        runf.ok("resume", "one")
        assert command.wait(DEADLINE_S) in (130, -signal.SIGINT)
    assert all(each["ended"] for each in runf.record("one")["execs"])


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
