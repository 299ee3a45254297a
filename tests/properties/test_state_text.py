"""What is read off a record's text is what decoding and validating it would tell."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtime import jsontext
from runtime.glance import WANTED, glance, places
from runtime.store import record as records
from schemas.generated.state_text import GROUPS, PATTERN
from schemas.texts import RECORD
from tests.properties.test_state_validator import FULL, mutated_records, refusal_of, state
from tests.support.records import first_record

MATCH = re.compile(PATTERN).fullmatch
TEXT = records.serialize(FULL).decode()  # type: ignore[arg-type]
SIMPLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='"\\'), max_size=8)


def read_off(text: str) -> dict[str, Any] | None:
    """The groups as values; None where the text doesn't match."""
    found = MATCH(text)
    if found is None:
        return None
    texts = dict(zip(GROUPS, found.groups(), strict=True))
    return {name: text if text is None or is_string(name) else json.loads(text) for name, text in texts.items()}


def is_string(name: str) -> bool:
    return name in ("id", "status", "bundle", "created", "owner", "instance", "process/bootId")


def told(document: dict[str, Any]) -> dict[str, Any]:
    """The same members of the document."""

    def member(name: str) -> Any:
        outer, is_inner, inner = name.partition("/")
        return (document[outer] or {}).get(inner) if is_inner else document[outer]

    return {name: member(name) for name in GROUPS}


def check(text: str) -> bool:
    """Whether it matches; then it is valid, and tells what its document does."""
    found = read_off(text)
    if found is None:
        return False
    document: Any = records.parse(text.encode(), None)
    assert found == told(document)
    assert text == f"{jsontext.render(document)}\n"  # as a query would print it
    return True


def test_the_full_record_is_read_off() -> None:
    assert check(TEXT)


def test_members_are_in_the_order_in_which_they_are_written() -> None:
    assert tuple(first_record()) == RECORD


@given(mutated_records())
@example({**FULL, "annotations": {}, "execs": [], "transitions": []})
def test_what_matches_is_valid(document: Any) -> None:
    is_read = check(jsontext.render(document) + "\n")
    if is_read:
        assert refusal_of(state.validate, document) is None


@given(st.integers(0, len(TEXT) - 1), st.integers(0, 4), st.text(max_size=3) | st.sampled_from(list('",{}[]\n0')))
@example(TEXT.index('"transitions"') - 4, 1, "")
def test_a_text_that_was_changed_anywhere_is_judged_as_by_decoding(place: int, length: int, other: str) -> None:
    check(TEXT[:place] + other + TEXT[place + length :])


@given(st.integers(0, len(TEXT) - 1), st.integers(0, len(TEXT) - 1), st.integers(0, len(TEXT) - 1))
def test_a_text_with_a_part_of_itself_anywhere_is_judged_as_by_decoding(place: int, begin: int, end: int) -> None:
    check(TEXT[:place] + TEXT[begin:end] + TEXT[place:])


@given(st.dictionaries(SIMPLE, SIMPLE, max_size=4), SIMPLE, st.integers(0, 199), st.integers(1, 3_999_999))
def test_what_is_usual_is_read_off(annotations: dict[str, str], name: str, code: int, pid: int) -> None:
    document: Any = {
        **FULL,
        "annotations": annotations,
        "bundle": f"/{name}",
        "exit": {"code": code, "signal": None, "oomKilled": False},
        "maker": {**FULL["process"], "pid": pid},
    }
    assert check(records.serialize(document).decode())


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("annotations", {"a": "\n"}),
        ("annotations", {'"': ""}),
        ("owner", "ö"),
        ("bundle", "/a\\b"),
        ("generation", 10**18),
        ("exit", {"code": 255, "signal": None, "oomKilled": None}),
    ],
)
def test_what_is_unusual_is_left_to_the_decoder(member: str, value: object) -> None:
    document: Any = {**FULL, member: value}
    assert MATCH(records.serialize(document).decode()) is None


@pytest.mark.parametrize("wrong", ["\t", "\n", "\x00", "\x7f", "é", "\\", '"'])
def test_no_character_that_must_be_escaped_passes(wrong: str) -> None:
    for place in ('"owner": "', '"bundle": "/', '"annotations": {\n    "', '"cpu": "/'):
        assert place in TEXT
        text = TEXT.replace(place, place + wrong)
        assert MATCH(text) is None


def test_a_glance_takes_what_it_wants() -> None:
    found = glance(MATCH, places(GROUPS), TEXT.encode())
    assert found is not None
    assert dict(zip(WANTED, found, strict=True)) == {
        name: value if isinstance(value, str) else jsontext.render(value, "    " if "/" in name else "  ")
        for name, value in told(FULL).items()
        if name in WANTED
    }


def test_of_a_text_that_does_not_match_there_is_no_glance() -> None:
    assert glance(MATCH, places(GROUPS), "é".encode()) is None
    assert glance(MATCH, places(GROUPS), TEXT.encode()[1:]) is None
