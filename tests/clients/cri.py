"""The Kubernetes container runtime interface (runtime.v1), as much of it as the tests call.

A message is a mapping from field numbers to values: an int is a varint, text and bytes and mappings are what has a
length, a list is a repeated field.  Answers are read likewise, each field as the list of its values.
Source: protobuf's encoding guide; kubernetes/cri-api, pkg/apis/runtime/v1/api.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE = "/runtime.v1.RuntimeService/"
IMAGES = "/runtime.v1.ImageService/"
_VARINT, _LENGTH = 0, 2


def encode(message: Mapping[int, Any]) -> bytes:
    """The message as it is sent."""
    return b"".join(_field(number, value) for number, value in message.items())


def _field(number: int, value: Any) -> bytes:
    if isinstance(value, list):
        return b"".join(_field(number, each) for each in value)
    if isinstance(value, int):
        return _varint(number << 3 | _VARINT) + _varint(value)
    if isinstance(value, str):
        value = value.encode()
    elif not isinstance(value, bytes):
        value = encode(value)
    return _varint(number << 3 | _LENGTH) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def decode(message: bytes) -> dict[int, list[Any]]:
    """The fields of an answer; what has a length stays bytes, since only the reader knows what it is."""
    found: dict[int, list[Any]] = {}
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        value: Any
        value, at = _read_varint(message, at)
        if key & 7 == _LENGTH:
            value, at = message[at : at + value], at + value
        elif key & 7 != _VARINT:
            raise ValueError(f"the wire type of field {key >> 3} is {key & 7}")
        found.setdefault(key >> 3, []).append(value)
    return found


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


class Cri:
    """A connection to the service on a Unix socket."""

    def __init__(self, socket: str) -> None:
        import grpc  # from an extra: only these tests need it

        self._channel = grpc.insecure_channel(f"unix:{socket}")

    def __call__(self, method: str, message: Mapping[int, Any], *, service: str = SERVICE) -> dict[int, list[Any]]:
        """The answer; grpc.RpcError tells a failure."""
        call = self._channel.unary_unary(service + method)
        return decode(call(encode(message), timeout=120))

    def close(self) -> None:
        self._channel.close()
