"""Protocol Buffers as they are sent, so far as criu's messages need them.  Pure.

    message    field*                 in any order; of a field that may stand only once, the last one counts
    field      key value              key: number << 3 | type, as a varint
    type 0     varint                 seven bits a byte, lowest first, the high bit on all but the last: numbers
    type 1, 5  eight bytes, four      passed over: none of the fields that we read has them
    type 2     length bytes           texts, and messages in a message

Source: protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Value = int | str | bytes
    Fields = Mapping[int, int | bytes]

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_TYPE_BITS = 3
_VARINT_BITS = 64
_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}


class BadMessage(ValueError):
    """Bytes that are no message."""


def encode(fields: Iterable[tuple[int, Value]]) -> bytes:
    """A message of ``fields``, each a number and its value: an integer of 64 bits, a text, or a message's bytes."""
    written = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            written += _varint(number << _TYPE_BITS | VARINT) + _varint(value)
        else:
            content = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
            written += _varint(number << _TYPE_BITS | LENGTH) + _varint(len(content)) + content
    return bytes(written)


def _varint(value: int) -> bytes:
    value &= (1 << _VARINT_BITS) - 1  # a negative number is sent as the one of 64 bits with the same bits
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def decode(message: bytes) -> dict[int, int | bytes]:
    """Its fields by number: integers without a sign, and bytes.  BadMessage."""
    return dict(_fields(message))


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    place = 0
    while place < len(message):
        key, place = _read_varint(message, place)
        number, kind = key >> _TYPE_BITS, key & (1 << _TYPE_BITS) - 1
        if number == 0:
            raise BadMessage("a field without a number")
        if kind == VARINT:
            value, place = _read_varint(message, place)
            yield number, value
            continue
        if kind == LENGTH:
            size, place = _read_varint(message, place)
        elif kind in _FIXED_BYTES:
            size = _FIXED_BYTES[kind]
        else:
            raise BadMessage(f"field {number} is of the unknown type {kind}")
        if size > len(message) - place:
            raise BadMessage(f"field {number} is cut off")
        if kind == LENGTH:
            yield number, message[place : place + size]
        place += size


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    """The number, and the place after it."""
    value = 0
    for shift in range(0, _VARINT_BITS, 7):
        if place == len(message):
            raise BadMessage("a number is cut off")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << _VARINT_BITS) - 1, place
    raise BadMessage("a number has more than 64 bits")


def integer(fields: Fields, number: int) -> int | None:
    """The field as a number with a sign; None: it isn't there.  BadMessage: it is no number."""
    value = fields.get(number)
    if value is None:
        return None
    if not isinstance(value, int):
        raise BadMessage(f"field {number} is no number")
    return value - (1 << _VARINT_BITS) if value >> _VARINT_BITS - 1 else value


def content(fields: Fields, number: int) -> bytes | None:
    """The bytes of the field, a message or a text; None: it isn't there.  BadMessage: it is a number."""
    value = fields.get(number)
    if isinstance(value, int):
        raise BadMessage(f"field {number} is a number")
    return value


def text(fields: Fields, number: int) -> str:
    """The field as text, empty where it isn't there.  BadMessage: it is a number."""
    return (content(fields, number) or b"").decode("utf-8", "replace")
