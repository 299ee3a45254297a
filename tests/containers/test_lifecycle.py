"""One life after the other: create, start, state, kill, delete, list, run."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runtime.cgroups.events import oom_kills
from runtime.kernel.process import set_child_subreaper
from runtime.store.presence import announce
from runtime.store.store import Store
from schemas.generated import state as state_schema
from tests.support.containers import Runf, make_container_bundle, wait_until
from tests.support.forked import in_child
from tests.support.renames import Commits
from tests.support.session import unique_name

needs_root = pytest.mark.needs("root")


def stopped(runf: Runf, container_id: str) -> bool:
    return runf.state(container_id)["status"] == "stopped"


def types(record: dict[str, Any]) -> list[str]:
    return [entry["type"] for entry in record["transitions"]]


@pytest.mark.needs("root", "cgroups")
def test_a_foreground_run_tells_that_memory_ran_out(runf: Runf, bundle: Path) -> None:
    def limit(config: dict[str, Any]) -> None:
        config["linux"]["resources"] = {"memory": {"limit": 8 << 20, "swap": 8 << 20}}

    path = make_container_bundle(bundle, "sh", "-c", "head -c 64m /dev/zero | tail -c 64m >/dev/null", change=limit)
    assert runf("run", "-b", path, "one").returncode == 137
    (last,) = runf.last_records()
    assert types(last) == ["creating", "created", "started", "oom", "stopped", "deleted"]
    assert (last["linux"]["oomKills"], last["exit"]["oomKilled"]) == (1, True)


@pytest.mark.needs("root", "cgroups")
def test_without_a_watcher_an_end_tells_the_kills_before_it(runf: Runf, bundle: Path) -> None:
    def limit(config: dict[str, Any]) -> None:
        config["linux"]["resources"] = {"memory": {"limit": 8 << 20, "swap": 8 << 20}}

    kill_one = "head -c 64m /dev/zero | tail -c 64m >/dev/null; echo killed; exec sleep 1000"
    path = make_container_bundle(bundle, "sh", "-c", kill_one, change=limit)
    runf.ok("create", "-b", path, "one")
    runf.ok("start", "one")
    counters = runf.state("one")["linux"]["cgroup"]
    wait_until(lambda: oom_kills(counters) == 1, "a kill")
    runf.ok("delete", "--force", "one")
    (last,) = runf.last_records()
    assert types(last) == ["creating", "created", "started", "oom", "stopped", "deleted"]
    assert (last["linux"]["oomKills"], last["exit"]["oomKilled"]) == (1, True)
    state_schema.validate(last)


def counts_kills(last: dict[str, Any]) -> bool:
    """Whether memory's controller was in its cgroup: on v2 the one above offers it, unless that has processes."""
    paths = last["linux"]["cgroup"]["paths"] if last["linux"]["cgroup"] else {}
    if "unified" not in paths:
        return "memory" in paths
    return "memory" in Path(paths["unified"]).parent.joinpath("cgroup.subtree_control").read_text().split()


def test_run_passes_the_output_and_the_exit_code_on(runf: Runf, bundle: Path) -> None:
    done = runf("run", "-b", make_container_bundle(bundle, "sh", "-c", "echo out; echo err >&2; exit 7"), "one")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    assert not (runf.root / "one").exists()
    (last,) = runf.last_records()
    assert last["exit"] == {"code": 7, "signal": None, "oomKilled": False if counts_kills(last) else None}
    assert last["finishedPrecision"] == "exact"
    assert last["created"] <= last["started"] <= last["finished"]
    assert types(last) == ["creating", "created", "started", "stopped", "deleted"]
    state_schema.validate(last)


def test_run_tells_the_signal_that_ended_the_program(runf: Runf, bundle: Path) -> None:
    # the first process of a pid namespace is deaf to signals of its own, so its child is hit and it says so
    done = runf("run", "-b", make_container_bundle(bundle, "sh", "-c", "sh -c 'kill -9 $$'; exit $?"), "one")
    assert done.returncode == 128 + signal.SIGKILL


def test_run_relays_signals_to_the_program(runf: Runf, bundle: Path) -> None:
    script = "trap 'echo got it; exit 3' TERM; echo ready; while :; do read -t 1 x < /dev/zero || sleep 0.05; done"
    path = make_container_bundle(bundle, "bash", "-c", script)
    running = subprocess.Popen(runf.argv("run", "-b", path, "one"), stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    running.send_signal(signal.SIGTERM)
    assert running.stdout.readline() == "got it\n"
    assert running.wait(20) == 3


def test_run_keeps_what_it_is_told_to_keep(runf: Runf, bundle: Path) -> None:
    assert runf("run", "--keep", "-b", make_container_bundle(bundle, "false"), "one").returncode == 1
    assert runf.state("one")["exit"]["code"] == 1
    runf.ok("delete", "one")


def test_create_waits_and_start_executes(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sh", "-c", "echo started > /tmp/x; sleep 600")
    runf.ok("create", "-b", path, "--pid-file", str(runf.place / "pid"), "one")
    state = runf.state("one")
    state_schema.validate({name: value for name, value in state.items() if name != "verified"})
    assert (state["status"], state["verified"], state["bundle"]) == ("created", True, path)
    assert (runf.place / "pid").read_text() == str(state["pid"])
    with open(f"/proc/{state['pid']}/comm") as comm:
        assert comm.read() == "runf-init\n"
    runf.ok("start", "one")
    running = runf.state("one")
    assert (running["status"], running["pid"]) == ("running", state["pid"])
    assert running["started"] >= running["created"]
    runf.ok("kill", "one", "KILL")
    wait_until(lambda: stopped(runf, "one"), "stopped after SIGKILL")
    assert runf.state("one")["pid"] == 0
    runf.ok("delete", "one")
    assert runf.ok("list", "-q") == ""


def test_the_waiting_process_is_no_interpreter(runf: Runf, bundle: Path) -> None:
    runf.ok("create", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    pid = runf.state("one")["pid"]
    assert "memfd:runf-init" in os.readlink(f"/proc/{pid}/exe")
    fds = {int(name): os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
    assert {fd for fd in fds if fd > 2} == {fd for fd, target in fds.items() if target.endswith(("/gate", "/outcome"))}


def test_a_created_container_can_be_killed(runf: Runf, bundle: Path) -> None:
    runf.ok("create", "-b", make_container_bundle(bundle, "true"), "one")
    runf.ok("kill", "one")
    wait_until(lambda: stopped(runf, "one"), "stopped after SIGTERM")
    refused = runf("start", "one")
    assert refused.returncode == 1
    assert "it is stopped" in refused.stderr
    runf.ok("delete", "one")


@pytest.mark.needs("root", "cgroups")
def test_what_shares_a_pid_namespace_dies_with_its_first_process_when_that_is_killed(runf: Runf, bundle: Path) -> None:
    def share(config: dict[str, Any]) -> None:
        namespaces = config["linux"]["namespaces"]
        config["linux"]["namespaces"] = [each for each in namespaces if each["type"] != "pid"]

    path = make_container_bundle(bundle, "sh", "-c", "trap '' TERM; sleep 600 & exec sleep 601", change=share)
    runf.ok("run", "--detach", "-b", path, "one")
    wait_until(lambda: len(json.loads(runf.ok("ps", "--format", "json", "one"))) == 2, "both sleep")
    pids = json.loads(runf.ok("ps", "--format", "json", "one"))
    runf.ok("kill", "one", "USR1")
    wait_until(lambda: stopped(runf, "one"), "stopped by a signal for the first process alone")
    (left,) = (pid for pid in pids if os.path.exists(f"/proc/{pid}"))
    runf.ok("kill", "--all", "one", "KILL")
    wait_until(lambda: not os.path.exists(f"/proc/{left}"), "killed by --all")
    runf.ok("delete", "one")
    runf.ok("run", "--detach", "-b", path, "one")
    wait_until(lambda: len(json.loads(runf.ok("ps", "--format", "json", "one"))) == 2, "both sleep")
    pids = json.loads(runf.ok("ps", "--format", "json", "one"))
    runf.ok("kill", "one", "KILL")
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "all of it killed")
    runf.ok("delete", "one")


def test_a_detached_container_that_nobody_has_reaped_yet_tells_its_exit_code(runf: Runf, bundle: Path) -> None:
    def live() -> None:
        set_child_subreaper(True)  # it stays a zombie of ours, as beneath an init that is slow
        runf.ok("run", "--detach", "-b", make_container_bundle(bundle, "sh", "-c", "exit 7"), "one")
        wait_until(lambda: stopped(runf, "one"), "stopped")
        runf.ok("delete", "one")

    in_child(live)
    (last,) = runf.last_records()
    if os.geteuid() == 0:
        assert last["exit"]["code"] == 7
    else:
        assert last["exit"]["code"] in (7, None)  # an ordinary user learns it once it was reaped, or never
    assert types(last)[:4] == ["creating", "created", "started", "stopped"]


def test_delete_refuses_what_runs_and_force_does_not(runf: Runf, bundle: Path) -> None:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    refused = runf("delete", "one")
    assert refused.returncode == 1
    assert 'cannot delete container "one": it is running' in refused.stderr
    runf.ok("delete", "--force", "one")
    (last,) = runf.last_records()
    assert last["status"] == "stopped"
    assert types(last)[-1] == "deleted"


def test_force_deletes_nothing_and_says_nothing(runf: Runf) -> None:
    done = runf("delete", "--force", "nobody")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_id_is_taken_once(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sleep", "600")
    runf.ok("create", "-b", path, "one")
    refused = runf("create", "-b", path, "one")
    assert refused.returncode == 1
    assert refused.stderr == (
        'runf: container "one" already exists; choose another id, or delete that container first\n'
    )
    assert runf.state("one")["status"] == "created"
    assert os.listdir(runf.root / ".staging") == [".sweep"]


@pytest.mark.parametrize("wrong", ["", ".one", "a/b", "a b", "x" * 201, "ä", ".."])
def test_a_wrong_id_changes_nothing(runf: Runf, bundle: Path, wrong: str) -> None:
    refused = runf("create", "-b", make_container_bundle(bundle, "true"), "--", wrong)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "is not allowed" in refused.stderr
    assert not runf.root.exists()


def test_a_wrong_config_changes_nothing(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "true", change=lambda config: config["process"].update(cwd="here"))
    refused = runf("create", "-b", path, "one")
    assert refused.returncode == 1
    assert "config.json#/process/cwd" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not runf.root.exists()


def test_what_is_not_built_is_refused_by_name(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "true", change=lambda config: config.update(vm={"kernel": {"path": "/k"}}))
    refused = runf("create", "-b", path, "one")
    assert refused.returncode == 1
    assert "config.json#/vm: " in refused.stderr


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("nosuch", 'exec: "nosuch": executable file not found in $PATH'),
        ("/nosuch", 'exec: "/nosuch": no such file or directory'),
        ("/etc/ld.so.cache", 'exec: "/etc/ld.so.cache": permission denied'),
    ],
)
def test_a_program_that_cannot_run_is_told_at_create(runf: Runf, bundle: Path, program: str, words: str) -> None:
    refused = runf("create", "-b", make_container_bundle(bundle, program), "one")
    assert (refused.returncode, refused.stderr) == (1, f"runf: {words}\n")
    assert not (runf.root / "one").exists()
    (last,) = runf.last_records()
    assert last["fault"] == words
    assert types(last)[:2] == ["creating", "failed"]


def test_a_script_whose_interpreter_is_missing_says_so(runf: Runf, bundle: Path) -> None:
    (bundle / "script").write_text("#!/nosuch/interpreter\n")
    (bundle / "script").chmod(0o755)
    script = {"destination": "/tmp/script", "type": "none", "source": str(bundle / "script"), "options": ["bind"]}
    path = make_container_bundle(bundle, "/tmp/script", change=lambda config: config["mounts"].append(script))
    told = (
        'runf: exec: "/tmp/script": no such file or directory; '
        "what its first line or the program itself names to interpret it is missing\n"
    )
    refused = runf("run", "-b", path, "one")
    assert (refused.returncode, refused.stderr) == (1, told)
    runf.ok(
        "run",
        "-d",
        "-b",
        make_container_bundle(bundle, "sleep", "600", change=lambda config: config["mounts"].append(script)),
        "two",
    )
    refused = runf("exec", "two", "/tmp/script")
    assert (refused.returncode, refused.stderr) == (255, told)


def test_a_file_that_is_no_program_is_told_at_start(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "/tmp/broken")
    config = json.loads((bundle / "config.json").read_text())
    (bundle / "broken").write_bytes(b"no program\n")
    (bundle / "broken").chmod(0o755)
    config["mounts"].append(
        {"destination": "/tmp/broken", "type": "none", "source": str(bundle / "broken"), "options": ["bind"]}
    )
    (bundle / "config.json").write_text(json.dumps(config))
    runf.ok("create", "-b", path, "one")
    refused = runf("start", "one")
    assert refused.returncode == 1
    assert refused.stderr == (
        'runf: exec: "/tmp/broken": exec format error; '
        "it is no program of this machine's, and has no line #! with an interpreter\n"
    )
    record = runf.state("one")
    assert (record["status"], types(record)[-1]) == ("stopped", "failed")
    runf.ok("delete", "one")


def test_the_public_files_are_public_and_the_private_private(runf: Runf, bundle: Path) -> None:
    runf.ok("create", "-b", make_container_bundle(bundle, "true"), "one")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (runf.root / "one").iterdir()}
    assert modes.pop("state.json") == 0o644
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((runf.root / "one").stat().st_mode) == 0o755
    assert stat.S_IMODE(runf.root.stat().st_mode) == 0o750


def test_the_record_never_holds_the_environment_or_the_arguments(runf: Runf, bundle: Path) -> None:
    def add_secret(config: dict[str, Any]) -> None:
        config["process"]["env"].append("SECRET=hunter2")

    path = make_container_bundle(bundle, "sh", "-c", "true argument-of-mine", change=add_secret)
    runf.ok("create", "-b", path, "one")
    text = (runf.root / "one" / "state.json").read_text()
    assert "hunter2" not in text
    assert "argument-of-mine" not in text


def test_later_edits_of_the_bundle_do_not_count(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sleep", "600")
    runf.ok("create", "-b", path, "one")
    (bundle / "config.json").write_text("{}")
    runf.ok("start", "one")
    runf.ok("delete", "--force", "one")


def test_list_filters_and_formats(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(
        bundle, "sleep", "600", change=lambda config: config.update(annotations={"app": "web"})
    )
    runf.ok("create", "-b", path, "one")
    path = make_container_bundle(bundle, "sleep", "600")
    runf.ok("run", "-d", "-b", path, "two")
    assert runf.ok("list", "-q") == "one\ntwo\n"
    assert runf.ok("list", "-q", "--status", "running") == "two\n"
    assert runf.ok("list", "-q", "--annotation", "app=web") == "one\n"
    assert runf.ok("list", "-q", "--annotation", "app=db") == ""
    assert [entry["id"] for entry in json.loads(runf.ok("list", "--format", "json"))] == ["one", "two"]
    header, first, second = runf.ok("list").splitlines()
    assert header.split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    assert first.split()[0::2][:2] == ["one", "created"]
    assert second.split()[2] == "running"
    states = json.loads(runf.ok("state", "one", "two"))
    assert [state["id"] for state in states] == ["one", "two"]


def test_one_unreadable_record_spoils_nothing(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sleep", "600")
    runf.ok("create", "-b", path, "bad")
    path = make_container_bundle(bundle, "sleep", "600")
    runf.ok("create", "-b", path, "good")
    pid = runf.state("bad")["pid"]
    has_cgroup = runf.record("bad")["linux"]["cgroup"] is not None
    (runf.root / "bad" / "state.json").write_text("{")
    done = runf("list", "-q")
    assert (done.returncode, done.stdout) == (0, "good\n")
    assert 'record of container "bad" is unreadable' in done.stderr
    assert runf("state", "bad").returncode == 1
    runf.ok("delete", "--force", "bad")
    if has_cgroup:
        wait_until(lambda: not os.path.exists(f"/proc/{pid}/exe"), "the process of the unreadable container dead")
    else:
        os.kill(pid, signal.SIGKILL)  # nothing tells whose it was
    assert runf.ok("list", "-q") == "good\n"


def test_a_spec_makes_a_container_that_runs(runf: Runf) -> None:
    path = str(runf.place / "made")
    rootless = ("--rootless",) if runf.is_rootless else ()
    runf.ok("spec", "--host-usr", *rootless, "-b", path, "--", "sh", "-c", "echo hello")
    container_id = unique_name()  # its cgroup is named by it
    assert runf.ok("run", "-b", path, container_id) == "hello\n"
    again = runf("spec", "-b", path)
    assert again.returncode == 1
    assert "exists already" in again.stderr


def test_nothing_is_left_of_a_life(runf: Runf, bundle: Path) -> None:
    def mounts() -> list[str]:  # but for those of other tests at work
        lines = open("/proc/self/mountinfo").read().splitlines()
        return [line for line in lines if "/pytest-" not in line or str(bundle) in line or str(runf.root) in line]

    before = mounts()
    path = make_container_bundle(bundle, "true")
    cgroup = json.loads((bundle / "config.json").read_text())["linux"].get("cgroupsPath", "/none")[1:]
    assert runf("run", "-b", path, "one").returncode == 0
    assert mounts() == before
    assert os.listdir(runf.root / ".staging") == [".sweep"]
    found = subprocess.run(["find", "/sys/fs/cgroup", "-name", cgroup], capture_output=True, text=True, check=False)
    assert found.stdout == ""


@pytest.mark.needs("containers")
def test_run_commits_nothing_between_its_create_and_its_start(runf: Runf, bundle: Path) -> None:
    runf.ok("run", "--detach", "-b", make_container_bundle(bundle, "sleep", "1000"), "one")
    record = runf.record("one")
    places = [(each["generation"], each["type"]) for each in record["transitions"]]
    # generation 2 brought the pid, and 3 the starter as well
    assert places == [(1, "creating"), (3, "created"), (4, "started")]
    assert (record["generation"], record["starter"], record["maker"]) == (4, None, None)


@pytest.mark.needs("containers")
@pytest.mark.parametrize("is_started", [True, False])
def test_each_rename_raises_the_generation_by_one(runf: Runf, bundle: Path, is_started: bool) -> None:
    """Where a watcher is at work a delete leaves the end to it, unless it knows the code: then it tells both."""
    runf.ok("create", "-b", make_container_bundle(bundle, "sleep", "1000"), "one")
    store = Store(str(runf.root), make=False)
    with Commits(runf.root, "one") as commits, closing(store):
        before = runf.record("one")["generation"]
        if is_started:
            runf.ok("start", "one")
        presence = announce(store.fds.root)
        try:
            runf.ok("delete", "--force", "one")
        finally:
            os.close(presence)
        (last,) = runf.last_records()
        assert commits.generations() == list(range(before + 1, last["generation"] + 1))
    stopped, deleted = last["transitions"][-2:]
    assert (stopped["type"], deleted["type"]) == ("stopped", "deleted")
    assert (stopped["generation"], stopped["n"] + 1) == (deleted["generation"], deleted["n"])
