"""Lists of CPUs and memory nodes."""

from __future__ import annotations

import pytest

from runtime.kernel.lists import parse_list


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("", ()), ("0", (0,)), ("0-3,7", (0, 1, 2, 3, 7)), ("7,0-1,1", (0, 1, 7)), (" 2 , 4-5", (2, 4, 5)), ("9", (9,))],
)
def test_a_list_is_numbers_and_ranges(text: str, numbers: tuple[int, ...]) -> None:
    assert parse_list(text, limit=10) == numbers


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a", "a is no number"),
        ("1,,2", "nothing is no number"),
        ("-3", "nothing is no number"),
        ("1-", "nothing is no number"),
        ("1-2-3", "2-3 is no number"),
        ("3-1", "3-1 runs backwards"),
        ("10", "10 is too large: 9 is the most"),
        ("0-" + "9" * 5000, "9" * 5000 + " is too large: 9 is the most"),
        ("٣", "٣ is no number"),
    ],
)
def test_anything_else_is_told(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        parse_list(text, limit=10)
