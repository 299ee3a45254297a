"""What a container uses, and that it is out of memory: `events` with an id, as runc has it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from schemas.generated import stats as stats_schema
from tests.support.containers import ON_V2, Runf, make_container_bundle, wait_until
from tests.support.needs import needs, require

MIB = 1 << 20


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def version(request: pytest.FixtureRequest, runf: Runf) -> int:
    found: int = request.param
    require("root", f"cgroup{found}")
    if found == 2:
        runf.prefix = ON_V2
    return found


def stats(runf: Runf) -> dict[str, Any]:
    printed = runf.ok("events", "--stats", "one")
    assert printed.count("\n") == 1
    found: dict[str, Any] = json.loads(printed)
    stats_schema.validate(found)
    assert (found["type"], found["id"]) == ("stats", "one")
    return dict(found["data"])


def test_statistics_are_those_of_the_container(runf: Runf, bundle: Path, version: int) -> None:
    script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exec sleep 600"
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sh", "-c", script), "one")
    pid = runf.state("one")["pid"]
    wait_until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "the program at rest")
    found = stats(runf)
    assert found["cpu"]["usage"]["total"] > 0
    assert found["network_interfaces"] == []  # but its loopback
    if version == 1:
        assert found["pids"] == {"current": 1}
        assert 0 < found["memory"]["usage"]["usage"] <= found["memory"]["usage"]["max"]
        assert sum(found["cpu"]["usage"]["percpu"]) == pytest.approx(found["cpu"]["usage"]["total"], rel=0.5)


@needs("root", "cgroup1")
def test_limits_are_shown_and_unlimited_pids_are_absent(runf: Runf, bundle: Path) -> None:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    assert "limit" not in stats(runf)["pids"]
    runf.ok("update", "--pids-limit", "9", "--memory", "64m", "one")
    found = stats(runf)
    assert found["pids"] == {"current": 1, "limit": 9}
    assert found["memory"]["usage"]["limit"] == 64 * MIB


@needs("root", "cgroup1")
def test_a_container_in_its_callers_network_tells_of_no_interfaces(runf: Runf, bundle: Path) -> None:
    def share_network(config: dict[str, Any]) -> None:
        namespaces = config["linux"]["namespaces"]
        config["linux"]["namespaces"] = [each for each in namespaces if each["type"] != "network"]

    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600", change=share_network), "one")
    assert stats(runf)["network_interfaces"] is None


@needs("root", "cgroup1", "program:ip")
def test_interfaces_are_those_inside(runf: Runf, bundle: Path) -> None:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    enter = ["nsenter", "-t", str(runf.state("one")["pid"]), "-n"]
    made = subprocess.run([*enter, "ip", "link", "add", "runf0", "type", "veth", "peer", "name", "runf1"], check=False)
    if made.returncode != 0:
        pytest.skip("this kernel has no veth")
    (first, second) = sorted(stats(runf)["network_interfaces"], key=lambda each: str(each["Name"]))
    assert (first["Name"], second["Name"]) == ("runf0", "runf1")
    assert first["RxBytes"] == 0


class Following:
    """`events` of the container, with what it prints."""

    def __init__(self, runf: Runf, *words: str) -> None:
        self.process = subprocess.Popen(runf.argv("events", *words, "one"), stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.lines = self.process.stdout

    def event(self) -> dict[str, Any]:
        line = self.lines.readline()
        assert line, "the stream has ended"
        found: dict[str, Any] = json.loads(line)
        stats_schema.validate(found)
        return found

    def end(self) -> int:
        """Stop reading, and wait."""
        self.lines.close()
        return self.process.wait(60)


def test_statistics_come_at_each_interval_until_the_container_has_ended(runf: Runf, bundle: Path, version: int) -> None:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    following = Following(runf, "--interval", "20ms")
    assert [following.event()["type"] for _ in range(3)] == ["stats"] * 3
    runf.ok("kill", "one", "KILL")
    rest = following.lines.read().splitlines()
    assert {json.loads(line)["type"] for line in rest} <= {"stats"}
    assert following.end() == 0


def test_a_reader_that_goes_away_ends_it(runf: Runf, bundle: Path, version: int) -> None:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    following = Following(runf, "--interval", "1h")
    following.event()
    assert following.end() == 0


@needs("root", "cgroup1")
def test_out_of_memory_is_told_when_it_happens_and_before_the_end(runf: Runf, bundle: Path) -> None:
    def limit(config: dict[str, Any]) -> None:
        config["linux"]["resources"]["memory"] = {"limit": 16 * MIB, "swap": 16 * MIB}

    script = "read go; exec tail /dev/zero"
    path = make_container_bundle(bundle, "sh", "-c", script, change=limit)
    with subprocess.Popen(runf.argv("create", "-b", path, "one"), stdin=subprocess.PIPE, text=True) as creating:
        assert creating.wait(60) == 0
        runf.ok("start", "one")
        following = Following(runf, "--interval", "1h")
        assert following.event()["type"] == "stats"
        assert creating.stdin is not None
        creating.stdin.write("go\n")
    assert following.event() == {"type": "oom", "id": "one"}
    assert {json.loads(line)["type"] for line in following.lines.read().splitlines()} <= {"oom"}
    assert following.end() == 0


@pytest.mark.parametrize("words", [("--stats",), ("--interval", "1s"), ()])
def test_a_container_that_does_not_run_is_told(runf: Runf, bundle: Path, words: tuple[str, ...]) -> None:
    runf.ok("create", "-b", make_container_bundle(bundle, "true"), "one")
    runf.ok("kill", "one", "KILL")
    wait_until(lambda: bool(runf.state("one")["status"] == "stopped"), "stopped")
    refused = runf("events", *words, "one")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == 'runf: container not running: "one" has no process\n'


@needs("an ordinary user")
def test_without_a_cgroup_of_its_own_nothing_counts_and_nothing_is_invented(runf: Runf, bundle: Path) -> None:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    if runf.record("one")["linux"]["cgroup"] is not None:
        pytest.skip("a cgroup is delegated to this user")
    refused = runf("events", "--stats", "one")
    assert refused.returncode == 1
    assert refused.stderr.startswith('runf: container "one" has no cgroup of its own, so nothing counts what it uses; ')
