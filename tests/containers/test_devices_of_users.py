"""Devices of config.json in a user namespace, whose root may make none: its maker does."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.containers import make_container_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.containers import Runf

pytestmark = pytest.mark.needs("root")

FIRST, SIZE = 100000, 1000
SHOW = "stat -c '%F %t:%T %u:%g %a' "


def asking(*devices: dict[str, Any]) -> Callable[[dict[str, Any]], object]:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"].append({"type": "user"})
        for name in ("uidMappings", "gidMappings"):
            config["linux"][name] = [{"containerID": 0, "hostID": FIRST, "size": SIZE}]
        config["linux"]["devices"] = list(devices)

    return change


def run(runf: Runf, bundle: Path, script: str, *devices: dict[str, Any]) -> str:
    (bundle / "rootfs").mkdir()
    os.chown(bundle / "rootfs", FIRST, FIRST)
    path = make_container_bundle(bundle, "sh", "-c", script, change=asking(*devices))
    return runf.ok("run", "-b", path, "one")


def test_one_that_the_host_lacks_is_there_with_its_owner_and_mode(runf: Runf, bundle: Path) -> None:
    asked = {"path": "/dev/foo", "type": "b", "major": 1, "minor": 5, "uid": 10, "gid": 11, "fileMode": 0o157}
    assert run(runf, bundle, f"{SHOW} /dev/foo", asked) == "block special file 1:5 10:11 157\n"


def test_one_that_the_host_has_is_the_containers_own(runf: Runf, bundle: Path) -> None:
    before = os.stat("/dev/null")
    asked = {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600}
    script = f"{SHOW} /dev/null /dev/zero; chmod 640 /dev/null; echo x >/dev/null && echo written"
    assert run(runf, bundle, script, asked).splitlines() == [
        "character special file 1:3 0:0 600",
        "character special file 1:5 65534:65534 666",
        "written",
    ]
    after = os.stat("/dev/null")
    assert (after.st_uid, stat.S_IMODE(after.st_mode)) == (before.st_uid, stat.S_IMODE(before.st_mode))


def test_nothing_of_how_they_were_made_is_left(runf: Runf, bundle: Path) -> None:
    asked = [
        {"path": "/dev/a", "type": "c", "major": 1, "minor": 3},
        {"path": "/dev/deep/er/b", "type": "c", "major": 1, "minor": 5},
        {"path": "/dev/fifo", "type": "p", "uid": 3},
    ]
    count = "grep -c '/ /dev .* tmpfs devices' /proc/self/mountinfo || true"
    script = f"{SHOW} /dev/a /dev/deep/er/b /dev/fifo; ls /dev; {count}"
    *nodes, last = run(runf, bundle, script, *asked).splitlines()
    assert nodes[:3] == [
        "character special file 1:3 0:0 666",
        "character special file 1:5 0:0 666",
        "fifo 0:0 3:0 666",
    ]
    assert {"a", "deep", "fifo", "null"} <= set(nodes[3:])
    assert not {"0", "6", "7", "8"} & set(nodes[3:])
    assert last == "0"


def test_an_owner_that_is_not_mapped_leaves_the_hosts_device(runf: Runf, bundle: Path) -> None:
    asked = {"path": "/dev/full", "type": "c", "major": 1, "minor": 7, "uid": SIZE}
    assert run(runf, bundle, f"{SHOW} /dev/full", asked) == "character special file 1:7 65534:65534 666\n"
