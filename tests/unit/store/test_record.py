"""Texts and records: the newest text is not taken apart again."""

import pytest

from runtime.errors import BadRecord
from runtime.store.record import parse, serialize
from tests.support.records import first_record


def test_what_was_just_written_or_read_is_the_same_record() -> None:
    record = first_record()
    text = serialize(record)
    assert parse(bytes(bytearray(text)), "web") is record
    other = parse(text + b"\n", "web")
    assert other == record
    assert other is not record
    assert parse(text + b"\n", "web") is other


def test_it_is_refused_under_another_name_all_the_same() -> None:
    text = serialize(first_record())
    with pytest.raises(BadRecord):
        parse(text, "other")


def test_a_text_that_was_refused_is_refused_again() -> None:
    for _ in range(2):
        with pytest.raises(BadRecord):
            parse(b"{}", "web")
