"""What followers hear of processes that exec adds."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.containers import Runf, make_container_bundle, wait_until
from tests.support.watching import Watcher

if TYPE_CHECKING:
    from pathlib import Path

STORM = 40  # more than a record keeps


def short(event: dict[str, Any]) -> str:
    kind: str = event["type"].removeprefix("org.runf.container.").removesuffix(".v1")
    return kind


@pytest.mark.needs("linux:6.15")
def test_the_exit_code_is_told_though_nobody_waited(runf: Runf, bundle: Path, watching: Watcher) -> None:
    argv = runf.argv("events", "--socket", watching.socket, "--until", "exec.ended")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as reader:
        runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
        runf.ok("exec", "-d", "one", "sh", "-c", "sleep 0.2; exit 7")
        assert reader.stdout is not None
        seen = [json.loads(line) for line in reader.stdout]
    assert [short(each) for each in seen][-2:] == ["exec.started", "exec.ended"]
    assert seen[-1]["data"]["execs"][0]["exit"] == {"code": 7, "signal": None, "oomKilled": None}
    assert seen[-1]["data"]["status"] == "running"


def test_a_storm_of_them_is_told_whole_and_bounded_on_disk(runf: Runf, bundle: Path, watching: Watcher) -> None:
    argv = runf.argv("events", "--socket", watching.socket, "--until", "deleted")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as reader:
        runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
        for number in range(STORM):
            assert runf("exec", "one", "sh", "-c", f"exit {number}").returncode == number
        record = runf.record("one")
        runf.ok("delete", "--force", "one")
        assert reader.stdout is not None
        kinds = [short(json.loads(line)) for line in reader.stdout]
    assert (len(record["execs"]), record["execsDropped"]) == (32, STORM - 32)
    assert [each["exit"]["code"] for each in record["execs"]] == list(range(STORM - 32, STORM))
    assert record["transitions"][-1]["type"] == "started"
    if not any("gap" in kind for kind in kinds):  # a busy machine may let the watcher look too late for all of them
        assert (kinds.count("exec.started"), kinds.count("exec.ended")) == (STORM, STORM)


def test_the_last_record_says_how_a_detached_one_ended(runf: Runf, bundle: Path, watching: Watcher) -> None:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    runf.ok("exec", "-d", "one", "sleep", "600")
    runf.ok("delete", "--force", "one")

    def is_complete() -> bool:
        (record,) = runf.last_records()
        return record["execs"][0]["ended"] is not None

    wait_until(is_complete, "the watcher has completed the last record")
    (record,) = runf.last_records()
    assert record["execs"][0]["exit"]["code"] in (137, None)
