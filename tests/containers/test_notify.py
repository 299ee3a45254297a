"""A program in a container tells that it is ready; whoever asked for it by NOTIFY_SOCKET hears it."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.containers import Runf, make_container_bundle, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# says something else first, and then that it is ready
PROGRAM = """
import os, socket, time
def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.sendto(text, os.environ["NOTIFY_SOCKET"])
tell(b"STATUS=not yet\\nMAINPID=1\\nFDSTORE=1")
tell(b"STATUS=now\\nREADY=1")
time.sleep(600)
"""
DEADLINE_S = 20


@pytest.fixture
def systemd(runf: Runf) -> Iterator[socket.socket]:
    """What systemd would listen on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(DEADLINE_S)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        listening.bind(str(runf.place / "systemd"))
        yield listening


@pytest.fixture
def environment(runf: Runf, systemd: socket.socket) -> dict[str, str]:
    return {**os.environ, "NOTIFY_SOCKET": str(runf.place / "systemd")}


pytestmark = pytest.mark.needs("file:/usr/bin/python3")


def make(bundle: Path, program: str = PROGRAM) -> str:
    return make_container_bundle(bundle, "/usr/bin/python3", "-c", program)


def test_start_waits_until_the_program_is_ready_and_tells_its_pid(
    runf: Runf, bundle: Path, systemd: socket.socket, environment: dict[str, str]
) -> None:
    runf.ok("create", "-b", make(bundle), "one", env=environment)
    runf.ok("start", "one", env=environment)
    assert systemd.recv(4096) == b"READY=1\nMAINPID=%d" % runf.state("one")["pid"]
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.recv(4096)


def test_run_detached_does_the_same(
    runf: Runf, bundle: Path, systemd: socket.socket, environment: dict[str, str]
) -> None:
    runf.ok("run", "-d", "-b", make(bundle), "one", env=environment)
    assert systemd.recv(4096) == b"READY=1\nMAINPID=%d" % runf.state("one")["pid"]


def test_run_in_the_foreground_is_the_main_process_itself(
    runf: Runf, bundle: Path, systemd: socket.socket, environment: dict[str, str]
) -> None:
    with subprocess.Popen(runf.argv("run", "-b", make(bundle), "one"), env=environment) as running:
        data, credentials = receive(systemd)
        assert (data, credentials) == (b"READY=1", running.pid)
        runf.ok("kill", "one", "KILL")
        assert running.wait(DEADLINE_S) == 137


def receive(systemd: socket.socket) -> tuple[bytes, int]:
    """A message, and the pid of whoever sent it."""
    data, ancillary, _, _ = systemd.recvmsg(4096, socket.CMSG_SPACE(12))
    ((_, _, credentials),) = ancillary
    return data, int.from_bytes(credentials[:4], "little")


def test_the_containers_end_ends_the_wait(runf: Runf, bundle: Path, environment: dict[str, str]) -> None:
    runf.ok("create", "-b", make(bundle, "raise SystemExit(3)"), "one", env=environment)
    runf.ok("start", "one", env=environment)
    wait_until(lambda: bool(runf.state("one")["status"] == "stopped"), "stopped")
    runf.ok("delete", "one")
    assert not (runf.root / "one").exists()


def test_a_start_that_nobody_listens_to_waits_for_nothing(
    runf: Runf, bundle: Path, environment: dict[str, str]
) -> None:
    runf.ok("create", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    runf.ok("start", "one", env=environment)
    assert runf.state("one")["status"] == "running"


def test_a_long_root_has_a_short_enough_address(
    runf: Runf, bundle: Path, systemd: socket.socket, environment: dict[str, str]
) -> None:
    runf.root = runf.place / ("long" * 30)
    runf.ok("create", "-b", make(bundle), "i" * 200, env=environment)
    runf.ok("start", "i" * 200, env=environment)
    assert systemd.recv(4096).startswith(b"READY=1\n")
