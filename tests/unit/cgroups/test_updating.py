"""What an update writes, and what takes a write back."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.cgroups.restoring import value_before
from runtime.cgroups.updating import plan_update
from runtime.errors import Unsupported

MIB = 1 << 20


def writes(asked: dict[str, Any], old: dict[str, Any] | None = None, *, version: int) -> list[tuple[str, str]]:
    plans = plan_update(asked, old or {}, version)
    return [(write.file, write.value) for each in plans.values() for write in each]


@pytest.mark.parametrize("version", [1, 2])
def test_what_is_not_asked_for_is_not_written(version: int) -> None:
    old = {"memory": {"limit": MIB}, "cpu": {"shares": 512, "cpus": "0"}, "pids": {"limit": 7}}
    assert writes({"pids": {"limit": 9}}, old, version=version) == [("pids.max", "9")]


def test_on_v1_memory_and_swap_have_files_of_their_own() -> None:
    old = {"memory": {"limit": MIB, "swap": 2 * MIB}}
    assert writes({"memory": {"limit": 2 * MIB}}, old, version=1) == [("memory.limit_in_bytes", "2097152")]
    assert writes({"memory": {"swap": 3 * MIB}}, old, version=1) == [("memory.memsw.limit_in_bytes", "3145728")]


def test_on_v1_no_limit_for_memory_is_none_for_both_together_and_that_first() -> None:
    old = {"memory": {"limit": MIB, "swap": 2 * MIB}}
    expected = [("memory.memsw.limit_in_bytes", "-1"), ("memory.limit_in_bytes", "-1")]
    assert writes({"memory": {"limit": -1}}, old, version=1) == expected


def test_on_v2_swap_is_what_both_together_leave_to_it() -> None:
    old = {"memory": {"limit": MIB, "swap": 3 * MIB}}
    assert writes({"memory": {"limit": 2 * MIB}}, old, version=2) == [
        ("memory.swap.max", "1048576"),
        ("memory.max", "2097152"),
    ]
    assert writes({"memory": {"swap": 5 * MIB}}, old, version=2) == [("memory.swap.max", "4194304")]
    assert writes({"memory": {"limit": -1}}, old, version=2) == [("memory.swap.max", "max"), ("memory.max", "max")]
    assert writes({"memory": {"limit": 3 * MIB}}, {}, version=2) == [("memory.max", "3145728")]


def test_on_v2_both_together_need_a_limit_for_memory() -> None:
    with pytest.raises(Unsupported, match=r"config\.json#/linux/resources/memory/swap"):
        writes({"memory": {"swap": MIB}}, {}, version=2)


def test_on_v2_quota_and_period_share_a_file() -> None:
    old = {"cpu": {"quota": 50000, "period": 200000}}
    assert writes({"cpu": {"quota": 30000}}, old, version=2) == [("cpu.max", "30000 200000")]
    assert writes({"cpu": {"period": 100000}}, old, version=2) == [("cpu.max", "50000 100000")]
    assert writes({"cpu": {"quota": -1}}, old, version=2) == [("cpu.max", "max 200000")]
    assert writes({"cpu": {"quota": 30000}}, {}, version=2) == [("cpu.max", "30000 100000")]


@pytest.mark.parametrize(("version", "file", "value"), [(1, "cpu.shares", "2048"), (2, "cpu.weight", "174")])
def test_a_group_that_was_idle_gets_its_shares_back(version: int, file: str, value: str) -> None:
    idle = {"cpu": {"idle": 1, "shares": 2048}}
    assert writes({"cpu": {"idle": 0}}, idle, version=version) == [("cpu.idle", "0"), (file, value)]
    assert writes({"cpu": {"shares": 4096}}, idle, version=version) == []
    assert writes({"cpu": {"idle": 1}}, {"cpu": {"shares": 2048}}, version=version) == [("cpu.idle", "1")]


@pytest.mark.parametrize(("version", "file"), [(1, "cpu.cfs_burst_us"), (2, "cpu.max.burst")])
def test_a_burst_can_be_taken_away(version: int, file: str) -> None:
    assert writes({"cpu": {"burst": 0}}, {"cpu": {"burst": 5}}, version=version) == [(file, "0")]


def test_the_oom_killer_can_be_let_loose_again() -> None:
    old = {"memory": {"disableOOMKiller": True}}
    assert writes({"memory": {"disableOOMKiller": False}}, old, version=1) == [("memory.oom_control", "0")]


def test_v2_refuses_by_name_what_it_has_no_file_for() -> None:
    with pytest.raises(Unsupported, match="realtimeRuntime: cgroup v2 has nothing like it"):
        writes({"cpu": {"realtimeRuntime": 5}}, version=2)


IO_MAX = "8:0 rbps=1024 wbps=max riops=max wiops=max\n8:16 rbps=max wbps=5 riops=max wiops=max\n"


@pytest.mark.parametrize(
    ("file", "value", "text", "before"),
    [
        ("memory.max", "1048576", "max\n", "max"),
        ("memory.limit_in_bytes", "1", "9223372036854771712\n", "9223372036854771712"),
        ("cpu.max", "5000 100000", "max 100000\n", "max 100000"),
        ("cpuset.cpus", "0", "\n", "\n"),
        ("io.max", "8:16 wbps=7", IO_MAX, "8:16 rbps=max wbps=5 riops=max wiops=max"),
        ("io.max", "8:1 wbps=7", IO_MAX, "8:1 rbps=max wbps=max riops=max wiops=max"),
        ("io.weight", "default 7", "default 100\n8:0 50\n", "default 100"),
        ("io.weight", "8:16 7", "default 100\n8:0 50\n", "8:16 default"),
        ("blkio.throttle.read_bps_device", "8:0 7", "8:0 5\n", "8:0 5"),
        ("blkio.throttle.read_bps_device", "8:0 7", "", "8:0 0"),
        ("blkio.bfq.weight_device", "8:0 7", "", "8:0 0"),
        ("rdma.max", "mlx5 hca_handle=3", "mlx5 hca_handle=2 hca_object=max\n", "mlx5 hca_handle=2 hca_object=max"),
        ("net_prio.ifpriomap", "eth0 5", "lo 0\neth0 3\n", "eth0 3"),
        ("memory.oom_control", "1", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", "0"),
        ("memory.reclaim", "1M", None, None),
    ],
)
def test_a_write_is_undone_by_what_the_file_read_before(
    file: str, value: str, text: str | None, before: str | None
) -> None:
    assert value_before(file, value, text) == before
