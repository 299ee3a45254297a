"""Every breach of a schema is told, with its place and in the words of the generated validators."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.explain import explain
from tests.support.bundles import make_config
from tests.support.records import first_record


def told(name: str, document: Any) -> list[str]:
    return [f"{breach.pointer}: {breach.words}" for breach in explain(name, document)]


def test_a_valid_document_has_nothing_to_explain() -> None:
    assert told("config", make_config()) == []
    assert told("state", first_record()) == []


def test_each_breach_is_told_in_the_order_of_the_document() -> None:
    config = make_config(rootless=False, process={"cwd": 3, "user": {"uid": -1}, "args": None})
    config["mounts"] = [{"destination": f"/{index}"} for index in range(11)]
    config["mounts"][2]["options"] = ["ro", 7]  # type: ignore[list-item]
    config["mounts"][10] = {}  # type: ignore[typeddict-item]

    assert told("config", config) == [
        "/mounts/2/options/1: must be a string",
        "/mounts/10: lacks destination",
        "/process: lacks args",
        "/process/cwd: must be a string",
        "/process/user/uid: must be at least 0",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"generation": 0}, "/generation: must be at least 1"),
        ({"pid": 4194305}, "/pid: must be at most 4194304"),
        ({"status": "gone"}, '/status: must be "creating" or "created" or "running" or "paused" or "stopped"'),
        ({"schemaVersion": "2.0"}, '/schemaVersion: must be "1.0"'),
        ({"instance": "x"}, "/instance: must match ^[0-9a-f]{32}$"),
        ({"fault": 3}, "/fault: must be a string or null"),
        ({"annotations": {"a/b": 1}}, "/annotations/a~1b: must be a string"),
    ],
)
def test_a_breach_is_told_in_words(changes: dict[str, Any], words: str) -> None:
    assert told("state", {**first_record(), **changes}) == [words]


def test_of_alternatives_the_closest_one_is_explained() -> None:
    process = {**(first_record()["maker"] or {}), "pid": 0}

    assert told("state", {**first_record(), "process": process}) == ["/process/pid: must be at least 1"]


def test_a_missing_member_is_named() -> None:
    breach, other = explain("config", {"ociVersion": "1.0.0"})

    assert (breach.place, {breach.missing, other.missing}) == ((), {"root", "process"})


def test_what_is_told_is_one_line() -> None:
    (line,) = told("state", {**first_record(), "annotations": {"a": "b"}, "extra\nline": 1})

    assert "\n" not in line
