"""Containers of runc and crun, entered by their hooks."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import COMMAND, Runf, make_container_bundle, wait_until
from tests.support.needs import require
from tests.support.session import unique_name
from tests.support.watching import Watcher

STAGES = {"createRuntime": "register", "poststart": "register", "poststop": "unregister"}


def without_settings(config: dict[str, Any]) -> None:
    """Nothing of the host's /etc: crun 1.8 can't bind a file with `rro` onto a place that is not there."""
    config["mounts"] = [each for each in config["mounts"] if not each["destination"].startswith("/etc/")]


def fails_here(name: str, place: Path) -> str:
    """Why the runtime can't run a container on this machine; empty where it can."""
    bundle = make_container_bundle(place, "true", change=without_settings)
    argv = [name, "--root", str(place / "state"), "run", "--bundle", bundle, unique_name()]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    return (done.stderr or f"exit status {done.returncode}").strip().splitlines()[-1] if done.returncode else ""


class Foreign:
    """Another runtime, whose bundle calls our hooks."""

    def __init__(self, name: str, runf: Runf, bundle: Path) -> None:
        self.name = name
        self.runf = runf
        self.bundle = bundle
        self.root = runf.place / f"{name}-state"
        self.id = unique_name()

    def prepare(self, *args: str, stages: tuple[str, ...] = tuple(STAGES)) -> None:
        """A bundle that runs ``args`` with our hooks at these stages."""

        def change(config: dict[str, Any]) -> None:
            without_settings(config)
            config["hooks"] = self._hooks(stages)

        make_container_bundle(self.bundle, *args, change=change)

    def _hooks(self, stages: tuple[str, ...]) -> dict[str, Any]:
        words = {stage: [*COMMAND, "--root", str(self.runf.root), STAGES[stage]] for stage in stages}
        return {stage: [{"path": argv[0], "args": argv}] for stage, argv in words.items()}

    def __call__(self, *words: str) -> None:
        argv = [self.name, "--root", str(self.root), *words]
        with open(os.devnull, "r+") as null:
            subprocess.run(argv, stdin=null, stdout=null, stderr=null, check=True, timeout=60)


@pytest.fixture(params=["runc", "crun"])
def foreign(request: pytest.FixtureRequest, runf: Runf, bundle: Path, tmp_path: Path) -> Iterator[Foreign]:
    require("root", f"program:{request.param}")
    why = fails_here(request.param, tmp_path / "trial")
    if why:
        pytest.skip(f"{request.param} can't run this machine's containers: {why}")
    other = Foreign(request.param, runf, bundle)
    yield other
    subprocess.run([other.name, "--root", str(other.root), "delete", "--force", other.id], check=False)


def test_its_life_is_entered_from_birth_to_end(foreign: Foreign, runf: Runf) -> None:
    foreign.prepare("sleep", "600")
    foreign("create", "--bundle", str(foreign.bundle), foreign.id)
    created = runf.record(foreign.id)
    assert (created["status"], created["runtime"]["name"]) == ("created", foreign.name)
    foreign("start", foreign.id)
    running = runf.state(foreign.id)
    assert running["status"] == "running"
    assert running["instance"] == created["instance"]
    assert [each["type"] for each in running["transitions"]] == ["creating", "created", "started"]
    assert Path(f"/proc/{running['pid']}/comm").read_text() == "sleep\n"
    foreign("kill", foreign.id, "KILL")
    wait_until(lambda: runf.state(foreign.id)["status"] == "stopped", "the end is seen")
    foreign("delete", foreign.id)
    assert not (runf.root / foreign.id).exists()
    last = json.loads((runf.root / ".deleted" / created["instance"] / "state.json").read_text())
    assert [each["type"] for each in last["transitions"]][-2:] == ["stopped", "deleted"]


def test_a_watcher_records_its_exit_code(foreign: Foreign, runf: Runf) -> None:
    foreign.prepare("sh", "-c", "exit 7")
    watcher = Watcher(str(runf.root), "--socket", str(runf.place / "socket"))
    try:
        assert "following" in watcher.wait_ready()
        foreign("create", "--bundle", str(foreign.bundle), foreign.id)
        foreign("start", foreign.id)
        wait_until(lambda: runf.record(foreign.id)["exit"]["code"] == 7, "the exit code is recorded")
    finally:
        watcher.clean_up()


@pytest.mark.needs("linux:6.15")
def test_the_code_is_recorded_however_late_the_watcher_is(foreign: Foreign, runf: Runf, watching: Watcher) -> None:
    foreign.prepare("sh", "-c", "exit 7")
    with watching.asleep():
        foreign("create", "--bundle", str(foreign.bundle), foreign.id)
        foreign("start", foreign.id)
        wait_until(lambda: runf.state(foreign.id)["status"] == "stopped", "the end is seen")
        foreign("delete", foreign.id)
    wait_until(lambda: runf.last_records()[0]["exit"]["code"] == 7, "the exit code is recorded")


def test_its_record_leads_to_its_cgroup_and_namespaces(foreign: Foreign, runf: Runf) -> None:
    foreign.prepare("sleep", "600")
    foreign("run", "--detach", "--bundle", str(foreign.bundle), foreign.id)
    record = runf.record(foreign.id)
    for path in record["linux"]["cgroup"]["paths"].values():
        assert str(record["pid"]) in Path(path, "cgroup.procs").read_text().split()
    inode = os.stat(f"/proc/{record['pid']}/ns/mnt").st_ino
    assert record["linux"]["namespaces"]["mnt"] == inode
    assert record["rootfs"] == str(foreign.bundle / "rootfs")


@pytest.mark.parametrize(
    "words",
    [("kill", "ID", "KILL"), ("start", "ID"), ("delete", "ID"), ("delete", "--force", "ID"), ("unregister", "ID")],
    ids=" ".join,
)
def test_no_action_of_ours_touches_it(foreign: Foreign, runf: Runf, words: tuple[str, ...]) -> None:
    foreign.prepare("sleep", "600")
    foreign("run", "--detach", "--bundle", str(foreign.bundle), foreign.id)
    before = runf.state(foreign.id)
    refused = runf(*(foreign.id if word == "ID" else word for word in words))
    assert refused.returncode == 1
    assert f"belongs to {foreign.name}" in refused.stderr
    assert runf.state(foreign.id) == before
    assert Path(f"/proc/{before['pid']}/comm").read_text() == "sleep\n"


def test_once_it_has_ended_delete_removes_its_record_only(foreign: Foreign, runf: Runf) -> None:
    foreign.prepare("true", stages=("createRuntime", "poststart"))
    foreign("run", "--detach", "--bundle", str(foreign.bundle), foreign.id)
    wait_until(lambda: runf.state(foreign.id)["status"] == "stopped", "the end is seen")
    paths = runf.record(foreign.id)["linux"]["cgroup"]["paths"].values()
    runf.ok("delete", "--force", foreign.id)
    assert not (runf.root / foreign.id).exists()
    assert all(Path(path).exists() for path in paths)


def test_a_new_life_takes_the_place_of_one_that_nobody_unregistered(foreign: Foreign, runf: Runf) -> None:
    foreign.prepare("true", stages=("createRuntime",))
    instances = set()
    for _ in range(2):
        foreign("run", "--bundle", str(foreign.bundle), foreign.id)
        instances.add(runf.record(foreign.id)["instance"])
    assert len(instances) == 2
    assert len(list((runf.root / ".deleted").glob("[0-9a-f]*"))) == 1


def test_our_own_containers_are_known_already(runf: Runf, bundle: Path) -> None:
    argv = [*COMMAND, "--root", str(runf.root), "register"]
    hooks = {"createRuntime": [{"path": argv[0], "args": argv}], "poststart": [{"path": argv[0], "args": argv}]}
    runf.ok(
        "create", "-b", make_container_bundle(bundle, "true", change=lambda config: config.update(hooks=hooks)), "one"
    )
    runf.ok("start", "one")
    assert runf.record("one")["runtime"]["name"] == "runf"
    assert [each["type"] for each in runf.record("one")["transitions"]][:3] == ["creating", "created", "started"]


def hook_input(**changes: Any) -> bytes:
    state = {"ociVersion": "1.3.0", "id": "one", "status": "created", "pid": 1, "bundle": "/b", **changes}
    return json.dumps(state).encode()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "standard input is no JSON"),
        (b"[]", "standard input: must be an object"),
        (hook_input(id=7), "standard input#/id: must be a string"),
        (hook_input(id="../x"), "the container id '../x' is not allowed"),
        (hook_input(status="asleep"), "standard input#/status: must be one of"),
        (hook_input(pid=0), "standard input#/pid: must be the number of a process"),
        (hook_input(bundle="b"), "standard input#/bundle: must be an absolute path"),
        (hook_input(annotations={"a": 1}), "standard input#/annotations: must hold strings only"),
        (hook_input(pid=2**22 + 1), f"process {2**22 + 1} is gone"),
    ],
)
def test_a_state_that_is_none_is_one_line(runf: Runf, text: bytes, told: str) -> None:
    def ask(*options: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(runf.argv("register", *options), input=text, capture_output=True, check=False)

    refused = ask()
    assert (refused.returncode, told in refused.stderr.decode()) == (1, True)
    assert refused.stderr.count(b"\n") == 1
    assert ask("--tolerant").returncode == 0
    assert not runf.root.exists()


def test_unregister_of_nobody_is_no_failure(runf: Runf) -> None:
    runf.ok("unregister", "nobody")


def enter(runf: Runf, **changes: Any) -> subprocess.CompletedProcess[bytes]:
    """What ``register`` says to the state that a hook of another runtime hands on."""
    argv = runf.argv("register", "--runtime", "other")
    return subprocess.run(argv, input=hook_input(**changes), capture_output=True, check=False)


def test_a_program_that_ended_before_its_poststart_hook_has_started_all_the_same(runf: Runf) -> None:
    with subprocess.Popen(["sleep", "600"]) as sleeper:
        assert enter(runf, pid=sleeper.pid).returncode == 0
        sleeper.kill()
    assert enter(runf, pid=sleeper.pid, status="running").returncode == 0
    assert [each["type"] for each in runf.record("one")["transitions"]] == ["creating", "created", "started"]
    assert runf.state("one")["status"] == "stopped"


def test_the_hooks_are_told_from_another_containers(runf: Runf) -> None:
    sleepers: list[subprocess.Popen[bytes]] = [subprocess.Popen(["sleep", "600"]) for _ in range(2)]
    try:
        assert enter(runf, pid=sleepers[0].pid).returncode == 0
        refused = enter(runf, pid=sleepers[1].pid)
        assert (refused.returncode, b"already exists" in refused.stderr) == (1, True)
        assert runf.record("one")["pid"] == sleepers[0].pid
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()
    runf.ok("unregister", "one")
    assert not (runf.root / "one").exists()
