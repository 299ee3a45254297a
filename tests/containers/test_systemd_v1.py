"""Containers in systemd scopes where cgroups are of version 1: those of systemd's own, and one in each hierarchy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.containers import wait_until
from tests.support.needs import needs
from tests.support.systemd import LIMITS, MIB, shown, systemctl

if TYPE_CHECKING:
    from tests.support.systemd import Scoped

FILES = {
    "memory": ("memory.limit_in_bytes", str(64 * MIB)),
    "cpu": ("cpu.shares", "2048"),
    "pids": ("pids.max", "50"),
}

pytestmark = needs("systemd on cgroup1")


@needs("root")
def test_it_lives_limited_in_each_hierarchy_and_the_scope_ends_with_it(scoped: Scoped) -> None:
    limits = {**LIMITS, "memory": {"limit": 64 * MIB}}
    scoped.ok("run", "-d", "-b", scoped.bundle("sh", "-c", "sleep 600 & sleep 600", **limits), "one")
    cgroup = scoped.record("one")["linux"]["cgroup"]
    paths = {name: Path(path) for name, path in cgroup["paths"].items()}
    assert (cgroup["version"], cgroup["scope"]) == (1, scoped.unit)
    assert {path.parts[-2:] for path in paths.values()} == {("system.slice", scoped.unit)}
    pid = scoped.state("one")["pid"]
    lines = [line.split(":") for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    assert {path for _, controllers, path in lines if controllers} == {f"/system.slice/{scoped.unit}"}

    def limited() -> dict[str, tuple[str, str]]:
        return {name: (file, (paths[name] / file).read_text().strip()) for name, (file, _) in FILES.items()}

    assert limited() == FILES
    assert shown(scoped.unit, "TasksMax", "MemoryLimit", "CPUShares", "Delegate") == {
        "TasksMax": "50",
        "MemoryLimit": str(64 * MIB),
        "CPUShares": "2048",
        "Delegate": "yes",
    }
    systemctl("daemon-reload")
    assert limited() == FILES
    scoped.ok("update", "--pids-limit", "70", "one")
    assert (paths["pids"] / "pids.max").read_text() == "70\n"
    assert shown(scoped.unit, "TasksMax") == {"TasksMax": "70"}
    assert ":pids:/\n" in scoped.ok("exec", "one", "cat", "/proc/self/cgroup")
    scoped.ok("pause", "one")
    assert scoped.state("one")["status"] == "paused"
    scoped.ok("resume", "one")
    scoped.ok("delete", "--force", "one")
    assert [path for path in paths.values() if path.exists()] == []
    wait_until(lambda: shown(scoped.unit, "LoadState")["LoadState"] == "not-found", "the unit is gone")


def test_a_users_systemd_is_not_asked(scoped: Scoped) -> None:
    if os.geteuid() == 0:
        pytest.skip("needs an ordinary user")
    refused = scoped("create", "-b", scoped.bundle("true"), "one")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "--systemd-cgroup: a user's systemd manages no cgroups of version 1; leave it out, or boot with v2" in (
        refused.stderr
    )
