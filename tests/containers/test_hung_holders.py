"""Whoever holds a lock and hangs keeps nobody waiting for ever: he is named, and everything else goes on."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.containers import DEADLINE_S, Runf, make_container_bundle, wait_until
from tests.support.hard_times import hold

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.needs("root")

BUSY = {
    "created": [("start",)],
    "running": [("pause",), ("update", "--pids-limit", "9"), ("exec", "true"), ("delete", "--force")],
}


@contextmanager
def hung(path: Path) -> Iterator[int]:
    """The pid of a process that holds this lock, and stands still."""
    holder = hold(path)
    try:
        os.kill(holder, signal.SIGSTOP)
        yield holder
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)


def begin(runf: Runf, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(runf.argv(*words), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def ended(command: subprocess.Popen[str]) -> tuple[int, str]:
    """Its status, and what it said."""
    try:
        said = command.communicate(timeout=DEADLINE_S)[1]
    except subprocess.TimeoutExpired:
        command.kill()
        command.communicate()
        pytest.fail(f"it waits for ever: {command.args}")
    return command.returncode, said


def test_a_command_that_waits_for_a_records_lock_names_the_holder(runf: Runf, bundle: Path) -> None:
    """All at once, each with a container of its own, since each waits for ten seconds."""
    holders, commands = {}, {}
    try:
        for status, wanted in BUSY.items():
            for words in wanted:
                name = words[0]
                path = make_container_bundle(bundle / name, "sleep", "600")
                runf.ok(*(("create",) if status == "created" else ("run", "-d")), "-b", path, name)
                holders[name] = hold(runf.root / name / "lock")
                os.kill(holders[name], signal.SIGSTOP)
                verb, *rest = words
                argv = (verb, name, *rest) if verb == "exec" else (*words, name)
                commands[name] = begin(runf, *argv)
        for name, command in commands.items():
            status, said = ended(command)
            assert (name, status) == (name, 255 if name == "exec" else 1)
            assert f'container "{name}" is busy: process {holders[name]} acts on it' in said
            assert said.count("\n") == 1
    finally:
        for holder in holders.values():
            os.kill(holder, signal.SIGKILL)
            os.waitpid(holder, 0)
    for name in commands:
        assert runf.state(name)["status"] in ("created", "running", "stopped")
        runf.ok("delete", "--force", name)


def test_a_foreground_run_tells_the_code_of_a_container_whose_lock_is_held(runf: Runf, bundle: Path) -> None:
    os.mkfifo(runf.place / "go")
    path = make_container_bundle(
        bundle,
        "sh",
        "-c",
        "read x < /go; exit 7",
        change=lambda config: config["mounts"].append(
            {"destination": "/go", "source": str(runf.place / "go"), "type": "bind", "options": ["bind"]}
        ),
    )
    running = begin(runf, "run", "-b", path, "one")
    wait_until(lambda: (runf.root / "one").exists() and runf.state("one")["status"] == "running", "the container")
    with hung(runf.root / "one" / "lock") as holder:
        (runf.place / "go").write_text("go\n")
        status, said = ended(running)
        assert status == 7
        assert f'container "one" is busy: process {holder} acts on it' in said
        assert runf.state("one")["status"] == "stopped"
    runf.ok("delete", "one")


def test_a_create_does_not_wait_for_ever_for_who_clears_the_staging_directory(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sleep", "600")
    runf.ok("create", "-b", path, "one")
    with hung(runf.root / ".staging" / ".sweep") as holder:
        status, said = ended(begin(runf, "create", "-b", path, "two"))
        assert status == 1
        assert f"process {holder} " in said
        assert said.count("\n") == 1
        runf.ok("start", "one")  # who is there already needs no such lock
        runf.ok("delete", "--force", "one")
    runf.ok("create", "-b", path, "two")
