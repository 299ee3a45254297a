"""Rules of mounts: what breaks them is named with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.errors import SpecFault
from runtime.spec.bundle import parse_config
from tests.support.bundles import make_config

ONE_ID = [{"containerID": 0, "hostID": 1000, "size": 1}]
BIND = {"destination": "/a", "source": "/b", "options": ["bind"]}


def parse(*mounts: dict[str, Any], **linux: Any) -> Any:
    config = make_config(rootless=False, mounts=list(mounts), linux=linux)
    return parse_config(json.dumps(config).encode(), "/bundle")["mounts"]


def refusal(*mounts: dict[str, Any]) -> str:
    with pytest.raises(SpecFault) as caught:
        parse(*mounts)
    return caught.value.pointer


@pytest.mark.parametrize("member", ["uidMappings", "gidMappings"])
def test_the_id_maps_of_a_mount_come_in_pairs(member: str) -> None:
    assert refusal(BIND, {**BIND, member: ONE_ID}) == "/mounts/1"


def test_ranges_of_a_mounts_id_map_lie_side_by_side() -> None:
    twice = [*ONE_ID, {"containerID": 0, "hostID": 2000, "size": 1}]
    assert refusal({**BIND, "uidMappings": ONE_ID, "gidMappings": twice}) == "/mounts/0/gidMappings/1/containerID"


@pytest.mark.parametrize("option", ["idmap", "ridmap"])
def test_an_id_mapped_mount_needs_a_map_or_a_user_namespace(option: str) -> None:
    asked = {**BIND, "options": ["bind", option]}
    assert refusal(asked) == "/mounts/0/options/1"
    assert parse({**asked, "uidMappings": ONE_ID, "gidMappings": ONE_ID})
    namespaces = [{"type": kind} for kind in ("mount", "uts", "pid", "user")]
    assert parse(asked, namespaces=namespaces, uidMappings=ONE_ID, gidMappings=ONE_ID)


def test_empty_maps_ask_for_nothing() -> None:
    assert parse({**BIND, "uidMappings": [], "gidMappings": []})
