"""A D-Bus value from its GVariant text, as people write it for a property of a systemd unit.  Pure.

    true   7   0x1f   -2.5e3   'text'   b'bytes'   [1, 2]   (1, 'a')   {'a': 1}   <7>
    uint64 7                     a type's name before a value
    @t 7   @as []                a D-Bus signature before a value

A number that nobody names a type for is an int32, or a double where it has a point or an exponent; the members of an
array have one type, which any of them may tell.  D-Bus has no maybe types, and an fd can't be written down.
Source: GLib: "GVariant Text Format"; the D-Bus specification, "Type System".
"""

from __future__ import annotations

import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NamedTuple
else:
    from runtime.values import NamedTuple

TYPES = {
    "boolean": "b",
    "byte": "y",
    "int16": "n",
    "uint16": "q",
    "int32": "i",
    "uint32": "u",
    "int64": "x",
    "uint64": "t",
    "double": "d",
    "string": "s",
    "objectpath": "o",
    "signature": "g",
}
RANGES = {
    "y": (0, (1 << 8) - 1),
    "n": (-(1 << 15), (1 << 15) - 1),
    "q": (0, (1 << 16) - 1),
    "i": (-(1 << 31), (1 << 31) - 1),
    "u": (0, (1 << 32) - 1),
    "x": (-(1 << 63), (1 << 63) - 1),
    "t": (0, (1 << 64) - 1),
}
BASIC = frozenset(TYPES.values())
DEEPEST = 32
SHOWN = 20
OCTAL_BASE, DECIMAL_BASE, HEX_BASE = 8, 10, 16
_SPACE = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"[a-z][a-z0-9]*")
_SIGNATURE = re.compile(r"[a-z(){}]*")
_HEXADECIMAL, _DECIMAL = r"0[xX][0-9a-fA-F]+", r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMBER = re.compile(f"[+-]?(?:{_HEXADECIMAL}|{_DECIMAL})(?![0-9A-Za-z_.])")
_PATH = re.compile(r"/|(?:/[A-Za-z0-9_]+)+")
_CONTROLS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\n": ""}
_UNICODE = {"u": 4, "U": 8}
_HEX = {letter: re.compile(f"[0-9a-fA-F]{{{count}}}") for letter, count in _UNICODE.items()}
_OCTALS = re.compile(r"[0-7]{1,3}")


class BadText(ValueError):
    """Why a text is no value, in words."""


class Node(NamedTuple):
    """What a piece of the text is; ``signature`` is there where the text itself names a type for it.

    kind        content
    boolean     bool
    number      the text
    string      str
    bytes       bytes, with the NUL at their end
    array       list of nodes         tuple   list of nodes
    dictionary  list of pairs         variant node
    """

    kind: str
    content: Any
    signature: str = ""


def parse(text: str) -> tuple[str, Any]:
    """The D-Bus signature and the value: dict, tuple, list, bytes for ``ay``; (signature, value) for a variant."""
    reader = _Reader(text)
    node = reader.value(0)
    reader.end()
    signature = _inferred(node)
    if not signature:
        raise BadText("nothing tells the type of an empty array; write it as in @as []")
    return signature, _converted(node, signature)


class _Reader:
    """The text, and how far it has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def value(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise BadText(f"it is nested more than {DEEPEST} deep")
        self._skip()
        first = self.text[self.at : self.at + 1]
        if first == "@":
            self.at += 1
            return self._typed(self._signature(), depth)
        if first in ("'", '"'):
            return Node("string", self._string())
        if first == "b" and self.text[self.at + 1 : self.at + 2] in ("'", '"'):
            self.at += 1
            return Node("bytes", self._bytes())
        if first in _BRACKETS:
            self.at += 1
            return _BRACKETS[first](self, depth + 1)
        if number := _NUMBER.match(self.text, self.at):
            self.at = number.end()
            return Node("number", number.group())
        return self._word(depth)

    def end(self) -> None:
        self._skip()
        if self.at < len(self.text):
            raise self._unexpected("its end")

    def array(self, depth: int) -> Node:
        members: list[Node] = []
        while not self._takes("]"):
            members.append(self.value(depth))
            if not self._takes(","):
                self._expect("]")
                break
        return Node("array", members)

    def tuple(self, depth: int) -> Node:
        """A single member has a comma behind it; the empty one is nothing that D-Bus has."""
        members = []
        while not self._takes(")"):
            members.append(self.value(depth))
            if not self._takes(","):
                self._expect(")")
                if len(members) == 1:
                    raise self._unexpected("a comma behind a tuple's only member")
                break
        if not members:
            raise BadText("D-Bus has no empty tuple")
        return Node("tuple", members)

    def dictionary(self, depth: int) -> Node:
        pairs = []
        while not self._takes("}"):
            key = self.value(depth)
            self._expect(":")
            pairs.append((key, self.value(depth)))
            if not self._takes(","):
                self._expect("}")
                break
        return Node("dictionary", pairs)

    def variant(self, depth: int) -> Node:
        node = self.value(depth)
        self._expect(">")
        return Node("variant", node)

    def _word(self, depth: int) -> Node:
        word = _WORD.match(self.text, self.at)
        name = word.group() if word else ""
        if name in ("true", "false"):
            self.at += len(name)
            return Node("boolean", name == "true")
        if name in TYPES:
            self.at += len(name)
            return self._typed(TYPES[name], depth)
        if name in ("nothing", "just"):
            raise BadText(f'"{name}": D-Bus has no maybe types')
        if name == "handle":
            raise BadText('"handle": a file descriptor can\'t be written down')
        raise self._unexpected("a value")

    def _typed(self, signature: str, depth: int) -> Node:
        node = self.value(depth + 1)
        if node.signature and node.signature != signature:
            raise BadText(f"it is said to be both {signature} and {node.signature}")
        return node._replace(signature=signature)

    def _signature(self) -> str:
        found = _SIGNATURE.match(self.text, self.at)
        text = found.group() if found else ""
        self.at += len(text)
        if len(complete_types(text)) != 1:
            raise BadText(f'"{text}" is no signature of one D-Bus type')
        return text

    def _string(self) -> str:
        quote = self.text[self.at]
        self.at += 1
        found = []
        while (letter := self._letter()) != quote:
            found.append(self._escaped() if letter == "\\" else letter)
        return "".join(found)

    def _escaped(self) -> str:
        letter = self._letter()
        if letter not in _UNICODE:
            return _CONTROLS.get(letter, letter)
        digits = self.text[self.at : self.at + _UNICODE[letter]]
        self.at += len(digits)
        code = int(digits, HEX_BASE) if _HEX[letter].fullmatch(digits) else sys.maxunicode + 1
        if code > sys.maxunicode:
            raise BadText(f"\\{letter}{digits} is no character")
        return chr(code)

    def _bytes(self) -> bytes:
        quote = self.text[self.at]
        self.at += 1
        found = bytearray()
        while (letter := self._letter()) != quote:
            if letter == "\\" and (octal := _OCTALS.match(self.text, self.at)):
                self.at = octal.end()
                found.append(int(octal.group(), OCTAL_BASE) & 0xFF)
                continue
            if letter == "\\":
                letter = self._letter()
                letter = _CONTROLS.get(letter, letter)
            found += letter.encode("utf-8", "surrogatepass")
        return bytes(found) + b"\0"

    def _letter(self) -> str:
        if self.at >= len(self.text):
            raise BadText("it ends within a string")
        self.at += 1
        return self.text[self.at - 1]

    def _skip(self) -> None:
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at

    def _takes(self, letter: str) -> bool:
        self._skip()
        if not self.text.startswith(letter, self.at):
            return False
        self.at += 1
        return True

    def _expect(self, letter: str) -> None:
        if not self._takes(letter):
            raise self._unexpected(f'"{letter}"')

    def _unexpected(self, wanted: str) -> BadText:
        rest = self.text[self.at :].split("\n", 1)[0][:20]
        return BadText(
            f"{wanted} is expected at character {self.at + 1}, where it has {f'{rest!r}' if rest else 'its end'}"
        )


_BRACKETS: dict[str, Callable[[_Reader, int], Node]] = {
    "[": _Reader.array,
    "(": _Reader.tuple,
    "{": _Reader.dictionary,
    "<": _Reader.variant,
}


def complete_types(signature: str) -> list[str]:
    """The complete types that a signature consists of; none where it is no signature."""
    found = []
    at = 0
    try:
        while at < len(signature):
            end = _end_of_type(signature, at, 0)
            found.append(signature[at:end])
            at = end
    except (BadText, IndexError):
        return []
    return found


def _end_of_type(signature: str, at: int, depth: int) -> int:
    first = signature[at]
    if depth > DEEPEST:
        raise BadText("too deep")
    if first in BASIC or first == "v":
        return at + 1
    if first == "a" and signature[at + 1] == "{":
        end = _end_of_type(signature, at + 3, depth + 1)
        if signature[at + 2] not in BASIC or signature[end] != "}":
            raise BadText("no entry of a dictionary")
        return end + 1
    if first == "a":
        return _end_of_type(signature, at + 1, depth + 1)
    if first == "(" and signature[at + 1] != ")":
        at += 1
        while signature[at] != ")":
            at = _end_of_type(signature, at, depth + 1)
        return at + 1
    raise BadText("no type")


def _inferred(node: Node) -> str:
    """The signature of the value; empty where only what is around it can tell."""
    if node.signature:
        return node.signature
    if node.kind == "number":
        return "i" if _is_whole(node.content) else "d"
    if node.kind == "tuple":
        parts = [_inferred(each) for each in node.content]
        return f"({''.join(parts)})" if all(parts) else ""
    if node.kind == "array":
        inner = _common(node.content)
        return f"a{inner}" if inner else ""
    if node.kind == "dictionary":
        key, value = (_common([pair[place] for pair in node.content]) for place in (0, 1))
        return f"a{{{key}{value}}}" if key and value else ""
    return {"boolean": "b", "string": "s", "bytes": "ay", "variant": "v"}[node.kind]


def _common(nodes: list[Node]) -> str:
    """The first type that one of them has and all of them fit."""
    candidates = dict.fromkeys(found for node in nodes if (found := _inferred(node)))
    for candidate in candidates:
        try:
            for node in nodes:
                _converted(node, candidate)
        except BadText:
            continue
        return candidate
    if candidates:
        raise BadText(f"the members have no type in common: {', '.join(candidates)}")
    return ""


def _is_whole(number: str) -> bool:
    return number.lower().lstrip("+-").startswith("0x") or not set(number) & set(".eE")


def _converted(node: Node, signature: str) -> Any:
    """The value as one of that type.  BadText."""
    if node.signature and node.signature != signature:
        raise BadText(f"{node.signature} is no {signature}")
    if node.kind == "number" and (signature in RANGES or signature == "d"):
        return _number(node.content, signature)
    if node.kind == "string" and signature in ("s", "o", "g"):
        return _text(node.content, signature)
    if node.kind == "array" and signature.startswith("a") and not signature.startswith("a{"):
        members = [_converted(each, signature[1:]) for each in node.content]
        return bytes(members) if signature == "ay" else members
    if node.kind == "tuple" and signature.startswith("("):
        types = complete_types(signature[1:-1])
        if len(types) == len(node.content):
            return tuple(_converted(each, kind) for each, kind in zip(node.content, types, strict=True))
    if node.kind == "dictionary" and signature.startswith("a{"):
        return _dictionary(node.content, signature[2], signature[3:-1])
    if node.kind == "variant" and signature == "v":
        inner = _inferred(node.content)
        if not inner:
            raise BadText("nothing tells the type of an empty array; write it as in @as []")
        return inner, _converted(node.content, inner)
    if (node.kind, signature) in (("boolean", "b"), ("bytes", "ay")):
        return node.content
    raise BadText(f"a {node.kind} is no {signature}")


def _dictionary(pairs: list[tuple[Node, Node]], key_type: str, value_type: str) -> dict[Any, Any]:
    found = {}
    for key, value in pairs:
        name = _converted(key, key_type)
        if name in found:
            raise BadText(f"the dictionary has {name!r} twice")
        found[name] = _converted(value, value_type)
    return found


def _number(text: str, signature: str) -> int | float:
    if signature == "d":
        return float(int(text, HEX_BASE)) if "x" in text.lower() else float(text)
    if not _is_whole(text):
        raise BadText(f"{text} is no whole number")
    digits = text.lstrip("+-")
    base = HEX_BASE if "x" in digits.lower() else OCTAL_BASE if digits.startswith("0") else DECIMAL_BASE
    try:
        number = int(text, base)
    except ValueError:
        raise BadText(f"{text} is no octal number") from None
    least, most = RANGES[signature]
    if not least <= number <= most:
        raise BadText(f"{text} is not between {least} and {most}")
    return number


def _text(text: str, signature: str) -> str:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise BadText("a D-Bus string has neither NUL nor half a character")
    if signature == "o" and not _PATH.fullmatch(text):
        raise BadText(f"{text!r} is no object path")
    if signature == "g" and text and not complete_types(text):
        raise BadText(f"{text!r} is no signature")
    return text
