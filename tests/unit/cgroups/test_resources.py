"""Each member of linux.resources, and what it becomes in the files of both versions."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.cgroups import resources
from runtime.errors import Unsupported

MIB = 1 << 20
DEVICE = {"major": 8, "minor": 16}


def on_v1(**asked: Any) -> dict[str, list[tuple[str, str]]]:
    plans = resources.plan_v1(asked)
    return {controller: [(write.file, write.value) for write in writes] for controller, writes in plans.items()}


def on_v2(**asked: Any) -> list[tuple[str, str]]:
    return [(write.file, write.value) for write in resources.plan_v2(asked)]


@pytest.mark.parametrize(
    ("asked", "v1", "v2"),
    [
        (
            {"memory": {"limit": 8 * MIB}},
            {"memory": [("memory.limit_in_bytes", "8388608")]},
            [("memory.max", "8388608")],
        ),
        (
            {"memory": {"limit": 8 * MIB, "swap": 12 * MIB}},
            {"memory": [("memory.limit_in_bytes", "8388608"), ("memory.memsw.limit_in_bytes", "12582912")]},
            [("memory.swap.max", "4194304"), ("memory.max", "8388608")],
        ),
        (
            {"memory": {"limit": 8 * MIB, "swap": -1}},
            {"memory": [("memory.memsw.limit_in_bytes", "-1"), ("memory.limit_in_bytes", "8388608")]},
            [("memory.swap.max", "max"), ("memory.max", "8388608")],
        ),
        (
            {"memory": {"limit": -1}},
            {"memory": [("memory.memsw.limit_in_bytes", "-1"), ("memory.limit_in_bytes", "-1")]},
            [("memory.swap.max", "max"), ("memory.max", "max")],
        ),
        (
            {"memory": {"reservation": 4 * MIB}},
            {"memory": [("memory.soft_limit_in_bytes", "4194304")]},
            [("memory.low", "4194304")],
        ),
        (
            {"memory": {"reservation": -1}},
            {"memory": [("memory.soft_limit_in_bytes", "-1")]},
            [("memory.low", "max")],
        ),
        ({"memory": {"kernel": MIB, "useHierarchy": True, "disableOOMKiller": False}}, {}, []),
        ({"memory": {"swappiness": (1 << 64) - 1, "kernelTCP": 0}}, {}, []),
        ({"cpu": {"shares": 1024}}, {"cpu": [("cpu.shares", "1024")]}, [("cpu.weight", "100")]),
        (
            {"cpu": {"quota": 20000, "period": 50000}},
            {"cpu": [("cpu.cfs_period_us", "50000"), ("cpu.cfs_quota_us", "20000")]},
            [("cpu.max", "20000 50000")],
        ),
        ({"cpu": {"quota": 20000}}, {"cpu": [("cpu.cfs_quota_us", "20000")]}, [("cpu.max", "20000 100000")]),
        ({"cpu": {"quota": -1}}, {"cpu": [("cpu.cfs_quota_us", "-1")]}, [("cpu.max", "max 100000")]),
        ({"cpu": {"period": 50000}}, {"cpu": [("cpu.cfs_period_us", "50000")]}, [("cpu.max", "max 50000")]),
        (
            {"cpu": {"quota": 20000, "burst": 10000}},
            {"cpu": [("cpu.cfs_quota_us", "20000"), ("cpu.cfs_burst_us", "10000")]},
            [("cpu.max", "20000 100000"), ("cpu.max.burst", "10000")],
        ),
        ({"cpu": {"idle": 1, "shares": 512}}, {"cpu": [("cpu.idle", "1")]}, [("cpu.idle", "1")]),
        (
            {"cpu": {"cpus": "0-3,7", "mems": "0"}},
            {"cpuset": [("cpuset.cpus", "0-3,7"), ("cpuset.mems", "0")]},
            [("cpuset.cpus", "0-3,7"), ("cpuset.mems", "0")],
        ),
        ({"pids": {"limit": 7}}, {"pids": [("pids.max", "7")]}, [("pids.max", "7")]),
        ({"pids": {"limit": -1}}, {"pids": [("pids.max", "max")]}, [("pids.max", "max")]),
        ({"pids": {"limit": 0}}, {"pids": [("pids.max", "0")]}, [("pids.max", "0")]),
        ({"pids": {}}, {}, []),
        (
            {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MIB}]},
            {"hugetlb": [("hugetlb.2MB.rsvd.limit_in_bytes", "4194304"), ("hugetlb.2MB.limit_in_bytes", "4194304")]},
            [("hugetlb.2MB.rsvd.max", "4194304"), ("hugetlb.2MB.max", "4194304")],
        ),
        (
            {"rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10}, "rxe3": {"hcaObjects": 5}}},
            {"rdma": [("rdma.max", "mlx5_1 hca_handle=3 hca_object=10"), ("rdma.max", "rxe3 hca_object=5")]},
            [("rdma.max", "mlx5_1 hca_handle=3 hca_object=10"), ("rdma.max", "rxe3 hca_object=5")],
        ),
        (
            {"blockIO": {"weight": 500}},
            {"blkio": [("blkio.weight", "500")]},
            [("io.weight", "default 4950")],
        ),
        (
            {"blockIO": {"weightDevice": [{**DEVICE, "weight": 1000}]}},
            {"blkio": [("blkio.weight_device", "8:16 1000")]},
            [("io.weight", "8:16 10000")],
        ),
        (
            {
                "blockIO": {
                    "throttleReadBpsDevice": [{**DEVICE, "rate": 1}],
                    "throttleWriteBpsDevice": [{**DEVICE, "rate": 2}],
                    "throttleReadIOPSDevice": [{**DEVICE, "rate": 3}],
                    "throttleWriteIOPSDevice": [{**DEVICE, "rate": 4}],
                }
            },
            {
                "blkio": [
                    ("blkio.throttle.read_bps_device", "8:16 1"),
                    ("blkio.throttle.write_bps_device", "8:16 2"),
                    ("blkio.throttle.read_iops_device", "8:16 3"),
                    ("blkio.throttle.write_iops_device", "8:16 4"),
                ]
            },
            [
                ("io.max", "8:16 rbps=1"),
                ("io.max", "8:16 wbps=2"),
                ("io.max", "8:16 riops=3"),
                ("io.max", "8:16 wiops=4"),
            ],
        ),
    ],
)
def test_a_limit_has_its_file_on_both_versions(
    asked: dict[str, Any], v1: dict[str, list[tuple[str, str]]], v2: list[tuple[str, str]]
) -> None:
    assert on_v1(**asked) == v1
    assert on_v2(**asked) == v2


@pytest.mark.parametrize(
    ("asked", "v1"),
    [
        ({"memory": {"kernelTCP": MIB}}, {"memory": [("memory.kmem.tcp.limit_in_bytes", "1048576")]}),
        ({"memory": {"swappiness": 7}}, {"memory": [("memory.swappiness", "7")]}),
        ({"memory": {"disableOOMKiller": True}}, {"memory": [("memory.oom_control", "1")]}),
        (
            {"cpu": {"realtimePeriod": 1000, "realtimeRuntime": 500}},
            {"cpu": [("cpu.rt_period_us", "1000"), ("cpu.rt_runtime_us", "500")]},
        ),
        ({"blockIO": {"leafWeight": 300}}, {"blkio": [("blkio.leaf_weight", "300")]}),
        (
            {"blockIO": {"weightDevice": [{**DEVICE, "leafWeight": 300}]}},
            {"blkio": [("blkio.leaf_weight_device", "8:16 300")]},
        ),
        ({"network": {"classID": 0x100001}}, {"net_cls": [("net_cls.classid", "1048577")]}),
        (
            {"network": {"priorities": [{"name": "eth0", "priority": 5}, {"name": "eth1", "priority": 6}]}},
            {"net_prio": [("net_prio.ifpriomap", "eth0 5"), ("net_prio.ifpriomap", "eth1 6")]},
        ),
    ],
)
def test_what_v2_has_no_file_for_is_written_on_v1_and_refused_there(
    asked: dict[str, Any], v1: dict[str, list[tuple[str, str]]]
) -> None:
    assert on_v1(**asked) == v1
    with pytest.raises(Unsupported, match=r"config.json#/linux/resources/.*: cgroup v2 has nothing like it"):
        on_v2(**asked)


def test_files_of_unified_are_written_as_they_are_line_by_line() -> None:
    asked = {"memory.high": "5", "io.max": "8:0 rbps=9\n8:16 wiops=3\n", "novel.thing": "yes", "cpuset.cpus": ""}
    assert on_v2(unified=asked) == [
        ("memory.high", "5"),
        ("io.max", "8:0 rbps=9"),
        ("io.max", "8:16 wiops=3"),
        ("novel.thing", "yes"),
        ("cpuset.cpus", ""),
    ]
    assert resources.controllers_v2(resources.plan_v2({"unified": asked})) == ("memory", "io", "novel", "cpuset")


def test_v1_has_nothing_for_unified() -> None:
    with pytest.raises(Unsupported, match=r"#/linux/resources/unified: cgroup v1 has nothing like it"):
        on_v1(unified={"memory.high": "5"})


@pytest.mark.parametrize(
    ("memory", "pointer"), [({"swap": MIB}, "memory/swap"), ({"limit": 2 * MIB, "swap": MIB}, "memory/swap")]
)
def test_swap_of_v2_needs_a_limit_that_it_lies_above(memory: dict[str, int], pointer: str) -> None:
    with pytest.raises(Unsupported, match=f"#/linux/resources/{pointer}: memory and swap together can't be less"):
        on_v2(memory=memory)


@pytest.mark.parametrize(
    ("shares", "weight"), [(0, 1), (2, 1), (3, 2), (1024, 100), (2048, 174), (262143, 10000), (1 << 30, 10000)]
)
def test_the_scales_of_shares_and_weight_meet_at_their_ends_and_their_defaults(shares: int, weight: int) -> None:
    assert resources.weight_of_shares(shares) == weight


def test_more_shares_never_weigh_less() -> None:
    weights = [resources.weight_of_shares(shares) for shares in range(2, 262145, 97)]
    assert weights == sorted(weights)


@pytest.mark.parametrize(("weight", "expected"), [(10, 1), (500, 4950), (1000, 10000)])
def test_the_weights_of_block_io_share_their_ends(weight: int, expected: int) -> None:
    assert resources.io_weight(weight) == expected
