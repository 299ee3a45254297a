"""From cgroupsPath to a systemd scope, and from what is written into its files to systemd's words for it."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.cgroups import resources, units
from runtime.cgroups.devices import plan_rules
from runtime.errors import SpecFault

INFINITY = (1 << 64) - 1
MIB = 1 << 20


@pytest.mark.parametrize(
    ("path", "uid", "name", "directory"),
    [
        ("", None, "runf-box.scope", "system.slice/runf-box.scope"),
        ("", 1000, "runf-box.scope", "user.slice/runf-box.scope"),
        (":docker:abc", None, "docker-abc.scope", "system.slice/docker-abc.scope"),
        (
            "kube-pods-pod7.slice:cri:abc",
            None,
            "cri-abc.scope",
            "kube.slice/kube-pods.slice/kube-pods-pod7.slice/cri-abc.scope",
        ),
        ("-.slice:a:b", None, "a-b.scope", "a-b.scope"),
        ("user.slice::b", 1000, "b.scope", "user.slice/b.scope"),
    ],
)
def test_a_scope_lies_in_its_slices(path: str, uid: int | None, name: str, directory: str) -> None:
    unit = units.plan_unit(path, "box", uid)
    assert (unit.name, unit.uid, units.directory_of(unit)) == (name, uid, directory)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/a/b", "is no slice:prefix:name"),
        ("a:b", "is no slice:prefix:name"),
        ("system.slice:a:", "names no scope"),
        ("system.slice:a:b.slice", "names no scope"),
        ("system:a:b", '"system" is no slice'),
        ("a--b.slice:a:b", '"a--b.slice" is no slice'),
        (".slice:a:b", '".slice" is no slice'),
        ("system.slice:a:b c", "is no name of a unit"),
        (f"system.slice:a:{'b' * 250}", "the unit's name would have 258 characters"),
    ],
)
def test_what_names_no_scope_is_refused_in_words(path: str, reason: str) -> None:
    with pytest.raises(SpecFault, match=reason) as caught:
        units.plan_unit(path, "box", None)
    assert caught.value.pointer == "/linux/cgroupsPath"


@pytest.mark.parametrize(
    ("directory", "uid"),
    [
        ("/sys/fs/cgroup/system.slice/a.scope", None),
        ("/sys/fs/cgroup/user.slice/user-7.slice/user@7.service/user.slice/a.scope", 7),
        ("/sys/fs/cgroup/user@x.service/a.scope", None),
    ],
)
def test_a_directory_tells_whose_manager_has_the_unit(directory: str, uid: int | None) -> None:
    assert units.manager_of(directory) == uid


def properties_v2(**asked: Any) -> dict[str, Any]:
    return {name: value for name, _, value in units.limits_v2(resources.plan_v2(asked))}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"memory": {"limit": MIB}}, {"MemoryMax": MIB}),
        (
            {"memory": {"limit": MIB, "swap": 3 * MIB, "reservation": 9}},
            {"MemoryMax": MIB, "MemorySwapMax": 2 * MIB, "MemoryLow": 9},
        ),
        ({"memory": {"limit": -1}}, {"MemoryMax": INFINITY, "MemorySwapMax": INFINITY}),
        ({"pids": {"limit": 7}}, {"TasksMax": 7}),
        ({"pids": {"limit": -1}}, {"TasksMax": INFINITY}),
        ({"pids": {"limit": 0}}, {}),
        ({"cpu": {"shares": 1024}}, {"CPUWeight": 100}),
        ({"cpu": {"idle": 1}}, {"CPUWeight": 0}),
        (
            {"cpu": {"quota": 150000, "period": 100000}},
            {"CPUQuotaPerSecUSec": 1_500_000, "CPUQuotaPeriodUSec": 100000},
        ),
        ({"cpu": {"quota": 1501, "period": 100000}}, {"CPUQuotaPerSecUSec": 20_000, "CPUQuotaPeriodUSec": 100000}),
        ({"cpu": {"quota": -1}}, {"CPUQuotaPerSecUSec": INFINITY, "CPUQuotaPeriodUSec": 100000}),
        ({"cpu": {"cpus": "0,9", "mems": "0-1"}}, {"AllowedCPUs": b"\x01\x02", "AllowedMemoryNodes": b"\x03"}),
        ({"blockIO": {"weight": 1000}}, {"IOWeight": 10000}),
        ({"blockIO": {"weightDevice": [{"major": 8, "minor": 0, "weight": 10}]}}, {}),
        (
            {
                "unified": {
                    "memory.high": "max",
                    "memory.min": "5",
                    "cpu.max": "max",
                    "cpuset.cpus": "",
                    "io.latency": "x",
                }
            },
            {
                "MemoryHigh": INFINITY,
                "MemoryMin": 5,
                "CPUQuotaPerSecUSec": INFINITY,
                "CPUQuotaPeriodUSec": 100000,
                "AllowedCPUs": b"",
            },
        ),
        ({"unified": {"cpu.max": "soon", "pids.max": "few", "cpuset.cpus": "all"}}, {}),
    ],
)
def test_systemd_is_told_what_is_written_on_v2(asked: dict[str, Any], expected: dict[str, Any]) -> None:
    assert properties_v2(**asked) == expected


def test_systemd_is_told_what_is_written_on_v1() -> None:
    asked = {
        "memory": {"limit": MIB},
        "cpu": {"shares": 512, "quota": 20000, "period": 40000},
        "pids": {"limit": 3},
        "blockIO": {"weight": 10},
    }
    writes = [write for each in resources.plan_v1(asked).values() for write in each]
    assert {name: value for name, _, value in units.limits_v1(writes)} == {
        "MemoryLimit": MIB,
        "CPUShares": 512,
        "CPUQuotaPerSecUSec": 500_000,
        "CPUQuotaPeriodUSec": 40000,
        "TasksMax": 3,
        "BlockIOWeight": 10,
    }


def test_what_takes_limits_away_again_has_each_properties_own_emptiness() -> None:
    told = [("MemoryMax", "t", 5), ("MemoryLow", "t", 5), ("AllowedCPUs", "ay", b"\x01")]
    assert units.unlimited(told) == [("MemoryMax", "t", INFINITY), ("MemoryLow", "t", 0), ("AllowedCPUs", "ay", b"")]


DENY_ALL = {"allow": False, "access": "rwm"}


def test_a_list_of_allowed_devices_is_told_with_the_defaults() -> None:
    rules = plan_rules({"devices": [DENY_ALL, {"allow": True, "type": "b", "major": 8, "access": "mr"}]})
    policy, (name, signature, allowed) = units.device_properties(rules) or []
    assert policy == ("DevicePolicy", "s", "strict")
    assert (name, signature, allowed[0]) == ("DeviceAllow", "a(ss)", ("block-8", "rm"))
    assert {("char-*", "m"), ("block-*", "m"), ("/dev/char/1:3", "rwm"), ("char-136", "rwm")} <= set(allowed)


@pytest.mark.parametrize(
    "asked",
    [
        [{"allow": False, "type": "c", "major": 1, "minor": 3}],
        [DENY_ALL, {"allow": True, "type": "c"}, {"allow": False, "type": "c", "major": 10}],
        [DENY_ALL, {"allow": True, "type": "c", "minor": 3}],
    ],
)
def test_rules_that_are_no_such_list_have_no_words(asked: list[dict[str, Any]]) -> None:
    assert units.device_properties(plan_rules({"devices": asked})) is None


@pytest.mark.parametrize("asked", [[], [{"allow": True}], [DENY_ALL, {"allow": True}]])
def test_rules_that_allow_everything_need_none(asked: list[dict[str, Any]]) -> None:
    assert units.device_properties(plan_rules({"devices": asked})) == []
