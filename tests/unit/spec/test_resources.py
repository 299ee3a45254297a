"""The document of an update: the same rules as in config.json, and what holds afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import SpecFault, Unsupported
from runtime.spec.bundle import parse_config
from runtime.spec.resources import check_rules, merge_resources, parse_resources, wishes
from tests.support.bundles import make_config

MIB = 1 << 20
DENY_ALL = [{"allow": False, "access": "rwm"}]


def parse(document: Any) -> dict[str, Any]:
    return parse_resources(json.dumps(document).encode(), "limits.json")


def test_a_document_that_fits_is_what_it_says() -> None:
    document = {"memory": {"limit": MIB}, "cpu": {"shares": 2, "x-unknown": 1}, "x-other": []}
    assert parse(document) == document


def test_whole_numbers_may_be_written_with_an_exponent() -> None:
    limit = parse_resources(b'{"memory": {"limit": 1e9}}', "-")["memory"]["limit"]
    assert (limit, type(limit)) == (1000000000, int)


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("[]", "/linux/resources"),
        ('{"memory": {"limit": "1g"}}', "/linux/resources/memory/limit"),
        ('{"memory": {"limit": -2}}', "/linux/resources/memory/limit"),
        ('{"memory": {"limit": 2, "swap": 1}}', "/linux/resources/memory/swap"),
        ('{"cpu": {"cpus": "0\\u0000"}}', "/linux/resources/cpu/cpus"),
        ('{"unified": {"../x": "1"}}', "/linux/resources/unified/..~1x"),
    ],
)
def test_what_breaks_a_rule_is_named_by_its_place(text: str, pointer: str) -> None:
    with pytest.raises(SpecFault) as caught:
        parse_resources(text.encode(), "limits.json")
    assert caught.value.pointer == pointer


def test_text_that_is_not_json_is_told_with_its_name() -> None:
    with pytest.raises(SpecFault, match=r"limits\.json: not JSON: "):
        parse_resources(b"{", "limits.json")


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"memory": {}, "cpu": {}, "pids": {}, "blockIO": {}, "hugepageLimits": [], "unified": {}},
        {"memory": {"limit": 0, "swap": 0, "swappiness": (1 << 64) - 1, "disableOOMKiller": False}},
        {"cpu": {"shares": 0, "quota": 0, "period": 0, "cpus": "", "mems": ""}, "pids": {"limit": 0}},
        {"devices": []},
    ],
)
def test_zeros_and_empty_texts_ask_for_nothing(document: dict[str, Any]) -> None:
    assert wishes(parse(document), {"memory": {"limit": MIB}}) == {}


def test_some_zeros_are_meant() -> None:
    asked = {"cpu": {"burst": 0, "idle": 0}, "memory": {"swappiness": 0}}
    assert wishes(asked, {}) == asked


def test_false_is_a_wish_where_true_holds() -> None:
    asked = {"memory": {"disableOOMKiller": False}}
    assert wishes(asked, {"memory": {"disableOOMKiller": True}}) == asked


def test_device_rules_may_be_repeated_but_not_changed() -> None:
    assert wishes({"devices": DENY_ALL}, {"devices": DENY_ALL}) == {}
    with pytest.raises(Unsupported, match=r"config\.json#/linux/resources/devices: "):
        wishes({"devices": [{"allow": True}]}, {"devices": DENY_ALL})


def test_lists_are_merged_by_what_their_entries_are_for() -> None:
    old = {
        "blockIO": {
            "weight": 10,
            "weightDevice": [{"major": 8, "minor": 0, "weight": 10, "leafWeight": 20}],
            "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1}, {"major": 8, "minor": 1, "rate": 2}],
        },
        "hugepageLimits": [{"pageSize": "2MB", "limit": 1}],
    }
    asked = {
        "blockIO": {
            "weightDevice": [{"major": 8, "minor": 0, "weight": 30}],
            "throttleReadBpsDevice": [{"major": 8, "minor": 1, "rate": 3}, {"major": 8, "minor": 2, "rate": 4}],
        },
        "hugepageLimits": [{"pageSize": "1GB", "limit": 2}],
        "unified": {"memory.high": "5"},
    }
    assert merge_resources(old, asked) == {
        "blockIO": {
            "weight": 10,
            "weightDevice": [{"major": 8, "minor": 0, "weight": 30, "leafWeight": 20}],
            "throttleReadBpsDevice": [
                {"major": 8, "minor": 0, "rate": 1},
                {"major": 8, "minor": 1, "rate": 3},
                {"major": 8, "minor": 2, "rate": 4},
            ],
        },
        "hugepageLimits": [{"pageSize": "2MB", "limit": 1}, {"pageSize": "1GB", "limit": 2}],
        "unified": {"memory.high": "5"},
    }


def test_no_limit_for_memory_leaves_none_for_both_together() -> None:
    merged = merge_resources({"memory": {"limit": MIB, "swap": 2 * MIB}}, {"memory": {"limit": -1}})
    assert merged == {"memory": {"limit": -1, "swap": -1}}
    check_rules(merged)


sizes = st.integers(0, 3)
memories = st.fixed_dictionaries({}, optional={"limit": sizes | st.just(-1), "reservation": sizes, "swap": sizes})
cpus = st.fixed_dictionaries({}, optional={"shares": sizes, "quota": sizes, "burst": sizes, "cpus": st.just("0")})
devices = st.fixed_dictionaries({"major": st.integers(0, 2), "minor": st.just(0), "rate": sizes})
lists = st.lists(devices, max_size=3, unique_by=lambda device: device["major"])
documents = st.fixed_dictionaries(
    {},
    optional={
        "memory": memories,
        "cpu": cpus,
        "blockIO": st.fixed_dictionaries({}, optional={"throttleReadBpsDevice": lists}),
        "unified": st.dictionaries(st.sampled_from(["a", "b"]), st.just("1")),
    },
)


@given(documents, documents)
def test_what_is_asked_for_holds_afterwards_and_the_rest_stays(old: dict[str, Any], asked: dict[str, Any]) -> None:
    before = json.dumps(old)
    changes = wishes(asked, old)
    merged = merge_resources(old, changes)
    assert json.dumps(old) == before
    assert merge_resources(merged, changes) == merged
    for section in ("memory", "cpu"):
        for member, value in merged.get(section, {}).items():
            wanted = changes.get(section, {}).get(member, old.get(section, {}).get(member))
            assert value == wanted or (member, value) == ("swap", -1)


@given(documents)
def test_an_update_by_what_holds_changes_nothing(old: dict[str, Any]) -> None:
    assert merge_resources(old, wishes(old, old)) == old


@given(documents)
def test_the_verdict_is_that_on_a_config_json(document: dict[str, Any]) -> None:
    def verdict(check: Any) -> str | None:
        try:
            check()
        except SpecFault as fault:
            return fault.pointer
        return None

    config = json.dumps(make_config(rootless=False, linux={"resources": document})).encode()
    assert verdict(lambda: parse(document)) == verdict(lambda: parse_config(config, "/bundle"))
