"""validate tells what create would refuse, all of it at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.errors import Unsupported
from runtime.spec.explain import find_all_faults
from tests.support.bundles import make_config


def pointers(document: Any) -> list[str]:
    return [fault.pointer for fault in find_all_faults(document, json.dumps(document).encode())]


def test_a_sound_configuration_has_no_fault() -> None:
    assert pointers(make_config()) == []


def test_breaches_rules_and_gaps_are_told_together() -> None:
    config = make_config(
        rootless=False,
        hostname="x" * 65,
        process={"cwd": "tmp", "oomScoreAdj": 1001},
        vm={"kernel": {"path": "/k"}},
        linux={"maskedPaths": ["a"], "sysctl": {"kernel.panic": "1"}},
    )

    assert pointers(config) == [
        *("/process/oomScoreAdj", "/hostname", "/process/cwd"),
        *("/linux/sysctl/kernel.panic", "/linux/maskedPaths/0", "/vm"),
    ]


def test_rules_are_told_of_items_beside_one_that_breaks_the_schema() -> None:
    config = make_config(rootless=False)
    config["mounts"] = [{"destination": 3}, {"destination": "/a", "options": ["bind"]}]  # type: ignore[typeddict-item]
    config["hooks"] = {"prestart": [{"path": "a"}], "poststop": [{}]}  # type: ignore[typeddict-item]

    assert pointers(config) == ["/hooks/poststop/0", "/mounts/0/destination", "/hooks/prestart/0/path"]


@pytest.mark.parametrize("member", ["ociVersion", "root", "process"])
def test_the_rest_is_told_where_a_section_is_missing_that_rules_need(member: str) -> None:
    config: dict[str, Any] = {**make_config(rootless=False, hostname="x" * 65)}
    del config[member]

    assert pointers(config) == ["", "/hostname"]


@pytest.mark.parametrize("document", [None, 3, [], "text", {}, {"process": []}, {"linux": {"seccomp": [{}]}}])
def test_what_is_hardly_a_configuration_is_told_as_such(document: Any) -> None:
    assert pointers(document)


def test_a_gap_is_told_as_one() -> None:
    (fault,) = find_all_faults({**make_config(), "vm": {"kernel": {"path": "/k"}}}, b"")

    assert isinstance(fault, Unsupported)
