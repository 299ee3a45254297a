"""The processes of a container, as others on the host see them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.containers import ON_V2, Runf, make_container_bundle, wait_until
from tests.support.needs import require


@pytest.mark.parametrize("is_v2", [False, True], ids=["here", "v2"])
def test_ps_tells_each_process_by_its_pid_on_the_host(runf: Runf, bundle: Path, is_v2: bool) -> None:
    if is_v2:
        require("cgroup2")
        runf.prefix = ON_V2
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    runf.ok("exec", "-d", "one", "sleep", "700")
    record = runf.record("one")
    assert json.loads(runf.ok("ps", "-f", "json", "one")) == sorted(
        [record["pid"], record["execs"][0]["process"]["pid"]]
    )


@pytest.mark.needs("program:ps")
def test_ps_passes_arguments_on_and_prints_the_containers_lines(runf: Runf, bundle: Path) -> None:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    pid = str(runf.state("one")["pid"])
    head, *lines = runf.ok("ps", "one").splitlines()
    assert "PID" in head.split()
    assert [line.split()[1] for line in lines] == [pid]
    assert runf.ok("ps", "one", "-A", "-o", "pid,comm").split() == ["PID", "COMMAND", pid, "sleep"]
    refused = runf("ps", "one", "-A", "-o", "comm")
    assert (refused.returncode, refused.stderr) == (
        1,
        "runf: what ps prints has no column PID; name options that show it, such as -ef\n",
    )


def test_a_stopped_container_has_no_processes_and_an_unknown_one_is_told(runf: Runf, bundle: Path) -> None:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "true"), "one")
    wait_until(lambda: bool(runf.state("one")["status"] == "stopped"), "stopped")
    assert runf.ok("ps", "-f", "json", "one") == "[]\n"
    refused = runf("ps", "nobody")
    assert (refused.returncode, refused.stderr) == (1, 'runf: container "nobody" does not exist\n')
