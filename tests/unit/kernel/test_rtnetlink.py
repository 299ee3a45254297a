"""Messages about network devices: attributes there and back."""

from __future__ import annotations

from _struct import pack

from hypothesis import given
from hypothesis import strategies as st

from runtime.kernel.rtnetlink import IFA_FLAGS, Address, attribute, parse_address, parse_attributes


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=5))
def test_attributes_are_read_as_they_were_written(attributes: list[tuple[int, bytes]]) -> None:
    data = b"".join(attribute(kind, value) for kind, value in attributes)
    assert len(data) % 4 == 0
    assert list(parse_attributes(data)) == attributes


@given(st.binary(max_size=60))
def test_anything_else_is_read_without_an_end_that_never_comes(data: bytes) -> None:
    assert all(len(value) <= len(data) for _, value in parse_attributes(data))


def test_an_address_has_its_long_flags_and_no_label() -> None:
    body = pack("=4BI", 2, 24, 0x80, 0, 7)
    body += attribute(1, b"\x0a\x00\x00\x01") + attribute(3, b"eth0\0") + attribute(IFA_FLAGS, pack("=I", 0x280))
    assert parse_address(body) == Address(7, 2, 24, 0, 0x280, ((1, b"\x0a\x00\x00\x01"),))
