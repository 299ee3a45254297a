"""Attacks through the cgroups that a container sees."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.containers import ON_V2, Runf, make_container_bundle

if TYPE_CHECKING:
    from pathlib import Path

MOUNT = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "nodev"]}
ATTEMPT = "[ -w /sys/fs/cgroup/cgroup.procs ] && echo writable; true"


def without_cgroup_namespace(config: dict[str, Any]) -> None:
    linux = config["linux"]
    linux["namespaces"] = [entry for entry in linux["namespaces"] if entry["type"] != "cgroup"]
    config["mounts"] = [entry for entry in config["mounts"] if entry["destination"] != MOUNT["destination"]]
    config["mounts"].append(MOUNT)


@pytest.mark.needs("an ordinary user")
def test_an_ordinary_users_container_changes_no_cgroup_of_the_host(runf: Runf, bundle: Path) -> None:
    """CVE-2023-25809: without a cgroup namespace, /sys/fs/cgroup was the host's, writable."""
    script = "find /sys/fs/cgroup -type d -writable ! -fstype tmpfs 2>/dev/null | head -3"
    path = make_container_bundle(bundle, "sh", "-c", script, change=without_cgroup_namespace)
    assert runf.ok("run", "-b", path, "one") == ""


@pytest.mark.needs("root", "cgroup2")
@pytest.mark.parametrize(
    ("has_user", "options", "found"),
    [(True, [], ""), (True, ["rw"], ""), (False, ["ro"], ""), (False, [], "writable\n")],
)
def test_a_container_without_a_cgroup_namespace_changes_the_hosts_only_as_root_who_was_asked_to(
    runf: Runf, bundle: Path, has_user: bool, options: list[str], found: str
) -> None:
    """CVE-2023-25809, on cgroup v2: a bind of the host's, read-only in a user namespace whatever the options say."""

    def change(config: dict[str, Any]) -> None:
        without_cgroup_namespace(config)
        config["mounts"][-1] = {**MOUNT, "options": options}
        config["linux"].pop("resources", None)
        if has_user:
            config["linux"]["namespaces"].append({"type": "user"})
            for name in ("uidMappings", "gidMappings"):
                config["linux"][name] = [{"containerID": 0, "hostID": 100000, "size": 1000}]

    (bundle / "rootfs").mkdir()
    os.chown(bundle / "rootfs", 100000, 100000)
    on_v2 = Runf(runf.place, ON_V2)
    path = make_container_bundle(bundle, "sh", "-c", ATTEMPT, change=change)
    assert on_v2.ok("run", "-b", path, "one") == found
