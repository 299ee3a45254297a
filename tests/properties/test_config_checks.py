"""Whatever a config.json holds, it is taken as it is or refused with a fault that names the place."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import Fault, SpecFault, Unsupported
from runtime.spec.bundle import parse_config
from runtime.spec.rules import is_semantic_version
from schemas.generated import config as generated
from tests.support.config_strategies import mutated_configs, valid_configs

SCHEMA = json.loads((pathlib.Path(generated.__file__).parents[1] / "config.schema.json").read_text())
ORACLE = jsonschema.Draft202012Validator(SCHEMA)
# where a fault may say that something is missing
DEMANDED = {"/linux/uidMappings", "/linux/gidMappings", "/linux/namespaces"}


def parse(document: Any) -> Any:
    return parse_config(json.dumps(document).encode(), "/bundle")


def fault_of(document: Any) -> Fault | None:
    """The refusal of ``document``; None where it is accepted, and then as it is."""
    try:
        assert parse(document) == document
    except (SpecFault, Unsupported) as fault:
        return fault
    return None


def place_of(fault: Fault) -> str:
    if isinstance(fault, SpecFault):
        return fault.pointer
    return fault.message.removeprefix("config.json#").partition(": ")[0]


def exists(document: Any, pointer: str) -> bool:
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and name in document:
            document = document[name]
        elif isinstance(document, list) and int(name) < len(document):
            document = document[int(name)]
        else:
            return False
    return True


@given(valid_configs())
def test_a_valid_config_is_returned_unchanged(document: dict[str, Any]) -> None:
    assert parse(document) == document


@given(mutated_configs())
def test_a_changed_config_is_accepted_or_refused_by_name(document: Any) -> None:
    fault = fault_of(document)
    if fault is None:
        assert ORACLE.is_valid(document)
    else:
        pointer = place_of(fault)
        assert exists(document, pointer) or pointer in DEMANDED
        assert fault.hint
        assert "\n" not in str(fault).replace(pointer, "", 1)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_config_are_refused(raw: bytes) -> None:
    with pytest.raises(SpecFault):
        parse_config(raw, "/bundle")


numbers = st.integers(0, 10**6).map(str)
labels = st.text("abz019-", min_size=1, max_size=4).filter(lambda text: not text.isdigit())
suffixes = st.lists(st.one_of(numbers, labels), min_size=1, max_size=3).map(".".join)


@given(st.lists(numbers, min_size=3, max_size=3), st.none() | suffixes, st.none() | suffixes)
def test_every_semantic_version_is_known_as_one(core: list[str], release: str | None, build: str | None) -> None:
    version = ".".join(core) + (f"-{release}" if release else "") + (f"+{build}" if build else "")

    assert is_semantic_version(version)


@given(st.text("01.-+a", max_size=12))
def test_a_semantic_version_has_three_plain_numbers(text: str) -> None:
    if is_semantic_version(text):
        numbers = text.partition("+")[0].partition("-")[0].split(".")
        assert [str(int(number)) for number in numbers] == numbers
        assert len(numbers) == 3
