"""From the files of cgroups to the shape of runc's statistics; what is not there is absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from runtime.cgroups import stats_v1, stats_v2
from schemas.generated import stats as stats_schema

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "stats.schema.json").read_text())
SECTIONS = {"cpu", "cpuset", "memory", "pids", "blkio", "hugetlb"}
V2 = {
    "cpu.stat": "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 4\nnr_throttled 3\nthrottled_usec 2\n",
    "cpu.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=9\n",
    "cpuset.cpus.effective": "0-1\n",
    "cpuset.mems.effective": "0\n",
    "memory.stat": "anon 100\nfile 200\nkernel 50\n",
    "memory.current": "350\n",
    "memory.max": "1000\n",
    "memory.peak": "400\n",
    "memory.events": "low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\n",
    "memory.swap.current": "30\n",
    "memory.swap.max": "500\n",
    "pids.current": "3\n",
    "pids.max": "10\n",
    "io.stat": "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n",
    "hugetlb.2MB.current": "8\n",
    "hugetlb.2MB.rsvd.current": "6\n",
    "hugetlb.2MB.events": "max 5\n",
}
V1 = {
    ("cpuacct", "cpuacct.usage"): "300\n",
    ("cpuacct", "cpuacct.usage_percpu"): "100 200 \n",
    ("cpuacct", "cpuacct.usage_all"): "cpu user system\n0 60 40\n1 150 50\n",
    ("cpuacct", "cpuacct.stat"): "user 2\nsystem 1\n",
    ("cpu", "cpu.stat"): "nr_periods 4\nnr_throttled 3\nthrottled_time 2000\n",
    ("cpuset", "cpuset.cpus"): "0\n",
    ("cpuset", "cpuset.mems"): "0\n",
    ("cpuset", "cpuset.sched_relax_domain_level"): "-1\n",
    ("memory", "memory.stat"): "cache 200\nrss 100\n",
    ("memory", "memory.usage_in_bytes"): "300\n",
    ("memory", "memory.max_usage_in_bytes"): "400\n",
    ("memory", "memory.limit_in_bytes"): "9223372036854771712\n",
    ("memory", "memory.failcnt"): "0\n",
    ("memory", "memory.kmem.usage_in_bytes"): "50\n",
    ("pids", "pids.current"): "3\n",
    ("pids", "pids.max"): "max\n",
    ("blkio", "blkio.bfq.io_service_bytes_recursive"): "Total 0\n",
    ("blkio", "blkio.throttle.io_service_bytes_recursive"): "8:0 Read 5\n8:0 Total 5\nTotal 5\n",
    ("blkio", "blkio.bfq.io_serviced_recursive"): "Total 0\n",
    ("hugetlb", "hugetlb.2MB.usage_in_bytes"): "8\n",
    ("hugetlb", "hugetlb.2MB.max_usage_in_bytes"): "9\n",
    ("hugetlb", "hugetlb.2MB.failcnt"): "1\n",
}


def collect_v2(**changes: str | None) -> dict[str, Any]:
    files = {**V2, **{name.replace("__", "."): text for name, text in changes.items()}}
    return stats_v2.collect(files.get, [name for name, text in files.items() if text is not None])


def collect_v1(files: dict[tuple[str, str], str]) -> dict[str, Any]:
    return stats_v1.collect(
        lambda controller, file: files.get((controller, file)),
        lambda controller: [name for owner, name in files if owner == controller],
    )


def follows_the_schema(collected: dict[str, Any]) -> bool:
    document = {"type": "stats", "id": "web", "data": {**collected, "intel_rdt": {}, "network_interfaces": None}}
    stats_schema.validate(document)
    jsonschema.validate(document, SCHEMA)
    return True


def test_v2_in_runcs_shape() -> None:
    found = collect_v2()
    assert follows_the_schema(found)
    assert found == {
        "cpu": {
            "usage": {"total": 30000, "kernel": 10000, "user": 20000},
            "throttling": {"periods": 4, "throttledPeriods": 3, "throttledTime": 2000},
            "psi": {"some": {"avg10": 0.0, "avg60": 0.0, "avg300": 0.0, "total": 9}},
        },
        "cpuset": {"cpus": [0, 1], "mems": [0]},
        "memory": {
            "cache": 200,
            "usage": {"limit": 1000, "usage": 350, "max": 400, "failcnt": 7},
            "swap": {"limit": 1500, "usage": 380},
            "kernel": {"usage": 50},
            "raw": {"anon": 100, "file": 200, "kernel": 50},
        },
        "pids": {"current": 3, "limit": 10},
        "blkio": {
            "ioServiceBytesRecursive": [
                {"major": 8, "minor": 0, "op": "Read", "value": 1},
                {"major": 8, "minor": 0, "op": "Write", "value": 2},
            ],
            "ioServicedRecursive": [
                {"major": 8, "minor": 0, "op": "Read", "value": 3},
                {"major": 8, "minor": 0, "op": "Write", "value": 4},
            ],
        },
        "hugetlb": {"2MB": {"usage": 6, "failcnt": 5}},
    }


def test_v1_in_runcs_shape() -> None:
    found = collect_v1(V1)
    assert follows_the_schema(found)
    assert found == {
        "cpu": {
            "usage": {
                "total": 300,
                "percpu": [100, 200],
                "percpu_kernel": [40, 50],
                "percpu_user": [60, 150],
                "kernel": 10_000_000,
                "user": 20_000_000,
            },
            "throttling": {"periods": 4, "throttledPeriods": 3, "throttledTime": 2000},
        },
        "cpuset": {"cpus": [0], "mems": [0], "sched_relax_domain_level": -1},
        "memory": {
            "cache": 200,
            "usage": {"limit": 9223372036854771712, "usage": 300, "max": 400, "failcnt": 0},
            "swap": {},
            "kernel": {"usage": 50},
            "kernelTCP": {},
            "raw": {"cache": 200, "rss": 100},
        },
        "pids": {"current": 3},
        "blkio": {
            "ioServiceBytesRecursive": [
                {"major": 8, "minor": 0, "op": "Read", "value": 5},
                {"major": 8, "minor": 0, "op": "Total", "value": 5},
            ],
            "ioServicedRecursive": [],
        },
        "hugetlb": {"2MB": {"usage": 8, "max": 9, "failcnt": 1}},
    }


def test_an_unlimited_amount_of_v2_is_the_largest_number_as_with_runc() -> None:
    found = collect_v2(memory__max="max\n", pids__max="max\n")
    assert found["memory"]["usage"]["limit"] == stats_v2.UNLIMITED
    assert found["memory"]["swap"] == {"limit": stats_v2.UNLIMITED, "usage": 380}
    assert found["pids"] == {"current": 3}
    assert follows_the_schema(found)


def test_without_swap_nothing_is_said_about_it() -> None:
    assert collect_v2(memory__swap__current=None)["memory"]["swap"] == {}


def test_huge_pages_are_counted_where_reservations_are_not() -> None:
    assert collect_v2(hugetlb__2MB__rsvd__current=None)["hugetlb"] == {"2MB": {"usage": 8, "failcnt": 5}}


@pytest.mark.parametrize("found", [stats_v2.collect(lambda _: None, []), collect_v1({})], ids=["v2", "v1"])
def test_what_nothing_counts_is_absent_and_never_0(found: dict[str, Any]) -> None:
    assert follows_the_schema(found)
    assert found.keys() == SECTIONS

    def leaves(value: Any) -> list[Any]:
        return [leaf for each in value.values() for leaf in leaves(each)] if isinstance(value, dict) else [value]

    assert leaves(found) == []
