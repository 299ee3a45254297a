"""Whole lives of real containers, driven as containerd, podman and people drive them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Program


def test_a_life_as_containerd_drives_it(runf: Program, tmp_path: Path) -> None:
    bundle = runf.bundle("sleep", "1000")
    pid_file, log = tmp_path / "init.pid", tmp_path / "log.json"
    general = ("--log", str(log), "--log-format", "json")

    assert runf(*general, "create", "--bundle", bundle, "--pid-file", str(pid_file), "x1").returncode == 0
    state = json.loads(runf("state", "x1").stdout)
    assert (state["status"], state["pid"], state["verified"]) == ("created", int(pid_file.read_text()), True)
    assert runf(*general, "start", "x1").returncode == 0
    assert runf("list", "--quiet", "--status", "running").stdout == "x1\n"
    refused = runf(*general, "delete", "x1")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert json.loads(log.read_text())["msg"] in refused.stderr
    assert runf(*general, "kill", "x1", "9").returncode == 0
    assert runf(*general, "delete", "--force", "x1").returncode == 0
    assert runf(*general, "delete", "--force", "x1").returncode == 0
    assert runf("state", "x1").stderr == 'runf: container "x1" does not exist\n'


def test_run_passes_the_output_and_the_exit_code_on(runf: Program) -> None:
    done = runf("run", "--bundle", runf.bundle("sh", "-c", "echo out; echo err >&2; exit 3"), "x1")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert runf("list", "-q").stdout == ""


def test_run_passes_a_signal_on_as_128_and_its_number(runf: Program) -> None:
    bundle = runf.bundle("sh", "-c", "echo ready; exec sleep 1000")
    with subprocess.Popen([*runf.argv, "run", "--bundle", bundle, "x1"], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        assert runf("kill", "x1", "KILL").returncode == 0
        assert running.wait(60) == 128 + signal.SIGKILL


def test_run_detached_with_gos_spelling_leaves_a_running_container(runf: Program) -> None:
    assert runf("run", "-d", "-no-subreaper", "-bundle", runf.bundle("sleep", "1000"), "x1").returncode == 0
    assert json.loads(runf("state", "x1").stdout)["status"] == "running"


def test_options_may_follow_the_id(runf: Program) -> None:
    assert runf("run", "x1", "--bundle", runf.bundle("true")).returncode == 0


def test_a_failed_create_is_one_object_in_the_log_and_leaves_nothing(runf: Program, tmp_path: Path) -> None:
    log = tmp_path / "oci-log"
    bundle = runf.bundle("no-such-program")
    done = runf("--log-format=json", "--log", str(log), "create", "--bundle", bundle, "x1")
    assert done.returncode == 1
    message = json.loads(log.read_text())["msg"]
    assert message == 'exec: "no-such-program": executable file not found in $PATH'
    assert done.stderr == f"runf: {message}\n"
    assert runf("list", "-q").stdout == ""


def test_a_program_gets_the_fds_that_listen_fds_counts(runf: Program) -> None:
    reading, writing = os.pipe()
    try:
        if writing == 3 or reading == 3:
            pytest.skip("fd 3 is taken by the pipe itself")
        bundle = runf.bundle("sh", "-c", "echo through >&3")
        command = f'exec 3>&{writing} {writing}>&-; LISTEN_FDS=1 exec "$@"'
        done = subprocess.run(
            ["bash", "-c", command, "bash", *runf.argv, "run", "--bundle", bundle, "x1"],
            pass_fds=(writing,),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert os.read(reading, 100) == b"through\n"
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_standard_fd_is_dev_null_in_the_container_and_nothing_of_ours(
    runf: Program, tmp_path: Path, closed: str
) -> None:
    told = tmp_path / "told"
    script = "for fd in 0 1 2; do (exec readlink /proc/$$/fd/$fd >&3); done"  # a subshell: its redirection isn't $$'s
    bundle = runf.bundle("sh", "-c", script)
    command = f'exec 3>"$0" {closed}; exec "$@"'
    argv = ["bash", "-c", command, str(told), *runf.argv, "run", "--preserve-fds", "1", "--bundle", bundle, "x1"]
    with open(tmp_path / "standard", "w+") as standard:
        done = subprocess.run(argv, stdin=standard, stdout=standard, stderr=standard, timeout=60, check=False)
        standard.seek(0)
        assert (done.returncode, standard.read()) == (0, "")
    seen = told.read_text().splitlines()
    shut = [text in closed.split() for text in ("<&-", ">&-", "2>&-")]
    assert [path.rsplit("/", 1)[1] for path in seen] == ["null" if is_shut else "standard" for is_shut in shut]


def test_what_cannot_be_printed_is_a_failure(runf: Program) -> None:
    with open("/dev/full", "w") as full:
        done = runf("list", stdout=full)
    assert (done.returncode, done.stderr) == (1, "runf: the answer can't be printed: No space left on device\n")


@pytest.mark.parametrize("words", [("list",), ("--help",), ("--version",), ("help", "run")])
def test_a_reader_that_has_gone_ends_the_command_quietly(runf: Program, words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = runf(*words, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_an_empty_environment_is_enough(runf: Program) -> None:
    assert runf("list", env={}).returncode == 0
    assert runf("kill", "nobody", "9", env={"XDG_RUNTIME_DIR": ""}).stderr == (
        'runf: container "nobody" does not exist\n'
    )


def test_an_unreadable_record_does_not_spoil_the_list(runf: Program) -> None:
    for container_id in ("x1", "x2"):
        assert runf("run", "-d", "--bundle", runf.bundle("true"), container_id).returncode == 0
    record = runf.root / "x1" / "state.json"
    whole = record.read_text()
    record.write_text("{")
    try:
        listed = runf("list", "-q")
        refused = runf("state", "x1")
    finally:
        record.write_text(whole)  # the record tells what there is to clean up
    assert (listed.returncode, listed.stdout) == (0, "x2\n")
    assert listed.stderr.startswith('runf: warning: the record of container "x1" is unreadable')
    assert refused.stderr.startswith('runf: the record of container "x1" is unreadable')
    assert runf("list", "-q").stderr == ""
