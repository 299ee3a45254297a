"""docs/reliability.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reliability.md"


def test_each_promise_names_a_test_that_is_there() -> None:
    named = re.findall(r"`([a-z_/]+\.py)::(\w+)`", PAGE.read_text())
    assert len(named) > 40, "the page has another form, and this test reads nothing"
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not re.search(rf"^(?:    )?(?:def|class) {name}\b", (TESTS / path).read_text(), re.MULTILINE)
    ]
    assert missing == []
