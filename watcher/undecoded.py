"""Records as texts: checked whole by one expression, and decoded as far as somebody asks.

    the text matches (schemas/texts.py)   what a look needs is taken from it; any other member has all of it decoded
    it doesn't                            it is decoded and validated at once

To decode and validate a record takes four times as long as to match it, and of most commits little is new.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast, overload

from runtime import jsontext
from runtime.store import record as records
from schemas.generated.state_text import GROUPS, PATTERN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.store.record import Record

_match = re.compile(PATTERN).fullmatch
_GROUPS = tuple(
    GROUPS.index(name) + 1
    for name in (
        *("id", "instance", "generation", "status", "created", "runtime", "exit", "process", "maker", "starter"),
        *("transitions", "transitionsDropped", "execs", "execsDropped"),
    )
)
# how records are written: runtime.jsontext.render
_BEGIN, _BETWEEN, _END = "[\n    ", ",\n    ", "\n  ]"
# a process is the same in all records of its life, and most exits are unknown
_REMEMBERED = 4096


def parse(data: bytes, container_id: str | None) -> Record:
    """The record in ``data``, as runtime.store.record.parse has it.  Raises BadRecord."""
    found = _match(str(data, "ascii")) if data.isascii() else None
    if found is None or (container_id is not None and found[1] != container_id):
        return records.parse(data, container_id)
    return cast("Record", Undecoded(data, found.group(*_GROUPS)))


@lru_cache(_REMEMBERED)
def _decode(text: str) -> Any:
    return jsontext.decode(text)


class Undecoded(dict[str, Any]):
    """A valid record that looks like the whole of it; what is not there yet is decoded when it is asked for."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes, groups: tuple[str, ...]) -> None:
        self._data: bytes | None = data
        self["id"], self["instance"], generation, self["status"], self["created"], *others = groups
        runtime, exit, process, maker, starter, transitions, transitions_dropped, execs, execs_dropped = others
        self["generation"] = int(generation)
        self["runtime"], self["exit"] = _decode(runtime), _decode(exit)
        self["process"] = None if process == "null" else _decode(process)
        self["maker"] = None if maker == "null" else _decode(maker)
        self["starter"] = None if starter == "null" else _decode(starter)
        self["transitions"] = Lines(transitions)
        self["transitionsDropped"] = int(transitions_dropped)
        self["execs"] = [] if execs == "[]" else jsontext.decode(execs)
        self["execsDropped"] = int(execs_dropped)

    def __missing__(self, name: str) -> Any:
        if self._data is None:
            raise KeyError(name)
        return self._whole()[name]

    def _whole(self) -> dict[str, Any]:
        if self._data is not None:
            data, self._data = self._data, None
            self.clear()  # so that the members are in the order of the text
            self.update(jsontext.decode(data))
        return self

    def __iter__(self) -> Iterator[str]:
        self._whole()
        return super().__iter__()

    def __len__(self) -> int:
        self._whole()
        return super().__len__()

    def __contains__(self, name: object) -> bool:
        self._whole()
        return super().__contains__(name)

    def __eq__(self, other: object) -> bool:
        self._whole()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __repr__(self) -> str:
        self._whole()
        return super().__repr__()

    def __or__(self, other: Any) -> Any:
        return {**self, **other}

    def __ror__(self, other: Any) -> Any:
        return {**other, **self}

    def get(self, name: str, default: Any = None) -> Any:
        self._whole()
        return super().get(name, default)

    def keys(self) -> Any:
        self._whole()
        return super().keys()

    def values(self) -> Any:
        self._whole()
        return super().values()

    def items(self) -> Any:
        self._whole()
        return super().items()

    def copy(self) -> dict[str, Any]:
        return {**self}


class Lines(Sequence[Any]):
    """A list that is written an item a line, each decoded when it is asked for."""

    __slots__ = ("_items", "_lines")

    def __init__(self, text: str) -> None:
        self._lines = [] if text == "[]" else text[len(_BEGIN) : -len(_END)].split(_BETWEEN)
        self._items: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> list[Any]: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self._lines)))]
        line = self._lines[place]
        at = place if place >= 0 else place + len(self._lines)
        found = self._items.get(at)
        if found is None:
            found = self._items[at] = _decode(line)
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (list, Lines)) and [*self] == [*other]

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: list[Any]) -> list[Any]:
        return [*self, *other]
