"""What only an ordinary user meets: ids that /etc/subuid grants, and those that nobody granted."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.containers import make_container_bundle
from tests.support.needs import needs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.containers import Runf

OTHER = 1000  # an id inside that isn't the first


def subordinates(kind: str) -> tuple[int, int]:
    """The first granted range of ``kind``, subuid or subgid: its start and its size (subuid(5))."""
    own = (pwd.getpwuid(os.geteuid()).pw_name, str(os.geteuid()))
    lines = [line.split(":") for line in Path(f"/etc/{kind}").read_text().splitlines()]
    start, size = next((start, size) for owner, start, size in lines if owner in own)
    return int(start), int(size)


def mapped(shift: int = 0) -> Callable[[dict[str, Any]], None]:
    """Ourselves as root, and behind it all that was granted, from ``shift`` ids further on."""

    def change(config: dict[str, Any]) -> None:
        for kind, own in (("uid", os.geteuid()), ("gid", os.getegid())):
            start, size = subordinates(f"sub{kind}")
            config["linux"][f"{kind}Mappings"] = [
                {"containerID": 0, "hostID": own, "size": 1},
                {"containerID": 1, "hostID": start + shift, "size": size},
            ]
        config["process"]["user"] = {"uid": OTHER, "gid": OTHER}

    return change


@needs("subordinate ids")
def test_a_program_runs_as_one_of_the_granted_ids(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sh", "-c", "id -u; id -g; cat /proc/self/uid_map", change=mapped())
    uid, gid, *id_map = runf.ok("run", "-b", path, "one").splitlines()
    assert (uid, gid) == (str(OTHER), str(OTHER))
    assert [line.split() for line in id_map] == [
        ["0", str(os.geteuid()), "1"],
        ["1", *map(str, subordinates("subuid"))],
    ]


@needs("subordinate ids")
def test_a_container_of_granted_ids_lives_as_any_other(runf: Runf, bundle: Path) -> None:
    runf.ok("create", "-b", make_container_bundle(bundle, "sleep", "1000", change=mapped()), "one")
    assert runf.state("one")["status"] == "created"
    runf.ok("start", "one")
    state = runf.state("one")
    assert (state["status"], state["verified"]) == ("running", True)
    assert os.stat(f"/proc/{state['pid']}").st_uid == subordinates("subuid")[0] + OTHER - 1
    assert runf("delete", "one").returncode == 1
    runf.ok("delete", "--force", "one")
    assert "does not exist" in runf("state", "one").stderr


@needs("subordinate ids")
def test_ids_that_nobody_granted_are_refused_and_nothing_is_left(runf: Runf, bundle: Path) -> None:
    refused = runf("run", "-b", make_container_bundle(bundle, "true", change=mapped(shift=1)), "one")
    assert refused.returncode == 1
    last = refused.stderr.splitlines()[-1]
    assert "uidMappings: newuidmap refused them; /etc/subuid must grant these ids to you" in last
    assert runf.ok("list", "-q") == ""
