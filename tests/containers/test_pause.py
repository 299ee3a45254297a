"""Containers stopped where they are, and let go again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runtime.kernel import procfs
from tests.support.containers import CGROUPS, ON_V2, Runf, make_container_bundle, wait_until
from tests.support.needs import require
from tests.support.session import unique_name

FROZEN = {1: "FROZEN", 2: "1"}
THAWED = {1: "THAWED", 2: "0"}


class Case:
    """Containers on one version of cgroups."""

    def __init__(self, runf: Runf, version: int) -> None:
        self.runf = runf
        self.version = version

    def freezer(self, container_id: str) -> Path:
        """The file that freezes the container, by a path that this very process can see."""
        cgroup = self.runf.record(container_id)["linux"]["cgroup"]
        if self.version == 1:
            return Path(cgroup["paths"]["freezer"]) / "freezer.state"
        inner = Path(cgroup["paths"]["unified"]).relative_to(CGROUPS)
        return Path(_v2_mount() or CGROUPS) / inner / "cgroup.freeze"

    def status(self, container_id: str = "one") -> str:
        found: str = self.runf.state(container_id)["status"]
        return found

    def happened(self, container_id: str = "one") -> list[tuple[str, str]]:
        """Types and statuses of the transitions after the creation."""
        record = self.runf.record(container_id)
        return [(each["type"], each["status"]) for each in record["transitions"] if each["type"] != "creating"]


def _v2_mount() -> str | None:
    found = [each.mount_point for each in procfs.mounts("/proc") if each.fstype == "cgroup2"]
    return found[0] if found else None


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def case(request: pytest.FixtureRequest, runf: Runf) -> Case:
    require("root")
    version: int = request.param
    is_v1 = any(each.fstype == "cgroup" and each.mount_point == f"{CGROUPS}/freezer" for each in procfs.mounts("/proc"))
    if version == 1 and not is_v1:
        pytest.skip("needs the cgroup v1 freezer")
    if version == 2:
        if _v2_mount() is None:
            pytest.skip("needs cgroup2 mounted somewhere")
        runf.prefix = ON_V2
    return Case(runf, version)


def running(case: Case, bundle: Path, *args: str) -> None:
    case.runf.ok("run", "-d", "-b", make_container_bundle(bundle, *(args or ("sleep", "600"))), "one")


def test_a_paused_container_is_frozen_and_a_resumed_one_goes_on(case: Case, bundle: Path) -> None:
    running(case, bundle)
    case.runf.ok("pause", "one")
    assert case.freezer("one").read_text().strip() == FROZEN[case.version]
    assert (case.status(), case.runf.record("one")["status"]) == ("paused", "paused")
    assert json.loads(case.runf.ok("list", "--status", "paused", "-f", "json"))[0]["id"] == "one"
    case.runf.ok("resume", "one")
    assert case.freezer("one").read_text().strip() == THAWED[case.version]
    assert case.status() == "running"
    assert case.happened()[-2:] == [("paused", "paused"), ("resumed", "running")]


def test_a_paused_program_does_nothing_and_loses_no_signal(case: Case, bundle: Path) -> None:
    running(case, bundle, "sh", "-c", "trap 'exit 9' TERM; while :; do sleep 0.02; done")
    case.runf.ok("pause", "one")
    case.runf.ok("kill", "one", "TERM")
    assert case.status() == "paused"
    case.runf.ok("resume", "one")
    wait_until(lambda: case.status() == "stopped", "stopped by the signal that waited")


def test_a_container_that_waits_for_its_start_can_be_paused_and_waits_on(case: Case, bundle: Path) -> None:
    case.runf.ok("create", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    case.runf.ok("pause", "one")
    refused = case.runf("start", "one")
    assert (refused.returncode, refused.stderr) == (
        1,
        'runf: cannot start container "one": it is paused, and start needs it created\n',
    )
    case.runf.ok("resume", "one")
    assert case.status() == "created"
    case.runf.ok("start", "one")
    assert case.status() == "running"
    assert case.happened() == [
        ("created", "created"),
        ("paused", "paused"),
        ("resumed", "created"),
        ("started", "running"),
    ]


@pytest.mark.parametrize(
    ("prepare", "command", "told"),
    [
        (("pause",), "pause", 'cannot pause container "one": it is paused, and pause needs it created or running'),
        ((), "resume", 'cannot resume container "one": it is running, and resume needs it paused'),
    ],
)
def test_twice_is_refused(case: Case, bundle: Path, prepare: tuple[str, ...], command: str, told: str) -> None:
    running(case, bundle)
    for word in prepare:
        case.runf.ok(word, "one")
    refused = case.runf(command, "one")
    assert (refused.returncode, refused.stderr) == (1, f"runf: {told}\n")


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_a_stopped_container_is_refused(runf: Runf, bundle: Path, command: str) -> None:
    runf.ok("create", "-b", make_container_bundle(bundle, "true"), "one")
    runf.ok("kill", "one", "KILL")
    wait_until(lambda: bool(runf.state("one")["status"] == "stopped"), "stopped")
    refused = runf(command, "one")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f'runf: cannot {command} container "one": it is stopped')
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_an_unknown_container_is_told(runf: Runf, command: str) -> None:
    refused = runf(command, "nobody")
    assert (refused.returncode, refused.stderr) == (1, 'runf: container "nobody" does not exist\n')


def test_a_freeze_by_somebody_else_is_told_and_not_recorded(case: Case, bundle: Path) -> None:
    running(case, bundle)
    case.freezer("one").write_text(FROZEN[case.version])
    wait_until(lambda: case.status() == "paused", "state says that it is frozen")
    record = case.runf.record("one")
    assert (record["status"], record["transitions"][-1]["type"]) == ("running", "started")
    case.runf.ok("resume", "one")
    assert case.status() == "running"
    assert case.happened()[-2:] == [("paused", "paused"), ("resumed", "running")]


def test_a_thaw_by_somebody_else_is_told_and_it_can_be_paused_again(case: Case, bundle: Path) -> None:
    running(case, bundle)
    case.runf.ok("pause", "one")
    case.freezer("one").write_text(THAWED[case.version])
    wait_until(lambda: case.status() == "running", "state says that it goes on")
    case.runf.ok("pause", "one")
    assert case.status() == "paused"
    assert case.happened()[-3:] == [("paused", "paused"), ("resumed", "running"), ("paused", "paused")]


def test_a_container_held_by_a_frozen_cgroup_above_can_not_be_resumed(case: Case, bundle: Path) -> None:
    outer = unique_name()

    def nest(config: dict[str, Any]) -> None:
        config["linux"]["cgroupsPath"] = f"/{outer}/inner"

    case.runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600", change=nest), "one")
    above = case.freezer("one").parent.parent / case.freezer("one").name
    try:
        above.write_text(FROZEN[case.version])
        wait_until(lambda: case.status() == "paused", "frozen from above")
        refused = case.runf("resume", "one")
        assert refused.returncode == 1
        assert "a cgroup above theirs is" in refused.stderr
        assert (case.status(), case.runf.record("one")["status"]) == ("paused", "running")
    finally:
        above.write_text(THAWED[case.version])
        case.runf.ok("delete", "--force", "one")
        for directory in (Path(CGROUPS, outer), *Path(CGROUPS).glob(f"*/{outer}")):  # v2, v1
            if directory.is_dir():
                directory.rmdir()


def test_sigkill_reaches_a_paused_container(case: Case, bundle: Path) -> None:
    running(case, bundle)
    case.runf.ok("pause", "one")
    case.runf.ok("kill", "one", "KILL")
    wait_until(lambda: case.status() == "stopped", "stopped by SIGKILL")
    case.runf.ok("delete", "one")


@pytest.mark.parametrize("signal", ["KILL", "TERM"])
def test_a_signal_to_all_processes_of_a_paused_container(case: Case, bundle: Path, signal: str) -> None:
    running(case, bundle, "sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.02; done")
    case.runf.ok("pause", "one")
    case.runf.ok("kill", "--all", "one", signal)
    if signal == "TERM":
        assert case.status() == "paused"
        case.runf.ok("resume", "one")
    wait_until(lambda: case.status() == "stopped", f"stopped by {signal}")


def test_a_paused_container_is_deleted_by_force_only(case: Case, bundle: Path) -> None:
    running(case, bundle)
    case.runf.ok("pause", "one")
    refused = case.runf("delete", "one")
    assert refused.returncode == 1
    assert 'cannot delete container "one": it is paused' in refused.stderr
    case.runf.ok("delete", "--force", "one")
    assert case.runf.ok("list", "-q") == ""


@pytest.mark.needs("an ordinary user")
def test_without_a_freezer_of_ones_own_the_refusal_says_what_is_missing(runf: Runf, bundle: Path) -> None:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    if runf.record("one")["linux"]["cgroup"] is not None:
        pytest.skip("a cgroup is delegated to this user")
    refused = runf("pause", "one")
    assert refused.returncode == 1
    assert refused.stderr.startswith("runf: the container has no freezer cgroup; ")
    assert runf.state("one")["status"] == "running"
