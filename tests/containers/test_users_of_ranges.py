"""What only exists with user namespaces: ranges of ids for an ordinary user, and flags that can't be taken off."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime.spec.default import default_config
from tests.support import containers
from tests.support.containers import Runf, make_container_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

PYTHON = "/usr/bin/python3"  # one that every user may execute
USER = 65534
RANGE = 200000
# /etc/subuid as the test wants it, for a user without any rights; $0 is the test's place, $1 the user
AS_USER = """
mount --bind "$0/subuid" /etc/subuid && mount --bind "$0/subgid" /etc/subgid || exit 99
shift && exec setpriv --reuid $0 --regid $0 --clear-groups "$@"
"""


class RunfOfUser(Runf):
    """The command line for ``USER``, who has the ranges of ids that the test says."""

    def __init__(self, place: Path, granted: str) -> None:
        for name in ("subuid", "subgid"):
            (place / name).write_text(granted)
        script = AS_USER.replace("shift && ", "").replace("$0 --regid $0", f"{USER} --regid {USER}")
        super().__init__(place, ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, str(place)))
        self.is_rootless = True

    def argv(self, *words: str) -> list[str]:
        own = [PYTHON, *containers.COMMAND[1:]]
        return [*self.prefix, "env", f"XDG_RUNTIME_DIR={self.place}", *own, "--root", str(self.root), *words]


def make_bundle(place: Path, script: str, **user: Any) -> str:
    config: dict[str, Any] = dict(
        default_config(rootless=True, uid=USER, gid=USER, host_userland=True, args=("sh", "-c", script), terminal=False)
    )
    for name in ("uidMappings", "gidMappings"):
        config["linux"][name] = [
            {"containerID": 0, "hostID": USER, "size": 1},
            {"containerID": 1, "hostID": RANGE, "size": 100},
        ]
    config["process"]["user"] = {"uid": 5, "gid": 6, **user}
    (place / "rootfs").mkdir(exist_ok=True)
    (place / "config.json").write_text(json.dumps(config))
    for path in (place, place / "rootfs", place.parent):
        os.chown(path, USER, USER)
    return str(place)


needs_ranges = pytest.mark.needs("root", "program:newuidmap", "program:setpriv", f"file:{PYTHON}", "user namespaces")


@needs_ranges
def test_an_ordinary_user_has_the_ranges_that_are_granted(runf: Runf, bundle: Path) -> None:
    path = make_bundle(bundle, "id -u; id -G; cat /proc/self/uid_map", additionalGids=[7])
    found = RunfOfUser(runf.place, f"{USER}:{RANGE}:100\n").ok("run", "-b", path, "one").split()
    assert found == ["5", "6", "7", "0", str(USER), "1", "1", str(RANGE), "100"]


@needs_ranges
def test_a_range_that_is_not_granted_is_an_error(runf: Runf, bundle: Path) -> None:
    refused = RunfOfUser(runf.place, f"{USER}:{RANGE}:10\n")("run", "-b", make_bundle(bundle, "true"), "one")
    assert refused.returncode == 1
    assert "config.json#/linux/uidMappings: newuidmap refused them; /etc/subuid must grant these ids" in refused.stderr
    assert not (runf.root / "one").exists()


WORDS = {"nosuid": "suid", "nodev": "dev", "noexec": "exec", "ro": "rw"}


@pytest.fixture
def flagged() -> tuple[str, set[str]]:
    """A mount of the host, and those of its flags that take rights away."""
    with open("/proc/self/mountinfo") as lines:
        for fields in (line.split() for line in lines):
            flags = set(fields[5].split(",")) & set(WORDS)
            if flags and os.path.isdir(fields[4]) and os.access(fields[4], os.R_OK | os.X_OK):
                return fields[4], flags
    pytest.skip("no mount of this machine is nosuid, nodev, noexec or ro")


def binding(source: str, *options: str) -> Callable[[dict[str, Any]], object]:
    entry = {"destination": "/v", "type": "bind", "source": source, "options": ["rbind", *options]}
    return lambda config: config["mounts"].append(entry)


@pytest.mark.needs("an ordinary user")
@pytest.mark.parametrize("options", [(), ("nosymfollow",)])
def test_flags_that_the_host_has_set_stay_in_a_user_namespace(
    runf: Runf, bundle: Path, flagged: tuple[str, set[str]], options: tuple[str, ...]
) -> None:
    source, flags = flagged
    script = "grep ' /v ' /proc/self/mountinfo | head -1 | cut -d' ' -f6"
    path = make_container_bundle(bundle, "sh", "-c", script, change=binding(source, *options))
    assert {*flags, *options} <= set(runf.ok("run", "-b", path, "one").strip().split(","))


@pytest.mark.needs("an ordinary user")
def test_to_take_off_a_flag_that_the_host_has_set_is_an_error(
    runf: Runf, bundle: Path, flagged: tuple[str, set[str]]
) -> None:
    source, flags = flagged
    for flag in flags:
        path = make_container_bundle(bundle, "true", change=binding(source, WORDS[flag]))
        refused = runf("run", "-b", path, "one")
        assert refused.returncode == 1
        assert ": bind on /v: mount_setattr(" in refused.stderr
        assert refused.stderr.endswith("Operation not permitted\n")
