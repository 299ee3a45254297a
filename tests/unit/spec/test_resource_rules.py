"""Rules of linux.resources: what breaks them is named with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.errors import SpecFault
from runtime.spec.bundle import parse_config
from tests.support.bundles import make_config


def parse(**resources: Any) -> Any:
    config = make_config(rootless=False, linux={"resources": resources})
    return parse_config(json.dumps(config).encode(), "/bundle")["linux"]["resources"]


def refused_place(**resources: Any) -> str:
    with pytest.raises(SpecFault) as caught:
        parse(**resources)
    return caught.value.pointer.removeprefix("/linux/resources/")


@pytest.mark.parametrize("access", ["rr", "x", "", "rwmr"])
def test_device_access_is_made_of_three_letters(access: str) -> None:
    assert refused_place(devices=[{"allow": True, "access": access}]) == "devices/0/access"


@pytest.mark.parametrize("swappiness", [0, 100, (1 << 64) - 1])
def test_swappiness_is_a_percentage_or_dockers_word_for_none(swappiness: int) -> None:
    assert parse(memory={"swappiness": swappiness})["memory"]["swappiness"] == swappiness


@pytest.mark.parametrize("swappiness", [101, -1, (1 << 64) - 2, 1 << 64])
def test_other_swappiness_is_refused(swappiness: int) -> None:
    assert refused_place(memory={"swappiness": swappiness}) == "memory/swappiness"


@pytest.mark.parametrize("limit", [3, -1])
def test_memory_and_swap_together_hold_the_memory(limit: int) -> None:
    assert refused_place(memory={"limit": limit, "swap": 2}) == "memory/swap"


@pytest.mark.parametrize("swap", [-1, 0, 3, 4])
def test_memory_and_swap_together_may_be_as_much_as_memory_or_unlimited(swap: int) -> None:
    assert parse(memory={"limit": 3, "swap": swap})["memory"]["swap"] == swap


def test_a_burst_fits_into_the_quota() -> None:
    assert refused_place(cpu={"quota": 1000, "burst": 1001}) == "cpu/burst"


def test_a_burst_without_a_quota_is_accepted() -> None:
    assert parse(cpu={"quota": -1, "burst": 1001})["cpu"]["burst"] == 1001


def test_a_weighted_device_has_a_weight() -> None:
    assert refused_place(blockIO={"weightDevice": [{"major": 8, "minor": 0}]}) == "blockIO/weightDevice/0"


@pytest.mark.parametrize("size", ["2", "MB", "2mb", "02MB", "2TB", "-1KB", "²MB", "2MiB", ""])
def test_a_page_size_has_a_number_and_a_unit(size: str) -> None:
    assert refused_place(hugepageLimits=[{"pageSize": size, "limit": 0}]) == "hugepageLimits/0/pageSize"


def test_page_sizes_of_the_specification_are_accepted() -> None:
    limits = [{"pageSize": size, "limit": 0} for size in ("64KB", "2MB", "1GB")]

    assert parse(hugepageLimits=limits)["hugepageLimits"] == limits


def test_an_rdma_device_has_a_limit() -> None:
    assert refused_place(rdma={"mlx5/1": {}}) == "rdma/mlx5~11"


@pytest.mark.parametrize("name", ["../memory.max", "a/b", "", "..", "."])
def test_a_unified_key_is_a_file_of_the_cgroup(name: str) -> None:
    assert refused_place(unified={name: "1"}).startswith("unified/")


def test_unlimited_memory_is_accepted_and_other_negative_limits_are_not() -> None:
    assert parse(memory={"limit": -1})["memory"]["limit"] == -1
    assert refused_place(memory={"limit": -2}) == "memory/limit"


@pytest.mark.parametrize("limit", [True, 1.5, "1", None])
def test_a_limit_is_an_integer(limit: object) -> None:
    assert refused_place(pids={"limit": limit}) == "pids/limit"
