"""The OCI's minimal command-line API, sentence by sentence (runtime-tools: docs/command-line-interface.md, v1.0.1).

No global option is given anywhere: the API demands that none is needed.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from runtime.cli.table import GLOBALS, all_commands
from tests.cli.conftest import DEADLINE_S, PROGRAM
from tests.support.containers import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Program

KINDS = {"SEQPACKET": socket.SOCK_SEQPACKET, "STREAM": socket.SOCK_STREAM}


class FunC:
    """``funC``, as the document calls a runtime: a program and an environment, and no options."""

    def __init__(self, runf: Program) -> None:
        self.bundle = runf.bundle
        self.environ = {**os.environ, "RUNF_ROOT": str(runf.root)}

    def __call__(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        asked: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "env": self.environ, **options}
        return subprocess.run([*PROGRAM, *words], text=True, timeout=DEADLINE_S, check=False, **asked)

    def quietly(self, *words: str, **options: Any) -> int:
        """The exit status of a command whose output a container may keep open."""
        asked: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **options}
        environ = {**self.environ, **asked.pop("environ", {})}
        return subprocess.run([*PROGRAM, *words], timeout=DEADLINE_S, check=False, env=environ, **asked).returncode

    def status(self) -> str:
        found: str = json.loads(self("state", "one").stdout)["status"]
        return found


@pytest.fixture
def func(runf: Program) -> FunC:
    return FunC(runf)


def with_terminal(bundle: str) -> str:
    path = f"{bundle}/config.json"
    with open(path) as file:
        config = json.load(file)
    config["process"]["terminal"] = True
    with open(path, "w") as file:
        json.dump(config, file)
    return bundle


# "The runtime MUST NOT require any global options", "Command names MUST NOT start with hyphens"
def test_a_whole_life_needs_no_global_option(func: FunC) -> None:
    bundle = func.bundle("sleep", "600")
    assert func.quietly("create", "--bundle", bundle, "one") == 0
    for words in (("start", "one"), ("state", "one"), ("kill", "--signal", "KILL", "one")):
        assert func(*words).returncode == 0, words
    wait_until(lambda: func.status() == "stopped", "stopped")
    assert func("delete", "one").returncode == 0
    assert func("state", "one").returncode != 0


def test_no_command_starts_with_a_hyphen_and_every_option_does() -> None:
    assert [command.name for command in all_commands() if command.name.startswith("-")] == []
    assert {"create", "start", "state", "kill", "delete"} <= {command.name for command in all_commands()}
    assert all(option.name for option in GLOBALS)  # what is read is `--name`


# "If a command is not recognized, the runtime MUST exit with a non-zero code"
@pytest.mark.parametrize("words", [("nosuch",), ("nosuch", "--bundle", "x", "one"), ("Create", "one")])
def test_an_unknown_command_is_an_error_and_says_so_on_stderr_alone(func: FunC, words: tuple[str, ...]) -> None:
    done = func(*words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


class TestCreate:
    # "--bundle <PATH> ... If not set, the working directory"
    def test_the_bundle_is_the_working_directory_unless_named(self, func: FunC) -> None:
        assert func.quietly("create", "one", cwd=func.bundle("true")) == 0
        assert func.status() == "created"

    # "--pid-file <PATH> The runtime MUST write the container PID to this path"
    def test_the_pid_file_has_the_pid(self, func: FunC, tmp_path: Path) -> None:
        pid_file = tmp_path / "pid"
        assert func.quietly("create", "--bundle", func.bundle("true"), "--pid-file", str(pid_file), "one") == 0
        assert int(pid_file.read_text()) == json.loads(func("state", "one").stdout)["pid"]

    # "exit code: zero if the container was successfully created and non-zero on errors"
    def test_an_error_is_not_zero_and_makes_no_container(self, func: FunC, tmp_path: Path) -> None:
        assert func.quietly("create", "--bundle", str(tmp_path / "nosuch"), "one", stderr=subprocess.DEVNULL) != 0
        assert func("state", "one").returncode != 0

    # "terminal false: stdin, stdout, stderr MUST be passed untouched (no seek, close, read, write, ioctl)"
    def test_streams_reach_the_program_as_they_are(self, func: FunC, tmp_path: Path) -> None:
        (tmp_path / "stdin").write_bytes(b"read before, left for the program")
        opened = (open(tmp_path / name, mode) for name, mode in (("stdin", "rb"), ("stdout", "wb"), ("stderr", "wb")))
        with ExitStack() as stack:
            given, out, err = (stack.enter_context(each) for each in opened)
            os.lseek(given.fileno(), 13, os.SEEK_SET)
            out.write(b"written before, ")
            out.flush()
            bundle = func.bundle("sh", "-c", "cat; echo diagnostics >&2")
            assert func.quietly("create", "--bundle", bundle, "one", stdin=given, stdout=out, stderr=err) == 0
            assert os.lseek(given.fileno(), 0, os.SEEK_CUR) == 13
            assert os.lseek(out.fileno(), 0, os.SEEK_CUR) == 16
            assert func("start", "one").returncode == 0
            wait_until(lambda: func.status() == "stopped", "stopped")
        assert (tmp_path / "stdout").read_bytes() == b"written before, left for the program"
        assert (tmp_path / "stderr").read_bytes() == b"diagnostics\n"

    # "LISTEN_FDS: the number of file descriptors passed; fds 3 to LISTEN_FDS + 2 MUST be passed to the container"
    def test_listen_fds_are_passed_on(self, func: FunC, tmp_path: Path) -> None:
        told = "echo three $LISTEN_FDS $LISTEN_PID >&3"
        bundle = func.bundle("sh", "-c", f"{told}; echo four >&4; ls /proc/self/fd >&4")
        paths = [str(tmp_path / name) for name in ("three", "four", "five")]
        script = 'exec 3>"$0" 4>"$1" 5>"$2"; shift 2; LISTEN_FDS=2 exec "$@"'
        create = ["bash", "-c", script, *paths, *PROGRAM, "create", "--bundle", bundle, "one"]
        subprocess.run(create, env=func.environ, stdin=subprocess.DEVNULL, timeout=DEADLINE_S, check=True)
        assert func("start", "one").returncode == 0
        wait_until(lambda: func.status() == "stopped", "stopped")
        assert (tmp_path / "three").read_text() == "three 2 1\n"  # sd_listen_fds(3)
        assert (tmp_path / "four").read_text().split() == ["four", "0", "1", "2", "3", "4", "5"]  # 5 is ls's own
        assert (tmp_path / "five").read_text() == ""


class Server:
    """The other end of a console socket: takes one request, and answers it."""

    def __init__(self, kind: int, answer: dict[str, str]) -> None:
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, kind)
        self.ours.settimeout(DEADLINE_S)
        self.answer = answer
        self.request: Any = None
        self.master = -1
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        data, (self.master,), _, _ = socket.recv_fds(self.ours, 4096, 4)
        self.request = json.loads(data)
        self.ours.send(json.dumps(self.answer).encode())

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(DEADLINE_S)
        for end in (self.ours, self.theirs):
            end.close()
        os.close(self.master)


# "--console-socket <FD> ... the AF_UNIX socket's file descriptor", SOCK_SEQPACKET or SOCK_STREAM
@pytest.mark.parametrize("kind", KINDS)
class TestConsoleSocket:
    # request {"type": "terminal", "container": ID} with the master; the server replies with success
    def test_the_request_names_the_container_and_brings_the_terminal(self, func: FunC, kind: str) -> None:
        bundle = with_terminal(func.bundle("sh", "-c", "echo over the socket; sleep 600"))
        with Server(KINDS[kind], {"type": "success"}) as server:
            fd = server.theirs.fileno()
            words = ("create", "--bundle", bundle, "--console-socket", str(fd), "one")
            assert func.quietly(*words, pass_fds=(fd,)) == 0
            assert server.request == {"type": "terminal", "container": "one"}
            assert func("start", "one").returncode == 0
            assert os.read(server.master, 100).startswith(b"over the socket")

    # {"type": "error", "message": ...}
    def test_an_error_in_the_reply_is_one_of_create(self, func: FunC, kind: str) -> None:
        bundle = with_terminal(func.bundle("true"))
        with Server(KINDS[kind], {"type": "error", "message": "no room"}) as server:
            fd = server.theirs.fileno()
            refused = func("create", "--bundle", bundle, "--console-socket", str(fd), "one", pass_fds=(fd,))
        assert refused.returncode == 1
        assert f"console socket {fd}: its server refused: no room" in refused.stderr
        assert func("state", "one").returncode != 0

    # "terminal true: stdin MUST NOT be read"
    def test_stdin_is_not_read_where_there_is_a_terminal(self, func: FunC, kind: str) -> None:
        bundle = with_terminal(func.bundle("true"))
        reading, writing = os.pipe()
        os.write(writing, b"left")
        with Server(KINDS[kind], {"type": "success"}) as server:
            fd = server.theirs.fileno()
            words = ("create", "--bundle", bundle, "--console-socket", str(fd), "one")
            assert func.quietly(*words, stdin=reading, pass_fds=(fd,)) == 0
        os.close(writing)
        assert os.read(reading, 100) == b"left"
        os.close(reading)


# "The runtime MUST NOT attempt to read from its stdin": start, kill, delete
def test_start_kill_and_delete_leave_stdin_alone(func: FunC) -> None:
    assert func.quietly("create", "--bundle", func.bundle("sleep", "600"), "one") == 0
    reading, writing = os.pipe()
    os.write(writing, b"left")
    os.close(writing)
    assert func("start", "one", stdin=reading).returncode == 0
    assert func("kill", "--signal", "KILL", "one", stdin=reading).returncode == 0
    wait_until(lambda: func.status() == "stopped", "stopped")
    assert func("delete", "one", stdin=reading).returncode == 0
    assert os.read(reading, 100) == b"left"
    os.close(reading)


# "state: MUST print the state JSON to its stdout", "zero if the state was successfully written to stdout"
def test_state_is_json_with_what_the_specification_wants(func: FunC) -> None:
    bundle = func.bundle("sleep", "600")
    assert func.quietly("create", "--bundle", bundle, "one") == 0
    done = func("state", "one")
    state = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (state["id"], state["status"], state["bundle"]) == ("one", "created", bundle)
    assert state["ociVersion"].startswith("1.")
    with open("/dev/full", "w") as full:
        assert func("state", "one", capture_output=False, stdout=full, stderr=subprocess.PIPE).returncode != 0


# "kill: --signal <SIGNAL> The signal to send, TERM by default; the runtime MUST support TERM and KILL"
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "TERM"),
        (("--signal", "TERM"), "TERM"),
        (("--signal", "SIGHUP"), "HUP"),
        (("--signal", "10"), "USR1"),
        (("--signal", "KILL"), ""),
    ],
)
def test_kill_sends_the_signal_that_was_asked_for(
    func: FunC, tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    script = 'for n in HUP USR1 TERM; do trap "echo $n; exit" $n; done; echo ready; while :; do sleep 0.05; done'
    with open(tmp_path / "told", "w") as out:
        assert func.quietly("run", "-d", "--bundle", func.bundle("sh", "-c", script), "one", stdout=out) == 0
    wait_until(lambda: (tmp_path / "told").read_text() == "ready\n", "the traps are set")
    assert func("kill", *options, "one").returncode == 0
    wait_until(lambda: func.status() == "stopped", "stopped by the signal")
    assert (tmp_path / "told").read_text().split()[1:] == ([told] if told else [])


# "zero if the signal was sent, non-zero on errors": whether it is handled is not kill's business
def test_kill_tells_that_the_signal_was_sent_and_no_more(func: FunC, tmp_path: Path) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    with open(tmp_path / "told", "w") as out:
        assert func.quietly("run", "-d", "--bundle", func.bundle("sh", "-c", script), "one", stdout=out) == 0
    wait_until(lambda: (tmp_path / "told").read_text() == "ready\n", "the trap is set")
    assert func("kill", "one").returncode == 0
    assert func.status() == "running"
    assert func("kill", "--signal", "NOSUCH", "one").returncode != 0
    assert func("kill", "nobody").returncode != 0


# "delete: zero if the container was deleted, non-zero on errors"
def test_delete_of_a_running_container_is_an_error_and_deletes_nothing(func: FunC) -> None:
    assert func.quietly("run", "-d", "--bundle", func.bundle("sleep", "600"), "one") == 0
    assert func("delete", "one").returncode != 0
    assert func.status() == "running"
    assert func("delete", "nobody").returncode != 0


# "The output encoding SHOULD follow the locale"
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_output_is_readable_in_each_locale(func: FunC, locale: str) -> None:
    done = func("state", "no-é", env={**func.environ, "LC_ALL": locale})
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.rstrip("\n").isprintable()
