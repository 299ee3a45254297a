"""Processes that exec adds to a container: where they run, as whom, how they end, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime.kernel import numbers, process, procfs
from runtime.kernel.keyring import join_session_keyring
from runtime.kernel.libc import syscall
from tests.support.containers import Runf, make_container_bundle, wait_until
from tests.support.forked import in_child

if TYPE_CHECKING:
    from collections.abc import Callable

OWN_FAULT = 255
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


@pytest.fixture
def running(runf: Runf, bundle: Path) -> Callable[..., None]:
    """Starts the container ``one``."""

    def start(*args: str, change: Callable[[dict[str, Any]], object] | None = None) -> None:
        path = make_container_bundle(bundle, *(args or ("sleep", "600")), change=change)
        runf.ok("run", "-d", "-b", path, "one")

    return start


def script_of(runf: Runf, script: str, *options: str) -> str:
    """What ``sh -c script`` prints in the container."""
    return runf.ok("exec", *options, "one", "sh", "-c", script)


def execs(runf: Runf) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = runf.record("one")["execs"]
    return found


def process_json(place: Path, **members: Any) -> str:
    path = place / "process.json"
    path.write_text(json.dumps({"args": ["true"], "cwd": "/", "env": ["PATH=/usr/bin:/bin"], **members}))
    return str(path)


def test_it_runs_in_each_namespace_and_cgroup_of_the_container(runf: Runf, running: Callable[..., None]) -> None:
    running()
    first = runf.state("one")["pid"]
    printed = script_of(runf, "readlink /proc/self/ns/*; cat /proc/self/cgroup; tr '\\0' ' ' < /proc/1/cmdline")
    links = [line for line in printed.splitlines() if ":[" in line]
    inodes = {line.partition(":")[0]: int(line.partition("[")[2][:-1]) for line in links}
    for name in NAMESPACES:
        assert inodes[name] == procfs.namespace_inode("/proc", first, name), name
    assert "sleep 600" in printed
    inner = script_of(runf, "cat /proc/self/cgroup")
    assert inner == script_of(runf, "cat /proc/1/cgroup")


@pytest.mark.parametrize(("script", "code", "number"), [("exit 7", 7, None), ("kill -9 $$", 137, 9), ("true", 0, None)])
def test_the_exit_status_is_the_programs(
    runf: Runf, running: Callable[..., None], script: str, code: int, number: int | None
) -> None:
    running()
    assert runf("exec", "one", "sh", "-c", script).returncode == code
    (added,) = execs(runf)
    assert added["exit"] == {"code": code, "signal": number, "oomKilled": None}
    assert added["started"]["generation"] < added["ended"]["generation"]


def test_options_of_the_program_are_its_own(runf: Runf, running: Callable[..., None]) -> None:
    running()
    assert runf.ok("exec", "one", "echo", "-d", "--user", "7") == "-d --user 7\n"
    assert runf.ok("exec", "one", "--", "echo", "--", "x") == "-- x\n"


def test_options_change_the_process_and_nothing_else(runf: Runf, running: Callable[..., None]) -> None:
    running(change=lambda config: config["process"].update(cwd="/usr", env=["PATH=/usr/bin:/bin", "A=1", "B=2"]))
    assert script_of(runf, "pwd; echo $A$B").split() == ["/usr", "12"]
    assert script_of(runf, "pwd; echo $A$B", "--cwd", "/tmp", "-e", "B=3").split() == ["/tmp", "13"]


@pytest.mark.needs("root")
def test_ids_and_capabilities_are_given(runf: Runf, running: Callable[..., None]) -> None:
    running()
    assert script_of(runf, "id -u; id -g; id -G", "-u", "12:34", "-g", "56").split("\n")[:2] == ["12", "34"]
    assert script_of(runf, "id -G", "-u", "12:34", "-g", "56", "-g", "78").split() == ["34", "56", "78"]
    status = dict(
        line.split(":\t", 1) for line in script_of(runf, "cat /proc/self/status", "-c", "CAP_SYS_PTRACE").splitlines()
    )
    for kind, has in (("CapBnd", True), ("CapEff", True), ("CapPrm", True), ("CapInh", False), ("CapAmb", False)):
        assert bool(int(status[kind], 16) >> 19 & 1) == has, kind
    assert status["NoNewPrivs"] == "1"


def test_a_document_says_all_about_the_process(runf: Runf, running: Callable[..., None]) -> None:
    running()
    script = "pwd; ulimit -n; umask; echo $X"
    path = process_json(
        runf.place,
        args=["sh", "-c", script],
        cwd="/usr",
        env=["X=y"],
        user={"uid": 0, "gid": 0, "umask": 0o077},
        rlimits=[{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 77}],
    )
    assert runf.ok("exec", "--process", path, "one").split() == ["/usr", "77", "0077", "y"]


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"args": []}, "{path}#/args: is empty"),
        ({"cwd": "usr"}, '{path}#/cwd: "usr" is not absolute'),
        ({"args": ["x", 7]}, "{path}#/args/1: "),
        ({"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 2, "hard": 1}]}, "{path}#/rlimits/0/soft: "),
    ],
)
def test_a_wrong_document_is_told_with_its_place(
    runf: Runf, running: Callable[..., None], members: dict[str, Any], told: str
) -> None:
    running()
    path = process_json(runf.place, **members)
    refused = runf("exec", "--process", path, "one")
    assert refused.returncode == OWN_FAULT
    assert refused.stderr.startswith("runf: " + told.format(path=path))
    assert execs(runf) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nosuch",), 'exec: "nosuch": executable file not found in $PATH'),
        (("/nosuch",), 'exec: "/nosuch": no such file or directory'),
        (("/etc",), 'exec: "/etc": permission denied'),
    ],
)
def test_what_can_not_be_executed_is_told_as_callers_read_it(
    runf: Runf, running: Callable[..., None], words: tuple[str, ...], told: str
) -> None:
    running()
    refused = runf("exec", "one", *words)
    assert (refused.returncode, refused.stderr) == (OWN_FAULT, f"runf: {told}\n")
    assert execs(runf) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--user", "root"), '--user "root" is no number of a user or group'),
        (("--user", "1:"), '--user "1:" is no number of a user or group'),
        (("--user", "4294967295"), '--user "4294967295" is no number of a user or group'),
        (("--cwd", "usr"), '--cwd "usr" is not absolute'),
        (("--env", "=x"), '--env "=x" has no name and value'),
        (("--cap", "CAP_X"), '--cap "CAP_X" is no capability'),
        (("--nosuch",), "no such option '--nosuch'"),
    ],
)
def test_a_wrong_option_is_told(runf: Runf, running: Callable[..., None], options: tuple[str, ...], told: str) -> None:
    running()
    refused = runf("exec", *options, "one", "true")
    assert refused.returncode == OWN_FAULT
    assert refused.stderr.startswith(f"runf: {told}")


def test_nothing_is_added_to_a_stopped_container_nor_to_none(runf: Runf, running: Callable[..., None]) -> None:
    running("true")
    wait_until(lambda: bool(runf.state("one")["status"] == "stopped"), "stopped")
    refused = runf("exec", "one", "true")
    assert (refused.returncode, refused.stderr) == (
        OWN_FAULT,
        'runf: cannot exec in a stopped container: container not running: "one" has no process\n',
    )
    refused = runf("exec", "nobody", "true")
    assert (refused.returncode, refused.stderr) == (OWN_FAULT, 'runf: container "nobody" does not exist\n')


def test_a_created_container_takes_a_process(runf: Runf, bundle: Path) -> None:
    runf.ok("create", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    assert script_of(runf, "echo $$") == "2\n"
    assert runf.state("one")["status"] == "created"


@pytest.mark.needs("root", "cgroups")
def test_a_paused_container_takes_none_unless_that_is_ignored(runf: Runf, running: Callable[..., None]) -> None:
    running()
    runf.ok("pause", "one")
    refused = runf("exec", "one", "true")
    assert refused.returncode == OWN_FAULT
    assert refused.stderr.startswith("runf: cannot exec in a paused container")
    waiting = subprocess.Popen(runf.argv("exec", "--ignore-paused", "one", "sh", "-c", "exit 5"))
    runf.ok("resume", "one")
    assert waiting.wait(20) == 5


def test_a_detached_process_lives_on_as_a_child_of_the_callers_subreaper(
    runf: Runf, running: Callable[..., None]
) -> None:
    running()
    pid_file = runf.place / "pid"

    def call() -> list[int]:
        process.set_child_subreaper(True)
        runf.ok("exec", "-d", "--pid-file", str(pid_file), "one", "sleep", "600")
        found = procfs.stat("/proc", int(pid_file.read_text()))
        assert found is not None
        return [os.getpid(), found.ppid, found.start_time]

    own, parent, start_time = in_child(call)
    assert own == parent
    (added,) = execs(runf)
    assert pid_file.read_text() == str(added["process"]["pid"])
    assert (added["process"]["startTime"], added["ended"]) == (start_time, None)


def test_without_a_watcher_the_next_look_finds_that_a_detached_process_has_ended(
    runf: Runf, running: Callable[..., None]
) -> None:
    running()
    runf.ok("exec", "-d", "one", "sleep", "600")
    (added,) = execs(runf)
    os.kill(added["process"]["pid"], 9)

    def has_ended() -> bool:
        runf.ok("state", "one")
        return execs(runf)[0]["ended"] is not None

    wait_until(has_ended, "committed by a look")
    assert execs(runf)[0]["exit"]["code"] in (137, None)  # a zombie still tells it
    assert runf.state("one")["status"] == "running"


def test_the_last_record_of_a_deleted_container_has_no_process_that_runs(
    runf: Runf, running: Callable[..., None]
) -> None:
    running()
    runf.ok("exec", "-d", "one", "sleep", "600")
    runf.ok("delete", "--force", "one")
    (record,) = runf.last_records()
    assert record["execs"][0]["ended"]["generation"] <= record["generation"]


def test_who_waits_in_the_foreground_tells_the_exit_after_the_container_is_gone(
    runf: Runf, running: Callable[..., None]
) -> None:
    running()
    waiting = subprocess.Popen(runf.argv("exec", "one", "sleep", "600"))
    wait_until(lambda: bool(execs(runf)), "added")
    runf.ok("delete", "--force", "one")
    assert waiting.wait(20) == 137
    (record,) = runf.last_records()
    assert record["execs"][0]["exit"] == {"code": 137, "signal": 9, "oomKilled": None}


def shown_by_both(
    runf: Runf,
    bundle: Path,
    show: str,
    *options: str,
    change: Callable[[dict[str, Any]], object],
    **caller: Any,
) -> list[str]:
    """What ``sh -c show`` prints as a container's own program, and as one that is added to another container."""
    first = runf.ok(
        "run", *options, "-b", make_container_bundle(bundle, "sh", "-c", show, change=change), "one", **caller
    )
    path = make_container_bundle(bundle, "sleep", "600", change=change)
    runf.ok("run", "-d", *options, "-b", path, "two", **caller)
    return [first, runf.ok("exec", "two", "sh", "-c", show, **caller)]


@pytest.mark.needs("root")
@pytest.mark.parametrize(("annotations", "groups"), [({}, ["8"]), ({"run.oci.keep_original_groups": "1"}, ["7", "9"])])
def test_the_callers_groups_stay_where_an_annotation_asks_for_that(
    runf: Runf, bundle: Path, annotations: dict[str, str], groups: list[str]
) -> None:
    def change(config: dict[str, Any]) -> None:
        config["annotations"] = annotations
        config["process"]["user"] = {"uid": 5, "gid": 6, "additionalGids": [8]}

    shown = shown_by_both(runf, bundle, "grep ^Groups: /proc/self/status", change=change, extra_groups=[7, 9])
    assert [each.split()[1:] for each in shown] == [groups, groups]


KEYCTL_SETPERM = 5
POSSESSOR_ONLY = 0x3F000000


def hold_a_key() -> None:
    """A session keyring that only those can see who have it."""
    serial = join_session_keyring("runf-callers")
    syscall(numbers.KEYCTL, KEYCTL_SETPERM, serial, POSSESSOR_ONLY, text="keyctl")


@pytest.mark.needs("file:/proc/keys")
@pytest.mark.parametrize(("options", "is_kept"), [((), False), (("--no-new-keyring",), True)])
def test_the_callers_keyring_reaches_a_container_and_what_is_added_only_where_it_was_to(
    runf: Runf, bundle: Path, options: tuple[str, ...], is_kept: bool
) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["maskedPaths"] = []

    show = "grep -c runf-callers /proc/keys || true"
    shown = shown_by_both(runf, bundle, show, *options, change=change, preexec_fn=hold_a_key)
    assert [int(each) for each in shown] == [is_kept, is_kept]
