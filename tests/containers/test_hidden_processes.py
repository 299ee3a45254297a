"""Asked by somebody to whom /proc doesn't tell enough (proc(5), hidepid and subset), a living container stays alive.

Services that systemd hardens see it so: ProtectProc= and ProcSubset= (systemd.exec(5)).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.containers import Runf, create_under_way, make_container_bundle, wait_until
from tests.support.watching import Watcher

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs("root", "containers", "program:unshare", "program:setpriv")

# who may read the test's files, wherever they lie
AS_NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override"
HIDDEN = {
    how: ("unshare", "--mount", "sh", "-c", f'mount -t proc -o {options} proc /proc && exec {who} "$@"', "sh")
    for how, options, who in (
        ("not accessible", "hidepid=1", AS_NOBODY),
        ("invisible", "hidepid=2", AS_NOBODY),
        ("no boot id", "subset=pid", ""),
    )
}
LIVING = {"runs": "running", "waits": "created"}


@pytest.fixture(params=HIDDEN.values(), ids=HIDDEN)
def outsider(runf: Runf, request: pytest.FixtureRequest) -> Runf:
    """The same root's command line, for somebody who is not told enough."""
    return Runf(runf.place, request.param)


@pytest.fixture
def living(runf: Runf, bundle: Path) -> None:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "runs")
    runf.ok("create", "-b", make_container_bundle(bundle, "sleep", "600"), "waits")


@pytest.mark.usefixtures("living")
def test_what_lives_is_told_by_its_record_and_not_as_verified(runf: Runf, outsider: Runf) -> None:
    states = json.loads(outsider.ok("state", *LIVING))
    listed = json.loads(outsider.ok("list", "--format", "json"))
    for answers in (states, listed):
        assert {each["id"]: (each["status"], each["verified"]) for each in answers} == {
            name: (status, False) for name, status in LIVING.items()
        }
    rows = outsider.ok("list").splitlines()[1:]
    assert {row.split()[0]: row.split()[2] for row in rows} == LIVING
    refused = outsider("kill", "runs", "KILL")
    assert refused.returncode == 1
    assert "its process is out of sight" in refused.stderr
    assert {name: runf.state(name)["verified"] for name in LIVING} == dict.fromkeys(LIVING, True)


@pytest.mark.usefixtures("living")
def test_what_has_ended_is_told_all_the_same(runf: Runf, outsider: Runf) -> None:
    runf.ok("kill", "runs", "KILL")
    wait_until(lambda: runf.state("runs")["status"] == "stopped", "its end")
    (state,) = json.loads(outsider.ok("list", "--format", "json", "--status", "stopped"))
    assert (state["id"], state["verified"]) == ("runs", True)


def test_a_create_under_way_is_not_taken_for_interrupted(runf: Runf, outsider: Runf, bundle: Path) -> None:
    with create_under_way(runf, bundle, "one"):
        seen = json.loads(outsider.ok("state", "one"))
        assert (seen["status"], seen["verified"]) == ("creating", False)
    assert runf.state("one")["status"] == "created"


@pytest.mark.usefixtures("living")
@pytest.mark.parametrize("how", HIDDEN)
def test_a_watcher_tells_of_no_end_either(runf: Runf, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runf.place))
    watcher = Watcher(str(runf.root), "--socket", str(runf.place / "watcher.sock"), prefix=HIDDEN[how])
    try:
        told = watcher.wait_ready()
        if how == "no boot id":
            assert "boot_id can't be read" in told
            told = watcher.wait_ready()
        assert "following" in told
        found = watcher.get("/v1/containers").document()
        assert {each["id"]: each["status"] for each in found} == LIVING
    finally:
        watcher.clean_up()


@pytest.mark.usefixtures("living")
def test_without_a_boot_id_nothing_is_made_or_deleted(runf: Runf, bundle: Path) -> None:
    runf.ok("kill", "runs", "KILL")
    wait_until(lambda: runf.state("runs")["status"] == "stopped", "its end")
    outsider = Runf(runf.place, HIDDEN["no boot id"])
    for words in (("create", "-b", str(bundle), "another"), ("delete", "runs")):
        refused = outsider(*words)
        assert refused.returncode == 1
        assert refused.stderr == (
            "runf: /proc/sys/kernel/random/boot_id can't be read; mount /proc with all it has, not with subset=pid\n"
        )
    assert {each["id"]: each["status"] for each in json.loads(runf.ok("list", "--format", "json"))} == {
        "runs": "stopped",
        "waits": "created",
    }
