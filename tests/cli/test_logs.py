"""The log that clients read: a failure is one object and nothing else, since podman decodes the file as a whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Program

ABSENT = 'container "x1" does not exist'


@pytest.mark.parametrize(
    "words",
    [
        ("create", "--bundle", "/nowhere", "x1"),
        ("run", "--bundle", "/nowhere", "x1"),
        ("create", "--bundle"),
        ("no-such-command", "x1"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_made_is_one_object_in_the_log(runf: Program, tmp_path: Path, words: tuple[str, ...]) -> None:
    log = tmp_path / "log.json"
    done = runf("--log", str(log), "--log-format", "json", *words)
    told = json.loads(log.read_text())
    assert (done.returncode, told["level"]) == (1, "error")
    assert {"level", "msg", "time"} <= set(told)
    assert told["msg"] in done.stderr


@pytest.mark.parametrize("command", ["start", "state", "kill", "delete", "pause", "resume", "update", "ps"])
def test_a_container_that_is_not_there_is_told_in_words_that_clients_know(
    runf: Program, tmp_path: Path, command: str
) -> None:
    log = tmp_path / "log.json"
    words = {"update": ("--memory", "32m")}.get(command, ())
    assert runf("--log", str(log), "--log-format", "json", command, *words, "x1").returncode == 1
    assert json.loads(log.read_text())["msg"] == ABSENT


def test_a_failed_exec_is_255_and_one_object_in_the_log(runf: Program, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    assert runf("--log", str(log), "--log-format", "json", "exec", "x1", "true").returncode == 255
    assert json.loads(log.read_text())["msg"] == ABSENT


@pytest.mark.needs("containers")
def test_a_signal_to_what_has_ended_is_told_in_words_that_clients_know(runf: Program, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    assert runf("run", "--detach", "--bundle", runf.bundle("true"), "x1").returncode == 0
    runf("wait", "x1")  # until it has ended; how, nobody knows without a watcher
    assert runf("--log", str(log), "--log-format", "json", "kill", "x1", "9").returncode == 1
    assert "container not running" in json.loads(log.read_text())["msg"]


@pytest.mark.parametrize("words", [("list",), ("state", "x1"), ("create", "--bundle", "/nowhere", "x1")])
def test_a_log_that_cannot_be_written_is_told_before_anything_is_done(
    runf: Program, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = runf("--log", str(tmp_path / "nothing/log"), *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"runf: --log {tmp_path}/nothing/log: No such file or directory; ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("words", "status"), [(("delete", "--force", "x1"), 0), (("kill", "x1"), 1)])
def test_what_ends_a_container_never_fails_for_its_log(
    runf: Program, tmp_path: Path, words: tuple[str, ...], status: int
) -> None:
    done = runf("--log", str(tmp_path / "nothing/log"), *words)
    assert (done.returncode, "--log" in done.stderr) == (status, False)


def test_the_log_of_a_command_that_succeeds_is_there_and_empty(runf: Program, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    assert runf("--log", str(log), "list").returncode == 0
    assert log.read_text() == ""


def test_debug_tells_what_is_done_and_no_secret(runf: Program, tmp_path: Path) -> None:
    log = tmp_path / "log"
    runf("--debug", "--log", str(log), "exec", "--env", "PASSWORD=geheim", "x1", "true")
    lines = log.read_text().splitlines()
    assert "level=debug" in lines[0]
    assert 'msg="exec x1 --env"' in lines[1]
    assert f"level=error msg={json.dumps(ABSENT)}" in lines[-1]
    assert "geheim" not in log.read_text()
    assert "level=debug" in runf("--debug", "list").stderr
