"""Everything that is wrong with a config.json, where create stops at the first fault.

    schema       every breach
    rules        those of a copy of the document without the members that break the schema
    unsupported  every gap of that copy

Source: runtime-spec, config.md.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from runtime.errors import SpecFault, Unsupported
from runtime.spec.integers import write_integers
from runtime.spec.rules import find_faults
from runtime.spec.unsupported import find_unsupported
from schemas.explain import Breach, explain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HINT = "`runf spec` writes a valid config.json"
# what the rules can't do without, in the place of what is wrong or missing there
STAND_INS: dict[tuple[str | int, ...], Any] = {
    ("ociVersion",): "1.0.0",
    ("root",): {"path": "/"},
    ("root", "path"): "/",
    ("process",): {"cwd": "/", "args": ["true"]},
    ("process", "cwd"): "/",
    ("process", "args"): ["true"],
}


def find_all_faults(document: Any, raw: bytes) -> Iterator[SpecFault | Unsupported]:
    """Each fault of the configuration ``document``, which was decoded from ``raw``."""
    write_integers(document)
    breaches = explain("config", document)
    for breach in breaches:
        yield SpecFault(breach.pointer, breach.words, hint=HINT)
    if not isinstance(document, dict):
        return
    sound = copy.deepcopy(document)
    while breaches:
        for breach in breaches:
            _mend(sound, breach)
        breaches = explain("config", sound)
    yield from find_faults(sound, raw)  # type: ignore[arg-type]
    yield from find_unsupported(sound)  # type: ignore[arg-type]


def _mend(document: Any, breach: Breach) -> None:
    """Take away what is wrong, or put a stand-in there; each time less of the document can be wrong."""
    for place in ((*breach.place, breach.missing) if breach.missing else breach.place, breach.place):
        if place in STAND_INS:
            _put(document, place, copy.deepcopy(STAND_INS[place]))
            return
    _take_away(document, breach.place)


def _put(document: Any, place: Sequence[str | int], value: Any) -> None:
    parent = _value_at(document, place[:-1])
    if isinstance(parent, dict):  # another mending may have taken it away
        parent[place[-1]] = value


def _take_away(document: Any, place: Sequence[str | int]) -> None:
    """The member at ``place``, or the innermost one that an item there is part of: its siblings keep their places."""
    while place and isinstance(place[-1], int):
        place = place[:-1]
    if not place:
        return
    parent = _value_at(document, place[:-1])
    if isinstance(parent, dict):
        parent.pop(place[-1], None)


def _value_at(document: Any, place: Sequence[str | int]) -> Any:
    for part in place:
        match document, part:
            case dict(), str() if part in document:
                document = document[part]
            case list(), int() if part < len(document):
                document = document[part]
            case _:
                return None
    return document
