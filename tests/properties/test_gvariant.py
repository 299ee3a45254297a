"""GVariant texts, searched by hypothesis: what is written is read, and whatever else is told in one line."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runtime.cgroups import gvariant
from runtime.cgroups.gvariant import RANGES, TYPES

NAMES = {signature: name for name, signature in TYPES.items()}
Value = tuple[str, Any, str]  # the signature, the value, the text


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


STRINGS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.sampled_from(sorted(RANGES)).flatmap(
    lambda kind: st.integers(*RANGES[kind]).map(lambda number: (kind, number, f"{NAMES[kind]} {number}"))
)
BASIC = (
    NUMBERS
    | st.booleans().map(lambda truth: ("b", truth, str(truth).lower()))
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda number: ("d", number, f"double {number!r}"))
    | STRINGS.map(lambda text: ("s", text, _quoted(text)))
)


def _array(member: Value, count: int) -> Value:
    kind, value, text = member
    inner: Any = [value] * count
    return f"a{kind}", bytes(inner) if kind == "y" else inner, f"@a{kind} [{', '.join([text] * count)}]"


def _tuple(members: list[Value]) -> Value:
    kinds, values, texts = zip(*members, strict=True)
    return f"({''.join(kinds)})", tuple(values), f"({', '.join(texts)},)"


def _dictionary(key: Value, value: Value) -> Value:
    return f"a{{{key[0]}{value[0]}}}", {key[1]: value[1]}, f"{{{key[2]}: {value[2]}}}"


VALUES = st.recursive(
    BASIC,
    lambda inner: (
        st.builds(_array, inner, st.integers(0, 3))
        | st.lists(inner, min_size=1, max_size=3).map(_tuple)
        | st.builds(_dictionary, BASIC, inner)
        | inner.map(lambda value: ("v", value[:2], f"<{value[2]}>"))
    ),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read(value: Value) -> None:
    signature, expected, text = value
    assert gvariant.parse(text) == (signature, expected)
    assert gvariant.complete_types(signature) == [signature]


@given(st.text(st.sampled_from("@asbytenuix(){}[]<>'\"\\,:-+.0179e v\n")) | st.text())
def test_any_other_text_is_refused_in_one_line(text: str) -> None:
    try:
        signature, _ = gvariant.parse(text)
    except gvariant.BadText as reason:
        told = str(reason)
    else:
        told = f"it is of type {signature}"
        assert gvariant.complete_types(signature) == [signature]
    assert told
    assert "\n" not in told
