"""What is valid and not built is refused by name and place, never passed over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.errors import Unsupported
from runtime.spec.bundle import parse_config
from runtime.spec.unsupported import GAPS
from tests.support.bundles import make_config

ONE_ID = [{"containerID": 0, "hostID": 1000, "size": 1}]
BIND = {"destination": "/a", "source": "/b", "options": ["bind"]}

ASKED_FOR: list[tuple[str, dict[str, Any]]] = [
    ("/vm", {"vm": {"kernel": {"path": "/k"}}}),
    ("/process/apparmorProfile", {"process": {"apparmorProfile": "p"}}),
    ("/process/selinuxLabel", {"process": {"selinuxLabel": "l"}}),
    ("/process/scheduler", {"process": {"scheduler": {"policy": "SCHED_OTHER"}}}),
    ("/process/ioPriority", {"process": {"ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 0}}}),
    ("/process/execCPUAffinity", {"process": {"execCPUAffinity": {"initial": "0"}}}),
    ("/mounts/1/uidMappings", {"mounts": [BIND, {**BIND, "uidMappings": ONE_ID, "gidMappings": ONE_ID}]}),
    ("/mounts/0/gidMappings", {"mounts": [{**BIND, "gidMappings": ONE_ID}]}),
    ("/mounts/0/options/1", {"mounts": [{**BIND, "options": ["bind", "ridmap"]}]}),
    ("/mounts/0/options/0", {"mounts": [{**BIND, "options": ["idmap", "bind"]}]}),
    ("/linux/seccomp", {"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}}),
    ("/linux/mountLabel", {"linux": {"mountLabel": "l"}}),
    ("/linux/intelRdt", {"linux": {"intelRdt": {}}}),
    ("/linux/netDevices", {"linux": {"netDevices": {"eth0": {}}}}),
    ("/linux/memoryPolicy", {"linux": {"memoryPolicy": {"mode": "MPOL_LOCAL"}}}),
    ("/linux/personality", {"linux": {"personality": {"domain": "LINUX32"}}}),
    ("/linux/timeOffsets", {"linux": {"timeOffsets": {"boottime": {"secs": 1}}}}),
    ("/linux/namespaces", {"hostname": None, "linux": {"namespaces": [{"type": "pid"}]}}),
    ("/linux/namespaces", {"hostname": None, "linux": {"namespaces": [{"type": "mount", "path": "/proc/7/ns/mnt"}]}}),
]


def parse(changes: dict[str, Any]) -> Any:
    return parse_config(json.dumps(make_config(rootless=False, **changes)).encode(), "/bundle")


@pytest.mark.parametrize(("pointer", "changes"), ASKED_FOR)
def test_a_gap_is_refused_with_its_pointer_and_a_way_out(pointer: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Unsupported) as caught:
        parse(changes)

    assert caught.value.message.startswith(f"config.json#{pointer}: ")
    assert "not supported" in caught.value.message
    assert caught.value.hint


def test_every_gap_of_the_table_is_tried() -> None:
    tried = {tuple("*" if part.isdigit() else part for part in pointer.split("/")[1:]) for pointer, _ in ASKED_FOR}

    assert {gap.path for gap in GAPS} <= tried


@pytest.mark.parametrize(
    "changes",
    [
        {"process": {"apparmorProfile": "", "selinuxLabel": ""}},
        {"linux": {"mountLabel": "", "netDevices": {}, "timeOffsets": {}}},
        {"mounts": [{**BIND, "uidMappings": []}]},
        {"vm": {}},
    ],
)
def test_an_empty_value_asks_for_nothing(changes: dict[str, Any]) -> None:
    assert parse(changes)["ociVersion"]


@pytest.mark.parametrize("section", ["windows", "solaris", "zos", "freebsd"])
def test_sections_of_other_platforms_are_ignored(section: str) -> None:
    assert parse({section: {"anything": [1, 2]}})[section] == {"anything": [1, 2]}
