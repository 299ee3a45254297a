"""runtime.jsontext and the standard library's json agree on every text and every value."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runtime import jsontext

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def standard_decode(text: str) -> Any:
    def refuse(name: str) -> Any:
        raise ValueError(name)

    def number(digits: str) -> float:
        value = float(digits)
        if value in (float("inf"), float("-inf")):
            raise ValueError(digits)
        return value

    return json.loads(text, parse_constant=refuse, parse_float=number)


@given(VALUES)
def test_every_value_survives_writing_and_reading(value: Any) -> None:
    assert jsontext.decode(jsontext.encode(value)) == value
    assert jsontext.decode(jsontext.render(value)) == value


@given(st.text(alphabet='{}[]",:0123456789.eE+-truefalsn \n\t\\u\x00é', max_size=40))
def test_every_text_gets_the_standard_verdict(text: str) -> None:
    try:
        expected = standard_decode(text)
    except (ValueError, RecursionError):
        expected = jsontext.BadJson
    try:
        found = jsontext.decode(text)
    except jsontext.BadJson:
        found = jsontext.BadJson
    assert found == expected
