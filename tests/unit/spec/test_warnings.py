"""What is warned of instead of refused."""

from __future__ import annotations

from runtime.spec.warnings import find_warnings
from tests.support.bundles import make_config


def test_a_default_config_gives_no_warning() -> None:
    assert list(find_warnings(make_config())) == []


def test_a_config_without_capabilities_gives_no_warning() -> None:
    assert list(find_warnings(make_config(process={"capabilities": None}))) == []


def test_an_unknown_capability_is_left_out_with_a_warning() -> None:
    config = make_config(process={"capabilities": {"bounding": ["CAP_KILL", "CAP_FLY"]}})

    assert list(find_warnings(config)) == [
        'config.json#/process/capabilities/bounding/1: "CAP_FLY" is no capability and is left out'
    ]


def test_a_capability_set_that_nobody_defined_gives_no_warning() -> None:
    assert list(find_warnings(make_config(process={"capabilities": {"x-other": 7}}))) == []


def test_a_relative_destination_is_warned_of() -> None:
    config = make_config(mounts=[{"destination": "data", "type": "tmpfs"}])

    assert list(find_warnings(config)) == ['config.json#/mounts/0/destination: "data" is taken as "/data"; write it so']


def test_a_limit_that_linux_no_longer_has_is_warned_of() -> None:
    config = make_config(rootless=False, linux={"resources": {"memory": {"kernel": 5}}})

    assert list(find_warnings(config)) == [
        "config.json#/linux/resources/memory/kernel: ignored, since Linux counts kernel memory into memory.limit"
    ]
