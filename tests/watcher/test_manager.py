"""What a service manager gives and gets: units that verify, sockets, the watchdog, levels, a reload."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.errors import Fault
from tests.support.forked import in_child
from tests.support.needs import needs
from tests.support.watching import SOURCES, TIMEOUT_S, Answer, activated, environment
from watcher.config import read_config
from watcher.manager import inherited, watchdog_s

if TYPE_CHECKING:
    from collections.abc import Iterator

UNITS = SOURCES / "docs" / "systemd"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Stands for the service manager's end of the notifications."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind(str(tmp_path / "notify"))
        opened.settimeout(TIMEOUT_S)
        yield opened


def heard(manager: socket.socket, wanted: str) -> str:
    """The next message that begins so."""
    while not (text := manager.recv(1000).decode()).startswith(wanted):
        pass
    return text


@needs("program:systemd-analyze")
@pytest.mark.parametrize("name", ["runf-watcher.service", "runf-watcher.socket", "user/runf-watcher.service"])
def test_systemd_finds_no_fault_in_the_units(tmp_path, name):
    for unit in UNITS.rglob(f"{Path(name).stem}.s*"):
        if unit.parent == (UNITS / name).parent:
            text = unit.read_text().replace("ExecStart=runf-watcher", "ExecStart=/bin/true")
            (tmp_path / unit.name).write_text(text.replace("ExecReload=kill", "ExecReload=/bin/kill"))
    mode = ["--user"] if name.startswith("user") else []
    argv = ["systemd-analyze", *mode, "--man=no", "verify", str(tmp_path / Path(name).name)]
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, env=environment(SYSTEMD_LOG_LEVEL="warning")
    )
    ours = [line for line in done.stderr.splitlines() if "runf-watcher" in line]
    assert (done.returncode, ours) == (0, [])


@needs("program:systemd-analyze")
def test_the_service_is_confined():
    argv = ["systemd-analyze", "security", "--offline=true", "--threshold=40", str(UNITS / "runf-watcher.service")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout.splitlines()[-1:] + done.stderr.splitlines()


def test_the_shipped_configuration_is_valid_as_it_is_and_uncommented(tmp_path):
    shipped = UNITS / "watcher.toml"
    assert read_config({}, str(shipped)) == {}
    lines = shipped.read_text().splitlines()
    members = [line.removeprefix("# ") for line in lines if line.startswith(("# [",)) or " = " in line]
    (tmp_path / "w.toml").write_text("\n".join(members))
    found = read_config({}, str(tmp_path / "w.toml"))
    assert found == tomllib.loads("\n".join(members))
    assert (found["listen"], found["subscribers"]["queue"]) == (["127.0.0.1:9440"], 4096)


def test_the_watchdog_hears_of_it_again_and_again(watcher, manager, tmp_path):
    watcher(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="20000")
    heard(manager, "READY=1")
    for _ in range(3):
        heard(manager, "WATCHDOG=1")


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_only_who_is_meant_answers_the_watchdog(environ, seconds):
    assert watchdog_s(environ) == seconds


def test_a_reload_takes_up_the_limits_and_says_what_it_cant(watcher, manager, tmp_path):
    file = tmp_path / "w.toml"
    file.write_text("[subscribers]\nqueue = 7\n")
    watching = watcher("--config", str(file), NOTIFY_SOCKET=str(tmp_path / "notify"))
    stderr = watching.process.stderr
    assert stderr is not None
    heard(manager, "READY=1")
    for text, said in (
        ("[subscribers]\nqueue = 9\n", "runf-watcher: reloaded\n"),
        ("read_only = true\n", "runf-watcher: reloaded, but for what needs a new start: read_only\n"),
        ("nonsense = 1\n", f"runf-watcher: nothing is reloaded: {file}#: Additional properties are not allowed "),
    ):
        file.write_text(text)
        watching.process.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in heard(manager, "RELOADING=1")
        heard(manager, "READY=1")
        assert stderr.readline().startswith(said)
    assert watching.get("/healthz").status == 200


def test_to_the_journal_a_line_begins_with_its_level(store, tmp_path):
    reading, writing = socket.socketpair()
    found = os.fstat(writing.fileno())
    process = subprocess.Popen(
        [sys.executable, "-m", "watcher", "--root", store.root, "--socket", str(tmp_path / "s")],
        cwd=SOURCES,
        env=environment(JOURNAL_STREAM=f"{found.st_dev}:{found.st_ino}"),
        stderr=writing,
    )
    writing.close()
    reading.settimeout(TIMEOUT_S)
    with reading, reading.makefile() as lines:
        assert lines.readline() == f"<6>following {store.root}, socket {tmp_path}/s\n"
        process.terminate()
        process.wait()


@needs("program:bash")
def test_sockets_that_it_was_started_with_are_served_and_left(store, tmp_path):
    with contextlib.ExitStack() as stack:
        local = stack.enter_context(socket.socket(socket.AF_UNIX))
        local.bind(str(tmp_path / "given"))
        remote = stack.enter_context(socket.socket())
        remote.bind(("127.0.0.1", 0))
        for each in (local, remote):
            each.listen()
        process = activated(store.root, str(tmp_path / "own"), local.fileno(), remote.fileno())
        stack.callback(process.wait)
        stack.callback(process.kill)
        assert process.stderr is not None
        port = remote.getsockname()[1]
        told = f"following {store.root}, socket {tmp_path}/given, http://127.0.0.1:{port}/\n"
        assert process.stderr.readline() == f"runf-watcher: {told}"
        assert Answer(str(tmp_path / "given"), "/healthz").status == 200
        assert not (tmp_path / "own").exists()
        process.terminate()
        process.wait()
        assert (tmp_path / "given").exists()


@needs("program:bash")
def test_a_socket_that_does_not_listen_is_one_line(store, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as given:
        process = activated(store.root, str(tmp_path / "own"), given.fileno())
        _, said = process.communicate(timeout=TIMEOUT_S)
    text = "runf-watcher: fd 3 of LISTEN_FDS is no listening stream; the socket unit needs ListenStream=\n"
    assert (process.returncode, said) == (1, text)


def test_sockets_for_somebody_else_are_not_taken():
    assert inherited({"LISTEN_FDS": "1", "LISTEN_PID": "1"}) == ([], {})
    assert inherited({}) == ([], {})


def test_what_is_no_socket_is_refused(tmp_path):
    def refused() -> str:
        with open(tmp_path / "file", "w") as file:
            os.dup2(file.fileno(), 3)
        with pytest.raises(Fault) as caught:
            inherited({"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
        return str(caught.value)

    told = "fd 3 of LISTEN_FDS is no socket: Socket operation on non-socket; look at the socket unit"
    assert in_child(refused) == told
