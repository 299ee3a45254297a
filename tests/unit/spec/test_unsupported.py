"""What is valid and not built is refused by name and place, never passed over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.errors import Unsupported
from runtime.spec.bundle import parse_config
from runtime.spec.unsupported import find_unsupported
from tests.support.bundles import make_config

MAPS = {name: [{"containerID": 0, "hostID": 1000, "size": 1}] for name in ("uidMappings", "gidMappings")}
ASKED_FOR: list[tuple[str, dict[str, Any]]] = [
    ("/vm", {"vm": {"kernel": {"path": "/k"}}}),
    ("/linux/namespaces", {"hostname": None, "linux": {"namespaces": [{"type": "user"}], **MAPS}}),
    (
        "/linux/namespaces",
        {
            "hostname": None,
            "linux": {"namespaces": [{"type": "user"}, {"type": "mount", "path": "/proc/7/ns/mnt"}], **MAPS},
        },
    ),
]


def parse(changes: dict[str, Any]) -> Any:
    return parse_config(json.dumps(make_config(rootless=False, **changes)).encode(), "/bundle")


@pytest.mark.parametrize(("pointer", "changes"), ASKED_FOR)
def test_a_gap_is_refused_with_its_pointer_and_a_way_out(pointer: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Unsupported) as caught:
        parse(changes)

    assert caught.value.message.startswith(f"config.json#{pointer}: ")
    assert caught.value.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"process": {"apparmorProfile": "", "selinuxLabel": ""}},
        {"linux": {"mountLabel": "", "netDevices": {}, "timeOffsets": {}}},
        {"vm": {}},
    ],
)
def test_an_empty_value_asks_for_nothing(changes: dict[str, Any]) -> None:
    assert parse(changes)["ociVersion"]


@pytest.mark.parametrize(
    "namespaces",
    [
        [],
        [{"type": "mount", "path": "/proc/7/ns/mnt"}],
        [{"type": "user", "path": "/proc/7/ns/user"}],
        [{"type": "user", "path": "/proc/7/ns/user"}, {"type": "mount", "path": "/proc/7/ns/mnt"}],
    ],
)
def test_a_mount_namespace_may_be_the_runtimes_or_be_joined(namespaces: list[dict[str, str]]) -> None:
    assert parse({"hostname": None, "linux": {"namespaces": namespaces}})["linux"]["namespaces"] == namespaces


@pytest.mark.parametrize("section", ["windows", "solaris", "zos", "freebsd"])
def test_sections_of_other_platforms_are_ignored(section: str) -> None:
    assert parse({section: {"anything": [1, 2]}})[section] == {"anything": [1, 2]}


def test_every_gap_is_found_not_just_the_first() -> None:
    shared = {"namespaces": [{"type": "user"}], **MAPS}
    config = make_config(rootless=False, linux=shared, hostname=None, vm={"kernel": {"path": "/k"}})

    found = [fault.message.partition(": ")[0].removeprefix("config.json#") for fault in find_unsupported(config)]

    assert found == ["/vm", "/linux/namespaces"]
