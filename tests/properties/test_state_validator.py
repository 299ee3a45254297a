"""The validator of records is the schema, word for word: jsonschema says the same of any record."""

from __future__ import annotations

import copy
import json
import pathlib
from typing import TYPE_CHECKING, Any, cast

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtime.errors import BadRecord
from runtime.store import record as records
from schemas.generated import config, state
from schemas.invalid import Invalid, escape
from tests.support.config_strategies import mutated_configs
from tests.support.records import LATER, NOW, exit_of, first_record, process_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCHEMAS = pathlib.Path(state.__file__).parents[1]


def oracle_of(name: str) -> Any:
    """jsonschema's validator, without its two liberties: 1.0 as an integer, a line end after the $ of a pattern."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    integers = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    extend: Any = jsonschema.validators.extend
    strict = extend(jsonschema.Draft202012Validator, type_checker=integers)
    return strict(_with_strict_ends(schema))


def _with_strict_ends(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_with_strict_ends(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value.removesuffix("$") + r"\Z"
        if key == "pattern" and isinstance(value, str) and value.endswith("$")
        else _with_strict_ends(value)
        for key, value in schema.items()
    }


STATE = oracle_of("state")
CONFIG = oracle_of("config")


def places_of(errors: Any) -> Iterator[str]:
    """The pointers of all that jsonschema finds wrong, those within the choices of an anyOf too."""
    for error in errors:
        yield "".join(f"/{escape(str(part))}" for part in error.absolute_path)
        yield from places_of(error.context)


def full_record() -> dict[str, Any]:
    """A record with something in each member."""
    first = first_record("web", annotations={"a/b~c": "x", "": ""})
    first["linux"] = {
        "cgroup": {"version": 1, "paths": {"cpu": "/sys/fs/cgroup/cpu/web"}, "scope": None},
        "namespaces": {},
    }
    made = records.advance(
        first,
        now=NOW,
        status="created",
        happenings=("created",),
        pid=7,
        process=process_of(7),
        linux={**first["linux"], "namespaces": {"pid": 4026531836}},
    )
    running = records.advance(made, now=NOW, status="running", happenings=("started",))
    helped = records.exec_started(running, process_of(8), now=NOW)
    helped = records.exec_ended(helped, process_of(8), exit_of(3), now=LATER)
    helped = records.exec_started(helped, process_of(9), now=LATER)
    stopped = records.ended(helped, exit=exit_of(None), finished=LATER, precision="observed", now=LATER)
    assert stopped is not None
    return cast("dict[str, Any]", stopped)


FULL = full_record()
odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 1, 2, 64, 65, 255, 256, 1 << 22, (1 << 22) + 1, 1 << 70, 1.0, 0.5]),
    st.sampled_from(["", "/", "x/", "1.0", "1.1", "paused", "exit", NOW, f"{NOW}\n", "0" * 32, "F" * 32, "x" * 5000]),
    st.text(max_size=4),
    st.sampled_from([[], {}, [[]], {"": None}]),
    st.just(exit_of(None)),
    st.just(process_of()),
)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*place, key))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from places(value[index], (*place, index))


def inner(document: Any, place: tuple[Any, ...]) -> Any:
    for part in place:
        document = document[part]
    return document


@st.composite
def mutated_records(draw: st.DrawFn) -> Any:
    """The full record with one to three members replaced, taken away, added or repeated."""
    document: Any = copy.deepcopy(FULL)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(list(places(document))))
        value = copy.deepcopy(draw(odd_values))
        if not place:
            return document
        parent = inner(document, place[:-1])
        how = draw(st.sampled_from(["replace", "remove", "add", "repeat"]))
        if how == "replace":
            parent[place[-1]] = value
        elif how == "remove":
            del parent[place[-1]]
        elif isinstance(parent, dict):
            parent[draw(st.text(max_size=3))] = value
        else:
            parent.extend([value] if how == "add" else copy.deepcopy([parent[-1]] * 64))
    return document


def check_against(oracle: Any, validate: Callable[[Any], None], document: Any) -> None:
    """Same verdict, and the refusal names a place at which jsonschema finds something wrong too."""
    wrong = set(places_of(oracle.iter_errors(document)))
    refusal = refusal_of(validate, document)
    if refusal is None:
        assert not wrong
    else:
        assert refusal.pointer in wrong
        assert str(refusal).isprintable()


def refusal_of(validate: Callable[[Any], None], document: Any) -> Invalid | None:
    try:
        validate(document)
    except Invalid as refusal:
        return refusal
    return None


@given(mutated_records())
@example(FULL)
@example(None)
@example([])
@example("x")
def test_the_validator_of_records_gives_the_verdict_of_jsonschema(document: Any) -> None:
    check_against(STATE, state.validate, document)


@given(mutated_configs())
def test_the_validator_of_configurations_gives_the_verdict_of_jsonschema(document: Any) -> None:
    check_against(CONFIG, config.validate, document)


def test_every_member_of_the_full_record_is_demanded() -> None:
    for place in places(FULL):
        parent = inner(FULL, place[:-1]) if place else None
        if (
            not isinstance(parent, dict)
            or place[:-1] in [("annotations",), ("linux", "namespaces")]
            or "paths" in place[:-1]
        ):
            continue
        document = copy.deepcopy(FULL)
        del inner(document, place[:-1])[place[-1]]
        with pytest.raises(Invalid, match=f"lacks {place[-1]}$") as refusal:
            state.validate(document)
        assert refusal.value.pointer == "".join(f"/{escape(str(part))}" for part in place[:-1])


@given(mutated_records())
def test_what_was_parsed_is_serialized_and_parsed_to_the_same(document: Any) -> None:
    data = json.dumps(document).encode()
    if refusal_of(state.validate, document) is None:
        text = records.serialize(records.parse(data, None))
        assert records.parse(text + b"\n", None) == document  # a text that nobody has seen before
    else:
        with pytest.raises(BadRecord) as caught:
            records.parse(data, None)
        assert str(caught.value).isprintable()


@given(st.binary(max_size=100))
def test_bytes_that_are_no_record_are_a_bad_record(data: bytes) -> None:
    with pytest.raises(BadRecord, match='the record of container "web" is unreadable'):
        records.parse(data, "web")


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 5000, '{"id": NaN}', "{}", '"\\ud800"', '{"\\n": 1}'])
def test_hostile_text_is_a_bad_record_of_one_line(text: str) -> None:
    with pytest.raises(BadRecord) as caught:
        records.parse(text.encode(), "web")
    assert str(caught.value).isprintable()


def test_the_record_of_another_container_is_a_bad_one() -> None:
    with pytest.raises(BadRecord, match='it is that of "web"'):
        records.parse(json.dumps(FULL).encode(), "db")
