"""Regular expressions of the schemas as plain Python, since ``re`` costs nearly an interpreter's start.

Two forms are known: ``^literal``, and ``^...$`` made of literals and of classes such as ``[0-9a-f]{32}``, in which
only a class that makes up the whole pattern may vary in length.  A ``$`` means the very end, as in ECMA 262.
"""

from __future__ import annotations

import re
import string
from typing import NamedTuple

_TOKEN = re.compile(
    r"\[(?P<members>[^\]\\^]+)\](?:\{(?P<least>\d+)(?:,(?P<most>\d+))?\}(?![?+]))?|(?P<literal>[A-Za-z0-9/:_ -])"
)
# makes every digit a 0: then a text of digits at fixed places is compared at once, twenty times as fast
DIGITS_NAME = "_DIGITS"
DIGITS_TABLE = 'bytes.maketrans(b"123456789", b"000000000")'
_RANGES = {"A-Z": string.ascii_uppercase, "a-z": string.ascii_lowercase, "0-9": string.digits, "a-f": "abcdef"}


class _Piece(NamedTuple):
    characters: str
    least: int
    most: int


def translate(pattern: str, variable: str) -> str | None:
    """An expression that is true where the string ``variable`` doesn't match; None for a form not known."""
    is_whole = pattern.endswith("$")
    pieces = _pieces(pattern[1:-1] if is_whole else pattern[1:]) if pattern.startswith("^") else None
    if not pieces:
        return None
    if not is_whole:
        return _beginning(pieces, variable)
    if len(pieces) == 1:
        return _one_class(pieces[0], variable)
    return _fixed_places(pieces, variable)


def _pieces(text: str) -> list[_Piece] | None:
    pieces = []
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            return None
        position = token.end()
        if token["literal"]:
            pieces.append(_Piece(token["literal"], 1, 1))
            continue
        characters = _members(token["members"])
        if characters is None:
            return None
        least = int(token["least"] or 1)
        pieces.append(_Piece(characters, least, int(token["most"] or least)))
    return pieces


def _members(text: str) -> str | None:
    """The characters of a class; a hyphen stands for itself only at the end."""
    found = ""
    while text:
        if text[:3] in _RANGES:
            found += _RANGES[text[:3]]
            text = text[3:]
        elif (text[0] == "-" and text != "-") or (text[1:2] == "-" and text[2:]):
            return None
        else:
            found += text[0]
            text = text[1:]
    return found


def _beginning(pieces: list[_Piece], variable: str) -> str | None:
    if any(len(piece.characters) > 1 or piece.least != 1 for piece in pieces):
        return None
    return f"not {variable}.startswith({''.join(piece.characters for piece in pieces)!r})"


def _one_class(piece: _Piece, variable: str) -> str:
    if piece.least == piece.most:
        length = f"len({variable}) != {piece.least}"
    else:
        length = f"not {piece.least} <= len({variable}) <= {piece.most}"
    # strip leaves something exactly where a character outside of the class stands
    return f"{length} or {variable}.strip({piece.characters!r})"


def _fixed_places(pieces: list[_Piece], variable: str) -> str | None:
    if any(piece.least != piece.most for piece in pieces):
        return None
    if {piece.characters for piece in pieces if len(piece.characters) > 1} == {string.digits}:
        mask = "".join((piece.characters if len(piece.characters) == 1 else "0") * piece.least for piece in pieces)
        if not any(piece.characters in string.digits for piece in pieces if len(piece.characters) == 1):
            return f"{variable}.encode('ascii', 'replace').translate({DIGITS_NAME}) != {mask.encode('ascii')!r}"
    wrong = [f"len({variable}) != {sum(piece.least for piece in pieces)}"]
    slices: dict[str, list[str]] = {}
    position = 0
    for piece in pieces:
        end = position + piece.least
        if len(piece.characters) == 1 and piece.least == 1:
            wrong.append(f"{variable}[{position}] != {piece.characters!r}")
        else:
            slices.setdefault(piece.characters, []).append(f"{variable}[{position}:{end}]")
        position = end
    wrong += [f"({' + '.join(parts)}).strip({characters!r})" for characters, parts in slices.items()]
    return " or ".join(wrong)
