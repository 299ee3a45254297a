"""A record that is decoded as far as somebody asks looks like the whole of it, whoever asks for whatever first."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import BadRecord
from runtime.store import record as records
from tests.properties.test_state_validator import FULL, mutated_records, refusal_of, state
from watcher import diff
from watcher.undecoded import Undecoded, parse

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = records.serialize(FULL)  # type: ignore[arg-type]
WAYS: tuple[Callable[[Any], Any], ...] = (
    dict,
    copy.deepcopy,
    lambda found: {**found},
    lambda found: {name: found[name] for name in FULL},
    lambda found: {name: found.get(name) for name in FULL},
    lambda found: dict(found.items()),
    lambda found: dict(zip(found.keys(), found.values(), strict=True)),
    lambda found: json.loads(json.dumps(found)),
    lambda found: found.copy(),
    lambda found: found | {},
    lambda found: {} | found,
)


def undecoded() -> Any:
    found = parse(TEXT, "web")
    assert isinstance(found, Undecoded)
    return found


@pytest.mark.parametrize("way", WAYS)
def test_however_it_is_gone_through_it_is_whole(way: Callable[[Any], Any]) -> None:
    assert way(undecoded()) == FULL
    assert undecoded() == FULL
    assert undecoded() != {**FULL, "generation": 0}
    assert len(undecoded()) == len(FULL)
    assert "linux" in undecoded()
    assert "x" not in undecoded()
    assert repr(undecoded()) == repr(records.parse(TEXT, "web"))
    with pytest.raises(KeyError, match="'x'"):
        undecoded()["x"]


def test_the_newest_transition_is_read_alone() -> None:
    found = undecoded()["transitions"]
    assert found[-1] == FULL["transitions"][-1]
    assert found[1:] == FULL["transitions"][1:]
    assert [*reversed(found)] == [*reversed(FULL["transitions"])]
    assert (len(found), found) == (len(FULL["transitions"]), FULL["transitions"])
    assert found + [1] == [*FULL["transitions"], 1]
    with pytest.raises(IndexError):
        found[len(found)]


@given(mutated_records())
def test_any_record_is_read_as_by_decoding_it(document: Any) -> None:
    data = json.dumps(document).encode()
    if refusal_of(state.validate, document) is None:
        data = records.serialize(document)
        assert parse(data, None) == records.parse(data, None) == document
    else:
        with pytest.raises(BadRecord):
            parse(data, None)


@given(st.integers(0, 12))
def test_what_is_new_in_it_is_the_same(generation: int) -> None:
    whole: Any = FULL
    known = diff.Known("web", generation, 0)
    assert diff.events_since(known, undecoded()) == diff.events_since(known, whole)
    assert diff.known_from(undecoded()) == diff.known_from(whole)
    assert diff.known_before(undecoded(), generation + 1) == diff.known_before(whole, generation + 1)
    assert diff.newest_of(undecoded()) == diff.newest_of(whole)


def test_the_record_of_another_container_is_a_bad_one() -> None:
    with pytest.raises(BadRecord, match='it is that of "web"'):
        parse(TEXT, "db")
