"""Limits of containers that are there: raised, lowered, refused and taken back."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.containers import Runf, make_container_bundle, wait_until
from tests.support.needs import needs

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20


LIMITS = {
    "memory": {"limit": 64 * MIB, "swap": 128 * MIB},
    "cpu": {"shares": 512, "quota": 50000, "period": 100000},
    "pids": {"limit": 50},
}


class Limited:
    """A running container with LIMITS, and what its cgroups say."""

    def __init__(self, runf: Runf, bundle: Path) -> None:
        self.runf = runf
        make_container_bundle(bundle, "sleep", "600", change=lambda config: config["linux"]["resources"].update(LIMITS))
        runf.ok("run", "-d", "-b", str(bundle), "one")
        self.paths = runf.record("one")["linux"]["cgroup"]["paths"]

    def file(self, name: str) -> str:
        """A file by its name, in the hierarchy of its controller."""
        return (Path(self.paths[name.split(".", 1)[0]]) / name).read_text().strip()

    def memory(self) -> tuple[int, int]:
        """The limits of memory, and of memory and swap."""
        limit, both = (int(self.file(f"memory.{name}limit_in_bytes")) for name in ("", "memsw."))
        return limit // MIB, both // MIB

    def resources(self) -> dict[str, Any]:
        """What the frozen config.json says."""
        found: dict[str, Any] = json.loads((self.runf.root / "one" / "config.json").read_text())
        return found["linux"]["resources"]

    def happened(self) -> list[str]:
        return [each["type"] for each in self.runf.record("one")["transitions"]]


@pytest.fixture
def limited(runf: Runf, bundle: Path) -> Limited:
    return Limited(runf, bundle)


@needs("root", "cgroup1")
def test_options_change_what_they_name_and_nothing_else(limited: Limited) -> None:
    limited.runf.ok("update", "--pids-limit", "7", "--cpu-share", "256", "one")
    assert (limited.file("pids.max"), limited.file("cpu.shares")) == ("7", "256")
    assert limited.memory() == (64, 128)
    assert limited.file("cpu.cfs_quota_us") == "50000"
    assert limited.resources()["pids"] == {"limit": 7}
    assert limited.resources()["cpu"] == {**LIMITS["cpu"], "shares": 256}
    assert limited.resources()["devices"]
    assert limited.happened()[-2:] == ["started", "updated"]
    assert limited.runf.state("one")["status"] == "running"


@needs("root", "cgroup1")
@pytest.mark.parametrize(
    ("words", "memory"),
    [
        (("--memory", "256m", "--memory-swap", "512m"), (256, 512)),
        (("--memory", "16m", "--memory-swap", "32m"), (16, 32)),
        (("--memory", "128m"), (128, 128)),
        (("--memory-swap", "64m"), (64, 64)),
        (("--memory", "256m", "--memory-swap", "-1"), (256, None)),
        (("--memory", "-1"), (None, None)),
    ],
)
def test_memory_and_swap_are_raised_and_lowered_in_the_right_order(
    limited: Limited, words: tuple[str, ...], memory: tuple[int | None, int | None]
) -> None:
    limited.runf.ok("update", *words, "one")
    unlimited = int(Path("/sys/fs/cgroup/memory/memory.limit_in_bytes").read_text()) // MIB
    assert limited.memory() == tuple(unlimited if size is None else size for size in memory)


@needs("root", "cgroup1")
def test_one_update_builds_on_the_last(limited: Limited) -> None:
    limited.runf.ok("update", "--memory", "100m", "one")
    refused = limited.runf("update", "--memory-swap", "90m", "one")
    assert refused.returncode == 1
    assert refused.stderr.startswith("runf: --memory-swap: 94371840 is below memory.limit, 104857600; ")
    assert limited.memory() == (100, 128)


@needs("root", "cgroup1")
@pytest.mark.parametrize("form", ["-r -", "--resources=-", "--resources -", "--resources=FILE", "-r FILE"])
def test_a_document_is_read_as_its_callers_write_it(limited: Limited, form: str) -> None:
    document = json.dumps({"memory": {"limit": 32 * MIB}, "cpu": {"shares": 0, "cpus": "0"}, "pids": {"limit": -1}})
    path = limited.runf.place / "limits.json"
    path.write_text(document)
    words = ["update", *form.replace("FILE", str(path)).split(), "one"]
    done = subprocess.run(
        limited.runf.argv(*words), input=document, text=True, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert limited.memory() == (32, 128)
    assert (limited.file("cpuset.cpus"), limited.file("pids.max"), limited.file("cpu.shares")) == ("0", "max", "512")


@needs("root", "cgroup1")
def test_what_callers_repeat_from_config_json_is_no_change(limited: Limited) -> None:
    path = limited.runf.place / "limits.json"
    path.write_text(json.dumps({"devices": limited.resources()["devices"]}))
    limited.runf.ok("update", f"--resources={path}", "one")
    limited.runf.ok("update", "one")
    assert limited.happened()[-1] == "started"


def _cpus(limited: Limited) -> tuple[str, ...]:
    return ("--cpuset-cpus", "9999")


def _quota_that_the_kernel_refuses(limited: Limited) -> tuple[str, ...]:
    return ("--cpu-quota", "7")


@needs("root", "cgroup1")
@pytest.mark.parametrize("wrong", [_cpus, _quota_that_the_kernel_refuses])
def test_a_write_that_fails_takes_the_others_back(
    limited: Limited, wrong: Callable[[Limited], tuple[str, ...]]
) -> None:
    words = wrong(limited)
    before = (limited.memory(), limited.file("pids.max"), limited.file("cpu.shares"), limited.resources())
    refused = limited.runf(
        "update", "--memory", "32m", "--memory-swap", "48m", "--pids-limit", "7", "--cpu-share", "99", *words, "one"
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"runf: {words[0]}: {words[1]} can't be written to /")
    assert refused.stderr.count("\n") == 1
    assert (limited.memory(), limited.file("pids.max"), limited.file("cpu.shares"), limited.resources()) == before
    assert limited.happened()[-1] == "started"


@needs("root", "cgroup1")
def test_a_created_and_a_paused_container_can_be_updated(runf: Runf, bundle: Path) -> None:
    runf.ok("create", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    runf.ok("update", "--pids-limit", "8", "one")
    runf.ok("start", "one")
    runf.ok("pause", "one")
    runf.ok("update", "--pids-limit", "9", "one")
    assert runf.state("one")["status"] == "paused"
    path = Path(runf.record("one")["linux"]["cgroup"]["paths"]["pids"])
    assert (path / "pids.max").read_text() == "9\n"
    statuses = [(each["type"], each["status"]) for each in runf.record("one")["transitions"]]
    assert statuses[2:] == [
        ("updated", "created"),
        ("started", "running"),
        ("paused", "paused"),
        ("updated", "paused"),
    ]


@needs("root", "cgroup1")
def test_the_limit_is_the_kernels_own(limited: Limited) -> None:
    limited.runf.ok("update", "--pids-limit", "1", "one")
    tasks = Path(limited.paths["pids"]) / "tasks"
    script = f"echo $$ > {tasks} && (exec true) && echo forked"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert "forked" not in done.stdout
    assert "ork" in done.stderr


def test_a_stopped_container_is_refused(runf: Runf, bundle: Path) -> None:
    runf.ok("create", "-b", make_container_bundle(bundle, "true"), "one")
    runf.ok("kill", "one", "KILL")
    wait_until(lambda: bool(runf.state("one")["status"] == "stopped"), "stopped")
    refused = runf("update", "--pids-limit", "5", "one")
    told = 'runf: cannot update container "one": it is stopped, and update needs it created or running or paused\n'
    assert (refused.returncode, refused.stderr) == (1, told)


def test_an_unknown_container_is_told(runf: Runf) -> None:
    refused = runf("update", "--pids-limit", "5", "nobody")
    assert (refused.returncode, refused.stderr) == (1, 'runf: container "nobody" does not exist\n')


@needs("an ordinary user")
def test_without_a_cgroup_of_its_own_nothing_can_be_limited(runf: Runf, bundle: Path) -> None:
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    if runf.record("one")["linux"]["cgroup"] is not None:
        pytest.skip("a cgroup is delegated to this user")
    refused = runf("update", "--pids-limit", "5", "one")
    assert refused.returncode == 1
    assert refused.stderr.startswith("runf: the container has no cgroup of its own, so it can't be limited; ")
