"""Devices and limits of containers that podman and Docker make, as root: an ordinary user has none on cgroup v1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients.engines import DOCKER, PODMAN

if TYPE_CHECKING:
    from tests.clients.engines import Engine

CLIENTS = (PODMAN, DOCKER)
EATS = ("box", "sh", "-c", "a=x; while :; do a=$a$a$a$a; done")


def _file(engine: Engine, v1: str, v2: str) -> str:
    return f"/sys/fs/cgroup/{v1 if engine.machine.version == 1 else v2}"


@pytest.mark.needs("file:/dev/fuse")
def test_devices_are_made_and_allowed(engine: Engine) -> None:
    script = ": < /dev/thing && echo read; (: > /dev/thing) || echo refused"
    assert engine.run("--device", "/dev/fuse:/dev/thing:r", "box", "sh", "-c", script).split() == ["read", "refused"]


@pytest.mark.needs("file:/dev/fuse")
def test_device_rules_are_added(engine: Engine) -> None:
    asked = ("--device-cgroup-rule", "c 10:229 rm", "--cap-add", "mknod")
    assert engine.run(*asked, "box", "sh", "-c", "mknod /k c 10 229 && : < /k && echo open") == "open"


def test_other_devices_are_refused(engine: Engine) -> None:
    done = engine(
        "run", "--rm", "--network", "none", "--cap-add", "mknod", "box", "sh", "-c", "mknod /k c 1 11; : < /k"
    )
    assert (done.returncode, "not permitted" in done.stderr) == (1, True), done.stderr


def test_memory_cpu_and_pids_are_limited(engine: Engine) -> None:
    asked = ("--memory", "64m", "--cpus", "0.5", "--pids-limit", "50", "--cpuset-cpus", "0")
    files = (
        _file(engine, "memory/memory.limit_in_bytes", "memory.max"),
        _file(engine, "pids/pids.max", "pids.max"),
        _file(engine, "cpuset/cpuset.cpus", "cpuset.cpus"),
        _file(engine, "cpu/cpu.cfs_quota_us", "cpu.max"),
    )
    *said, cpu = engine.run(*asked, "box", "cat", *files).splitlines()
    assert (said, cpu.split()[0]) == (["67108864", "50", "0"], "50000")


def test_shares_and_reservation_are_set(engine: Engine) -> None:
    asked = ("--cpu-shares", "512", "--memory", "64m", "--memory-reservation", "32m")
    files = (
        _file(engine, "cpu/cpu.shares", "cpu.weight"),
        _file(engine, "memory/memory.soft_limit_in_bytes", "memory.low"),
    )
    assert engine.run(*asked, "box", "cat", *files).split() == [
        "512" if engine.machine.version == 1 else "20",
        "33554432",
    ]


def test_too_many_processes_are_refused(engine: Engine) -> None:
    script = "for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; echo all"
    done = engine("run", "--rm", "--network", "none", "--pids-limit", "4", "box", "sh", "-c", script)
    assert "can't fork" in done.stderr


def test_too_much_memory_is_seen(engine: Engine) -> None:
    name, place = engine.name(), engine.place()
    words = engine.argv("run", "--name", name, "--memory", "20m", "--memory-swap", "20m", "--network", "none", *EATS)
    done = engine.machine("sh", "-c", f'cd {place}; exec "$@"', "sh", *words, env=engine.environ)
    assert done.returncode == 137
    # conmon 2.1.6 leaves this file in its working directory, and podman 4.3 looks for it elsewhere
    has_file = engine.machine.path(f"{place}/oom").exists()
    assert engine.inspect(name)["State"]["OOMKilled"] or has_file


def test_update_changes_the_limits(engine: Engine) -> None:
    name = engine.up("--memory", "64m", "--memory-swap", "64m")
    engine.ok("update", "--memory", "32m", "--cpu-quota", "20000", name)
    root = f"/proc/{engine.inspect(name)['State']['Pid']}/root"
    files = [
        _file(engine, "memory/memory.limit_in_bytes", "memory.max"),
        _file(engine, "cpu/cpu.cfs_quota_us", "cpu.max"),
    ]
    assert engine.machine.ok("cat", *(root + file for file in files)).split()[:2] == ["33554432", "20000"]


def test_the_cgroup_goes_with_the_container(engine: Engine) -> None:
    name = engine.up()
    container_id = engine.inspect(name)["Id"]
    find = ("find", "/sys/fs/cgroup", "-type", "d", "-name", f"*{container_id}*")
    assert engine.machine.ok(*find) != ""
    engine.ok("rm", "--force", name)
    assert engine.machine.ok(*find) == ""


@pytest.mark.clients(PODMAN)
def test_no_cgroup_is_made_where_none_is_wanted(engine: Engine) -> None:
    name = engine.up("--cgroups", "disabled")
    told = engine.inspect(name)
    assert told["Id"] not in engine.machine.ok("cat", f"/proc/{told['State']['Pid']}/cgroup")


def test_a_cgroup_parent_is_taken(engine: Engine) -> None:
    name = engine.up("--cgroup-parent", "/mine")
    pid = engine.inspect(name)["State"]["Pid"]
    assert "/mine/" in engine.machine.ok("cat", f"/proc/{pid}/cgroup")
