"""docs/security.md names tests that exist, and each attack of the list once at least."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
LIST = (REPOSITORY / "docs" / "security.md").read_text()
ATTACKS = (
    *("2016-9962", "2019-5736", "2019-14271", "2019-16884", "2019-18837", "2019-19921", "2021-30465", "2021-43784"),
    *("2022-27650", "2022-29162", "2023-25809", "2023-27561", "2023-28642", "2024-21626", "2024-45310", "2025-24965"),
    *("2025-31133", "2025-52565", "2025-52881", "2026-30892", "2026-41579", "2026-47766"),
)


@pytest.mark.parametrize("number", ATTACKS)
def test_every_attack_is_in_the_list(number: str) -> None:
    assert f"CVE-{number}" in LIST


@pytest.mark.parametrize(("path", "name"), sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", LIST))))
def test_every_test_of_the_list_exists(path: str, name: str) -> None:
    text = (REPOSITORY / path).read_text()
    assert not name or re.search(rf"^(?: *def {name}\(|class {name}:)", text, re.MULTILINE)
