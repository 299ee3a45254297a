"""Commands that mean several containers by a regular expression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.containers import make_container_bundle, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.containers import Runf


@pytest.fixture
def three(runf: Runf, bundle: Path) -> Runf:
    """web-1 and web-2, created, and db."""
    for name in ("web-1", "web-2", "db"):
        place = bundle / name
        place.mkdir()
        runf.ok("create", "-b", make_container_bundle(place, "sleep", "600"), name)
    return runf


def ids(runf: Runf) -> list[str]:
    return runf.ok("list", "--quiet").split()


def test_all_that_match_are_deleted(three: Runf) -> None:
    three.ok("delete", "--force", "--regex", "^web-")
    assert ids(three) == ["db"]
    three.ok("delete", "--regex", "^nothing")


def test_all_that_match_are_signalled(three: Runf) -> None:
    three.ok("kill", "--regex", "web-[12]", "KILL")
    for name in ("web-1", "web-2"):
        wait_until(lambda name=name: three.state(name)["status"] == "stopped", "its end")  # type: ignore[misc]
    assert three.state("db")["status"] == "created"


def test_one_that_cannot_be_deleted_keeps_no_other(three: Runf) -> None:
    three.ok("kill", "web-2", "KILL")
    wait_until(lambda: three.state("web-2")["status"] == "stopped", "its end")
    refused = three("delete", "--regex", "web")
    assert refused.returncode == 1
    assert 'cannot delete container "web-1": it is created' in refused.stderr
    assert ids(three) == ["db", "web-1"]


def test_what_is_no_expression_is_told(runf: Runf) -> None:
    refused = runf("delete", "--regex", "web-(")
    assert (refused.returncode, refused.stderr.startswith('runf: "web-(" is no regular expression: ')) == (1, True)
