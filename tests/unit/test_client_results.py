"""The table of what passed with real clients survives a run of some cases alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.clients.results import FAILS, PASSES, Results

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = ("podman", "one `a`"), ("Docker", "two")
SKIPPED = "- needs a thing, and another: so"


def test_what_is_written_is_read_and_written_again(tmp_path: Path) -> None:
    table = tmp_path / "results.md"
    first = Results()
    first.found = {ONE: {"runf": PASSES, "runc": SKIPPED}, TWO: {"runf": FAILS, "runc": PASSES}}
    first.write(table)
    whole = table.read_text()
    Results().write(table)
    assert table.read_text() == whole
    assert ("1 of 1 cases pass" in whole, "needs a thing, and another: so" in whole) == (True, True)


def test_a_case_that_was_tried_again_is_replaced_alone(tmp_path: Path) -> None:
    table = tmp_path / "results.md"
    first, second = Results(), Results()
    first.found = {ONE: {"runf": PASSES, "runc": SKIPPED}, TWO: {"runf": FAILS, "runc": PASSES}}
    first.write(table)
    second.found = {TWO: {"runf": PASSES, "runc": PASSES}}
    second.write(table)
    lines = table.read_text().splitlines()
    assert "| two | passes | passes | - |" in lines
    assert "| one `a` | passes | - [1] | - |" in lines
