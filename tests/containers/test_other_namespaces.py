"""Asked from another pid namespace, or one with a shifted clock, a living container stays what it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.containers import Runf, create_under_way, make_container_bundle
from tests.support.watching import Watcher

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs("root", "program:unshare")

ELSEWHERE = {
    "pid": ("unshare", "--pid", "--fork", "--mount-proc"),
    "pid-with-our-proc": ("unshare", "--pid", "--fork"),
    "time": ("unshare", "--time", "--boottime", "1000000", "--monotonic", "1000000", "--fork"),
    "both": ("unshare", "--pid", "--time", "--boottime", "-5", "--fork", "--mount-proc"),
}


@pytest.fixture
def living(runf: Runf, bundle: Path) -> dict[str, str]:
    """A running container and one that waits, by id and status."""
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "runs")
    runf.ok("create", "-b", make_container_bundle(bundle, "sleep", "600"), "waits")
    return {"runs": "running", "waits": "created"}


@pytest.mark.parametrize("where", ELSEWHERE)
def test_state_and_list_answer_from_the_record_and_say_so(runf: Runf, living: dict[str, str], where: str) -> None:
    before = {name: runf.record(name) for name in living}
    there = Runf(runf.place, ELSEWHERE[where])
    states = json.loads(there.ok("state", *living))
    listed = json.loads(there.ok("list", "--format", "json"))
    for answers in (states, listed):
        assert {each["id"]: each["status"] for each in answers} == living
        assert [each["verified"] for each in answers] == [False, False]
    assert {name: runf.record(name) for name in living} == before
    assert [each["verified"] for each in json.loads(runf.ok("state", *living))] == [True, True]


@pytest.mark.parametrize("where", ELSEWHERE)
def test_nothing_is_done_to_a_process_that_cannot_be_told(runf: Runf, living: dict[str, str], where: str) -> None:
    there = Runf(runf.place, ELSEWHERE[where])
    asked = {
        "signal": ("kill", "runs", "KILL"),
        "delete": ("delete", "--force", "runs"),
        "start": ("start", "waits"),
        "pause": ("pause", "runs"),
    }
    for verb, words in asked.items():
        refused = there(*words)
        assert refused.returncode == 1
        assert f"runf: cannot {verb} container" in refused.stderr
        assert "its process is out of sight: it lies in another pid or time namespace" in refused.stderr
    assert {name: runf.state(name)["status"] for name in living} == living


@pytest.mark.parametrize("where", ["pid", "time"])
def test_a_create_that_is_under_way_is_not_taken_for_interrupted(runf: Runf, bundle: Path, where: str) -> None:
    there = Runf(runf.place, ELSEWHERE[where])
    with create_under_way(runf, bundle, "one"):
        seen = json.loads(there.ok("state", "one"))
        assert (seen["status"], seen["verified"]) == ("creating", False)
        assert there("delete", "--force", "one").returncode == 1
    assert runf.state("one")["status"] == "created"


@pytest.mark.parametrize("where", ["pid", "time"])
def test_a_watcher_from_elsewhere_commits_no_end(
    runf: Runf, living: dict[str, str], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runf.place))
    before = {name: runf.record(name) for name in living}
    watcher = Watcher(
        str(runf.root), "--socket", str(runf.place / "watcher.sock"), prefix=(*ELSEWHERE[where], "--kill-child")
    )
    try:
        assert "following" in watcher.wait_ready()
        found = watcher.get("/v1/containers").document()
        assert {each["id"]: each["status"] for each in found} == living
    finally:
        watcher.clean_up()
    assert {name: runf.record(name) for name in living} == before
