"""Namespaces that are joined, and the clocks of those that are new."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from runtime.kernel import process
from tests.support.containers import Runf, make_container_bundle
from tests.support.elsewhere import Elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

needs_root = pytest.mark.needs("root")
needs_clocks = pytest.mark.needs("file:/proc/self/timens_offsets")
DAY_S = 86400
SHOW_OFFSETS = "cat /proc/self/timens_offsets"


def run(runf: Runf, bundle: Path, script: str, change: Callable[[dict[str, Any]], object]) -> str:
    return runf.ok("run", "-b", make_container_bundle(bundle, "sh", "-c", script, change=change), "one")


def offsets(**clocks: dict[str, int]) -> Callable[[dict[str, Any]], object]:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"].append({"type": "time"})
        config["linux"]["timeOffsets"] = clocks

    return change


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    flags = process.CLONE_NEWNET | process.CLONE_NEWIPC | process.CLONE_NEWUTS | process.CLONE_NEWCGROUP
    with Elsewhere(flags) as made:
        yield made


@needs_clocks
def test_the_clocks_of_a_new_time_namespace_are_moved(runf: Runf, bundle: Path) -> None:
    change = offsets(monotonic={"secs": DAY_S, "nanosecs": 5}, boottime={"secs": 7 * DAY_S})
    found = run(runf, bundle, f"{SHOW_OFFSETS}; cut -d. -f1 /proc/uptime", change).split()
    assert found[:-1] == ["monotonic", str(DAY_S), "5", "boottime", str(7 * DAY_S), "0"]
    with open("/proc/uptime") as uptime:
        assert int(found[-1]) in range(7 * DAY_S, 7 * DAY_S + int(float(uptime.read().split()[0])) + 1)


@needs_clocks
def test_an_added_process_has_the_same_clocks(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sleep", "600", change=offsets(boottime={"secs": DAY_S}))
    runf.ok("run", "-d", "-b", path, "one")
    script = f"{SHOW_OFFSETS}; readlink /proc/self/ns/time /proc/1/ns/time"
    *found, own, first = runf.ok("exec", "one", "sh", "-c", script).split()
    assert found == ["monotonic", "0", "0", "boottime", str(DAY_S), "0"]
    assert own == first


@needs_clocks
def test_a_clock_that_is_not_named_goes_on(runf: Runf, bundle: Path) -> None:
    found = run(runf, bundle, SHOW_OFFSETS, offsets(boottime={"nanosecs": 9})).split()
    assert found == ["monotonic", "0", "0", "boottime", "0", "9"]


@needs_clocks
def test_a_clock_does_not_go_back_before_the_boot(runf: Runf, bundle: Path) -> None:
    change = offsets(monotonic={"secs": -(1 << 40)})
    refused = runf("run", "-b", make_container_bundle(bundle, "true", change=change), "one")
    assert refused.returncode == 1
    assert "config.json#/linux/timeOffsets/monotonic: -1099511627776.000000000 s can't be set" in refused.stderr
    assert not (runf.root / "one").exists()


@needs_root
@needs_clocks
def test_clocks_move_beside_joined_namespaces_and_a_user_namespace(
    runf: Runf, bundle: Path, elsewhere: Elsewhere
) -> None:
    def change(config: dict[str, Any]) -> None:
        offsets(boottime={"secs": DAY_S})(config)
        elsewhere.join(config, "network")
        config["linux"]["namespaces"].append({"type": "user"})
        for name in ("uidMappings", "gidMappings"):
            config["linux"][name] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
        config["mounts"] = [entry for entry in config["mounts"] if entry["destination"] != "/sys"]

    (bundle / "rootfs").mkdir()
    os.chown(bundle / "rootfs", 100000, 100000)
    found = run(runf, bundle, f"readlink /proc/self/ns/net; id -u; {SHOW_OFFSETS}", change).split()
    assert found == [elsewhere.name("net"), "0", "monotonic", "0", "0", "boottime", str(DAY_S), "0"]


@needs_root
@pytest.mark.parametrize(("kind", "name"), [("network", "net"), ("ipc", "ipc"), ("uts", "uts"), ("cgroup", "cgroup")])
def test_a_namespace_that_is_named_by_path_is_joined(
    runf: Runf, bundle: Path, elsewhere: Elsewhere, kind: str, name: str
) -> None:
    def change(config: dict[str, Any]) -> None:
        config.pop("hostname", None)
        elsewhere.join(config, kind)

    assert run(runf, bundle, f"readlink /proc/self/ns/{name}", change) == f"{elsewhere.name(name)}\n"


def test_the_user_namespace_that_the_caller_is_in_can_be_named(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        others = [entry for entry in config["linux"]["namespaces"] if entry["type"] != "user"]
        config["linux"]["namespaces"] = [*others, {"type": "user", "path": "/proc/self/ns/user"}]
        config["linux"].pop("uidMappings", None)
        config["linux"].pop("gidMappings", None)
        for entry in config["mounts"]:
            entry["options"] = [option for option in entry.get("options", ()) if not option.startswith("gid=")]

    made = make_container_bundle(bundle, "readlink", "/proc/self/ns/user", change=change)
    inside = ("unshare", "--user", "--map-root-user", *runf.argv("run", "-b", made, "one"))
    done = subprocess.run(inside, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr, done.stdout.startswith("user:[")) == (0, "", True)


@needs_root
def test_a_path_to_a_namespace_of_another_kind_is_an_error(runf: Runf, bundle: Path, elsewhere: Elsewhere) -> None:
    def change(config: dict[str, Any]) -> None:
        elsewhere.join(config, "network", name="ipc")

    refused = runf("create", "-b", make_container_bundle(bundle, "true", change=change), "one")
    assert refused.returncode == 1
    assert f"/proc/{elsewhere.pid}/ns/ipc is not a network namespace" in refused.stderr
    assert not (runf.root / "one").exists()


def deny_groups() -> None:
    with open("/proc/self/setgroups", "w") as file:
        file.write("deny")


def write_maps(pid: int) -> None:
    for kind in ("uid", "gid"):
        with open(f"/proc/{pid}/{kind}_map", "w") as file:
            file.write("0 100000 1000")


@needs_root
def test_who_joins_a_user_namespace_has_the_ids_that_it_maps(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        elsewhere.join(config, "user")
        config["process"]["user"] = {"uid": 5, "gid": 6, "additionalGids": [7]}

    (bundle / "rootfs").mkdir()
    os.chown(bundle / "rootfs", 100000, 100000)
    with Elsewhere(process.CLONE_NEWUSER) as elsewhere:
        write_maps(elsewhere.pid)
        found = run(runf, bundle, "readlink /proc/self/ns/user; id -u; id -G", change)
        assert found.split() == [elsewhere.name("user"), "5", "6", "7"]


@needs_root
def test_a_joined_user_namespace_that_forbids_groups_is_an_error_only_for_groups(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        elsewhere.join(config, "user")
        config["process"]["user"] = {"uid": 5, "gid": 6, "additionalGids": groups}

    (bundle / "rootfs").mkdir()
    os.chown(bundle / "rootfs", 100000, 100000)
    with Elsewhere(process.CLONE_NEWUSER, deny_groups) as elsewhere:
        write_maps(elsewhere.pid)
        groups: list[int] = []
        assert run(runf, bundle, "id -g", change) == "6\n"
        groups = [7]
        refused = runf("run", "-b", make_container_bundle(bundle, "true", change=change), "two")
        assert refused.returncode == 1
        assert "/process/user/additionalGids: the user namespace that is joined allows none" in refused.stderr
