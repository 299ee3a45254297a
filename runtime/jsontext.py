"""JSON text to values and back, without the ``json`` package.

``json`` imports ``re``, which costs 0.9 of a bare interpreter start; its C scanner and C encoder live in
``_json`` and need neither.  Both halves are held equal to the package by a property test.
"""

from __future__ import annotations

from _json import encode_basestring_ascii, make_encoder, make_scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WHITESPACE = " \t\n\r"


class BadJson(ValueError):
    """The text is not one JSON value (RFC 8259); the message says where."""


def _refuse_constant(name: str) -> Any:
    raise BadJson(f"{name} is not JSON")


def _parse_float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise BadJson(f"{text} is too large a number")
    return number


class _ScannerSettings:
    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = staticmethod(_parse_float)
    parse_int = int
    parse_constant = staticmethod(_refuse_constant)
    memo: dict[str, str] = {}


_scan = make_scanner(_ScannerSettings())  # type: ignore[arg-type]


def _refuse_value(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} has no JSON form")


_encode = make_encoder(None, _refuse_value, encode_basestring_ascii, None, ":", ",", False, False, False)
_encode_wide = make_encoder(None, _refuse_value, encode_basestring_ascii, None, ": ", ", ", False, False, False)


def _skip_whitespace(text: str, position: int) -> int:
    while position < len(text) and text[position] in _WHITESPACE:
        position += 1
    return position


def decode(data: bytes | str) -> Any:
    """The one value that ``data`` (UTF-8) holds; raises BadJson."""
    try:
        text = data if isinstance(data, str) else str(data, "utf-8")
        value, end = _scan(text, _skip_whitespace(text, 0))
        end = _skip_whitespace(text, end)
    except BadJson:
        raise
    except SystemError:  # the C scanner raises json.JSONDecodeError, and only if that module is loaded
        raise BadJson(_explain(text)) from None
    except StopIteration as stop:
        raise BadJson(f"a value is missing {_where(text, stop.value)}") from None
    except RecursionError:
        raise BadJson("nested too deeply") from None
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise BadJson(str(error)) from None
    if end != len(text):
        raise BadJson(f"something follows the value {_where(text, end)}")
    return value


def _explain(text: str) -> str:
    import json  # only a wrong text pays for it

    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return str(error)
    return "not JSON"


def _where(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"at line {line}, column {position - text.rfind(chr(10), 0, position)}"


def encode(value: object) -> str:
    """``value`` for a program: on one line, without spaces, ASCII only."""
    return "".join(_encode(value, 0))


def _encode_leaf(value: object) -> str:
    return "".join(_encode_wide(value, 0))


def render(value: object, indent: str = "") -> str:
    """``value`` for a person: objects a member a line, lists of objects an item a line, leaves on one."""
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    inner = indent + "  "
    if isinstance(value, dict) and value:
        # a leaf here is a call less there: a record is written several times in a container's life
        members = [
            f"{inner}{encode_basestring_ascii(key)}: {repr(item) if type(item) is int else render(item, inner)}"
            for key, item in value.items()
        ]
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    if isinstance(value, (list, tuple)) and any(isinstance(item, (dict, list)) for item in value):
        return "[\n" + ",\n".join([f"{inner}{_encode_leaf(item)}" for item in value]) + f"\n{indent}]"
    return "null" if value is None else _encode_leaf(value)
