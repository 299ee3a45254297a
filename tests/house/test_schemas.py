"""The schemas are valid themselves, and say of each member what it means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

SCHEMAS = sorted((Path(__file__).parents[2] / "schemas").glob("*.schema.json"))


def members(schema: object, pointer: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Each member that ``schema`` describes anywhere, with the place of its own schema."""
    if isinstance(schema, list):
        return [each for number, part in enumerate(schema) for each in members(part, f"{pointer}/{number}")]
    if not isinstance(schema, dict):
        return []
    own = [(f"{pointer}/properties/{name}", part) for name, part in schema.get("properties", {}).items()]
    return own + [each for name, part in schema.items() for each in members(part, f"{pointer}/{name}")]


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_schema_is_valid(path: Path) -> None:
    schema = load(path)
    jsonschema.validators.validator_for(schema, default=None).check_schema(schema)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_schema_names_itself(path: Path) -> None:
    schema = load(path)
    assert schema["$id"].startswith(f"urn:runf:schema:{path.name.removesuffix('.schema.json')}")
    assert schema["title"]
    assert schema["description"]


def test_every_member_of_the_record_is_described() -> None:
    state = next(path for path in SCHEMAS if path.name == "state.schema.json")
    assert [pointer for pointer, part in members(load(state)) if not {"description", "$ref"} & part.keys()] == []
