"""How the container's program shares the machine, seen from inside."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.containers import Runf, make_container_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

needs_root = pytest.mark.needs("root")
needs_chrt = pytest.mark.needs("program:chrt")
needs_numa = pytest.mark.needs("file:/proc/self/numa_maps", "file:/sys/devices/system/node/node0")
MS = 10**6
RT_RUNTIME = "/sys/fs/cgroup/cpu/cpu.rt_runtime_us"  # where it is, no cgroup has real time unless it is given some


def asking(section: str, **members: Any) -> Callable[[dict[str, Any]], object]:
    return lambda config: config[section].update(members)


def run(runf: Runf, bundle: Path, script: str, change: Callable[[dict[str, Any]], object]) -> str:
    return runf.ok("run", "-b", make_container_bundle(bundle, "sh", "-c", script, change=change), "one")


def refusal(runf: Runf, bundle: Path, change: Callable[[dict[str, Any]], object]) -> str:
    refused = runf("run", "-b", make_container_bundle(bundle, "true", change=change), "one")
    assert refused.returncode == 1
    return refused.stderr


def test_the_program_is_as_nice_as_it_was_asked_to_be(runf: Runf, bundle: Path) -> None:
    change = asking("process", scheduler={"policy": "SCHED_OTHER", "nice": 7})
    assert run(runf, bundle, "nice; nice", change).split() == ["7", "7"]


@needs_chrt
def test_batch_needs_no_rights(runf: Runf, bundle: Path) -> None:
    assert "SCHED_BATCH" in run(runf, bundle, "chrt -p $$", asking("process", scheduler={"policy": "SCHED_BATCH"}))


@needs_root
@needs_chrt
@pytest.mark.parametrize("has_user", [False, True])
def test_real_time_reaches_into_a_user_namespace(runf: Runf, bundle: Path, has_user: bool) -> None:
    def change(config: dict[str, Any]) -> None:
        config["process"]["scheduler"] = {
            "policy": "SCHED_FIFO",
            "priority": 3,
            "flags": ["SCHED_FLAG_RESET_ON_FORK"],
        }
        if os.path.exists(RT_RUNTIME):
            config["linux"]["resources"]["cpu"] = {"realtimeRuntime": 1000}
        if has_user:
            config["linux"]["namespaces"].append({"type": "user"})
            for name in ("uidMappings", "gidMappings"):
                config["linux"][name] = [{"containerID": 0, "hostID": 100000, "size": 1000}]

    (bundle / "rootfs").mkdir()
    os.chown(bundle / "rootfs", 100000, 100000)
    assert run(runf, bundle, "chrt -p $$", change).split("\n")[:2] == [
        "pid 1's current scheduling policy: SCHED_FIFO|SCHED_RESET_ON_FORK",
        "pid 1's current scheduling priority: 3",
    ]


@needs_root
@needs_chrt
def test_a_deadline_is_kept_to(runf: Runf, bundle: Path) -> None:
    asked = {
        "policy": "SCHED_DEADLINE",
        "runtime": 5 * MS,
        "deadline": 50 * MS,
        "period": 50 * MS,
        "flags": ["SCHED_FLAG_RESET_ON_FORK"],
    }
    found = run(runf, bundle, "chrt -p $$", asking("process", scheduler=asked))
    assert f"{5 * MS}/{50 * MS}/{50 * MS}" in found


def test_a_policy_that_linux_lacks_is_an_error(runf: Runf, bundle: Path) -> None:
    told = refusal(runf, bundle, asking("process", scheduler={"policy": "SCHED_ISO"}))
    assert "config.json#/process/scheduler: SCHED_ISO can't be set: sched_setattr(" in told
    assert told.endswith("Invalid argument\n")


@pytest.mark.needs("an ordinary user")
def test_real_time_for_an_ordinary_user_is_an_error(runf: Runf, bundle: Path) -> None:
    told = refusal(runf, bundle, asking("process", scheduler={"policy": "SCHED_RR", "priority": 1}))
    assert "SCHED_RR can't be set: sched_setattr(0): Operation not permitted" in told


@needs_root
@pytest.mark.needs(f"file:{RT_RUNTIME}")
def test_real_time_without_its_share_of_the_cgroup_is_an_error(runf: Runf, bundle: Path) -> None:
    told = refusal(runf, bundle, asking("process", scheduler={"policy": "SCHED_RR", "priority": 1}))
    assert told.endswith(
        "Operation not permitted (on cgroup v1 it takes linux.resources.cpu.realtimeRuntime as well)\n"
    )


@pytest.mark.needs("program:ionice")
@pytest.mark.parametrize(
    ("io_class", "shown"), [("IOPRIO_CLASS_BE", "best-effort: prio 6"), ("IOPRIO_CLASS_IDLE", "idle")]
)
def test_the_io_priority_is_that_of_the_program_and_its_children(
    runf: Runf, bundle: Path, io_class: str, shown: str
) -> None:
    change = asking("process", ioPriority={"class": io_class, "priority": 6})
    assert run(runf, bundle, "ionice -p $$; ionice", change) == f"{shown}\n{shown}\n"


@needs_numa
def test_the_memory_policy_holds_in_the_program(runf: Runf, bundle: Path) -> None:
    asked = {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}
    found = run(runf, bundle, "cut -d' ' -f2 /proc/self/numa_maps | sort -u", asking("linux", memoryPolicy=asked))
    assert found == "bind=static:0\n"


@needs_numa
def test_a_memory_node_that_is_not_there_is_an_error(runf: Runf, bundle: Path) -> None:
    told = refusal(runf, bundle, asking("linux", memoryPolicy={"mode": "MPOL_BIND", "nodes": "1023"}))
    assert told.endswith("linux/memoryPolicy: MPOL_BIND can't be set: set_mempolicy: Invalid argument\n")


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the name of the 32-bit machine is x86's here")
def test_the_execution_domain_changes_the_machine(runf: Runf, bundle: Path) -> None:
    found = [
        run(runf, bundle, "uname -m", asking("linux", personality={"domain": domain}))
        for domain in ("LINUX32", "LINUX")
    ]
    assert found == ["i686\n", "x86_64\n"]


def start(runf: Runf, bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600", change=change), "one")


def process_json(place: Path, script: str, **members: Any) -> str:
    document = {"args": ["sh", "-c", script], "cwd": "/", "env": ["PATH=/usr/bin:/bin"], **members}
    (place / "process.json").write_text(json.dumps(document))
    return str(place / "process.json")


@needs_chrt
@pytest.mark.needs("program:ionice")
def test_a_process_that_exec_adds_shares_as_the_containers_does_unless_it_says_so(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["process"]["scheduler"] = {"policy": "SCHED_BATCH", "nice": 3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
        config["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}
        config["linux"]["personality"] = {"domain": "LINUX32"}

    start(runf, bundle, change)
    script = "chrt -p $$ | head -1 | cut -d: -f2; ionice -p $$; uname -m"
    as_container = runf.ok("exec", "one", "sh", "-c", script)
    assert "SCHED_BATCH|SCHED_RESET_ON_FORK\nbest-effort: prio 6\n" in as_container
    assert as_container == runf.ok("exec", "--process", process_json(runf.place, script), "one")
    own = {"scheduler": {"policy": "SCHED_IDLE"}, "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 1}}
    found = runf.ok("exec", "--process", process_json(runf.place, script, **own), "one")
    assert "SCHED_IDLE\nbest-effort: prio 1\n" in found


def test_a_policy_that_an_added_process_cannot_have_is_an_error(runf: Runf, bundle: Path) -> None:
    start(runf, bundle, lambda config: None)
    document = process_json(runf.place, "true", scheduler={"policy": "SCHED_ISO"})
    refused = runf("exec", "--process", document, "one")
    assert refused.returncode == 255
    assert f"{document}#/scheduler: SCHED_ISO can't be set: " in refused.stderr
    assert [added["ended"] is not None for added in runf.record("one")["execs"]] in ([], [True])


def test_an_added_process_runs_on_the_final_cpus(runf: Runf, bundle: Path) -> None:
    cpu = max(os.sched_getaffinity(0))
    start(runf, bundle, asking("process", execCPUAffinity={"initial": "0", "final": str(cpu)}))
    script = "grep Cpus_allowed_list /proc/self/status"
    assert runf.ok("exec", "one", "sh", "-c", script).split() == ["Cpus_allowed_list:", str(cpu)]


@pytest.mark.parametrize("member", ["initial", "final"])
def test_a_cpu_that_is_not_there_is_an_error(runf: Runf, bundle: Path, member: str) -> None:
    start(runf, bundle, asking("process", execCPUAffinity={member: "8191"}))
    refused = runf("exec", "one", "true")
    assert refused.returncode == 255
    assert f"config.json#/process/execCPUAffinity/{member}: 8191 can't be set: Invalid argument" in refused.stderr


@needs_root
@needs_chrt
def test_an_added_process_may_have_real_time(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        if os.path.exists(RT_RUNTIME):
            config["linux"]["resources"]["cpu"] = {"realtimeRuntime": 1000}

    start(runf, bundle, change)
    document = process_json(runf.place, "chrt -p $$", scheduler={"policy": "SCHED_RR", "priority": 2})
    assert "SCHED_RR\n" in runf.ok("exec", "--process", document, "one")
