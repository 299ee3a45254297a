"""What options of exec make of the container's own process."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.errors import UsageFault
from runtime.spec.process_options import Changes, change_process
from tests.support.bundles import make_config

OWN = make_config(
    ["own"],
    rootless=False,
    process={
        "env": ["PATH=/bin", "A=1"],
        "cwd": "/srv",
        "user": {"uid": 5, "gid": 6, "additionalGids": [7]},
        "capabilities": {
            "bounding": ["CAP_CHOWN"],
            "inheritable": ["CAP_CHOWN"],
            **dict.fromkeys(("effective", "permitted", "ambient")),
        },
        "noNewPrivileges": False,
        "terminal": True,
    },
)


def changed(**members: Any) -> dict[str, Any]:
    """The process that these changes make."""
    found = change_process(OWN, Changes(args=("true",), **members), terminal=False)
    return dict(found["process"])


def test_without_changes_all_but_the_program_and_the_terminal_is_the_containers() -> None:
    assert changed() == {**OWN["process"], "args": ["true"], "terminal": False}


def test_the_containers_own_process_is_left_as_it_is() -> None:
    before = str(OWN)
    changed(env=("A=2",), user="1:2", additional_gids=("9",), capabilities=("CAP_KILL",), cwd="/")
    assert str(OWN) == before


def test_the_last_value_of_a_variable_counts_and_keeps_its_place() -> None:
    assert changed(env=("B=1", "A=2", "B=2", "E="))["env"] == ["PATH=/bin", "A=2", "B=2", "E="]


@pytest.mark.parametrize(
    ("user", "ids"), [("1", (1, 6)), ("1:2", (1, 2)), ("0:0", (0, 0)), ("4294967294", (4294967294, 6))]
)
def test_a_user_is_a_number_and_a_group_only_if_named(user: str, ids: tuple[int, int]) -> None:
    found = changed(user=user)["user"]
    assert (found["uid"], found["gid"], found["additionalGids"]) == (*ids, [7])


@pytest.mark.parametrize("user", ["", ":", "1:", ":1", "root", "-1", "1:-1", "1:2:3", "4294967295", " 1", "1 ", "٣"])
def test_anything_else_is_no_user(user: str) -> None:
    with pytest.raises(UsageFault, match="is no number of a user or group"):
        changed(user=user)


def test_groups_are_added_to_those_that_are_there() -> None:
    assert changed(additional_gids=("8", "9"))["user"]["additionalGids"] == [7, 8, 9]


def test_a_capability_is_given_but_never_inherited() -> None:
    found = changed(capabilities=("CAP_KILL",))["capabilities"]
    assert found == {
        "bounding": ["CAP_CHOWN", "CAP_KILL"],
        "effective": ["CAP_KILL"],
        "permitted": ["CAP_KILL"],
        "inheritable": ["CAP_CHOWN"],
    }


def test_labels_and_privileges_are_taken() -> None:
    found = changed(no_new_privs=True, apparmor="a", label="b")
    assert (found["noNewPrivileges"], found["apparmorProfile"], found["selinuxLabel"]) == (True, "a", "b")


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"cwd": "srv"}, '--cwd "srv" is not absolute'),
        ({"env": ("A",)}, '--env "A" has no name and value'),
        ({"capabilities": ("KILL",)}, '--cap "KILL" is no capability'),
    ],
)
def test_what_is_wrong_is_told_by_its_option(members: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageFault, match=told):
        changed(**members)


def test_a_program_has_to_be_named() -> None:
    with pytest.raises(UsageFault, match="no program is named"):
        change_process(OWN, Changes(), terminal=False)
