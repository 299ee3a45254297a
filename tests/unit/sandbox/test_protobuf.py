"""The messages that criu speaks, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.sandbox import protobuf
from runtime.sandbox.protobuf import BadMessage, decode, encode

NUMBERS = st.integers(1, (1 << 29) - 1)
VALUES = st.one_of(st.integers(0, (1 << 64) - 1), st.binary(max_size=300))


@given(st.dictionaries(NUMBERS, VALUES, max_size=8))
def test_what_is_written_is_read_again(fields: dict[int, int | bytes]) -> None:
    assert decode(encode(fields.items())) == fields


@given(st.binary(max_size=64))
def test_any_bytes_are_a_message_or_are_refused(message: bytes) -> None:
    try:
        fields = decode(message)
    except BadMessage:
        return
    assert all(number > 0 for number in fields)


@given(st.dictionaries(NUMBERS, VALUES, min_size=1, max_size=4), st.data())
def test_a_message_that_is_cut_off_within_a_field_is_refused(
    fields: dict[int, int | bytes], data: st.DataObject
) -> None:
    *others, last = fields.items()
    whole, kept = encode([*others, last]), len(encode(others))
    with pytest.raises(BadMessage, match="is cut off"):
        decode(whole[: data.draw(st.integers(kept + 1, len(whole) - 1))])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([(1, 150)], "089601"),  # the example of the encoding's description
        ([(2, "testing")], "120774657374696e67"),  # another one
        ([(3, b"\x08\x96\x01")], "1a03089601"),
        ([(1, True), (16, 0)], "0801800100"),
        ([(1, -2)], "08feffffffffffffffff01"),
    ],
)
def test_fields_are_written_as_they_are_elsewhere(fields: list[tuple[int, int | str | bytes]], message: str) -> None:
    assert encode(fields).hex() == message


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("08", "a number is cut off"),
        ("0880", "a number is cut off"),
        ("80", "a number is cut off"),
        ("08" + "ff" * 10 + "01", "more than 64 bits"),
        ("0000", "a field without a number"),
        ("12", "a number is cut off"),
        ("1203aabb", "field 2 is cut off"),
        ("12ffffffffffffffffff01", "field 2 is cut off"),
        ("0d010203", "field 1 is cut off"),
        ("0901020304050607", "field 1 is cut off"),
        ("0b", "field 1 is of the unknown type 3"),
        ("0f", "field 1 is of the unknown type 7"),
    ],
)
def test_what_is_no_message_is_refused(message: str, told: str) -> None:
    with pytest.raises(BadMessage, match=told):
        decode(bytes.fromhex(message))


def test_fields_of_other_sizes_are_passed_over() -> None:
    assert decode(bytes.fromhex("0d01020304" + "110102030405060708" + "1805")) == {3: 5}


def test_the_last_of_two_counts() -> None:
    assert decode(encode([(1, 2), (1, 3)])) == {1: 3}


def test_a_field_is_read_as_what_it_is() -> None:
    fields = decode(encode([(1, -1), (2, "größe"), (3, b"\xff")]))
    assert protobuf.integer(fields, 1) == -1
    assert protobuf.text(fields, 2) == "größe"
    assert protobuf.text(fields, 3) == "\ufffd"
    assert (protobuf.integer(fields, 9), protobuf.content(fields, 9), protobuf.text(fields, 9)) == (None, None, "")
    with pytest.raises(BadMessage, match="field 2 is no number"):
        protobuf.integer(fields, 2)
    for read in (protobuf.text, protobuf.content):
        with pytest.raises(BadMessage, match="field 1 is a number"):
            read(fields, 1)
