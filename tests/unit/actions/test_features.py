"""What features promises: valid, constant, and held to what a config.json may ask for."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import schemas
from runtime.actions.features import features
from runtime.sandbox.mount_options import parse_options
from schemas.generated import features as generated

SCHEMAS = Path(schemas.__file__).parent


def schema(name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    return found


def test_the_document_is_valid_by_its_schema_and_the_generated_twin() -> None:
    document = features()
    jsonschema.Draft202012Validator(schema("features")).validate(document)
    generated.validate(document)


def test_no_list_names_anything_twice() -> None:
    linux = features()["linux"]
    lists = [features()["hooks"], features()["mountOptions"], linux["namespaces"], linux["capabilities"]]
    lists += [found for found in linux["seccomp"].values() if isinstance(found, list)]
    for found in lists:
        assert len(set(found)) == len(found) > 0


@pytest.mark.parametrize("option", features()["mountOptions"])
def test_each_mount_option_is_known_and_none_is_passed_on_as_data(option: str) -> None:
    assert parse_options([option]).data == ()


def test_every_namespace_that_config_json_may_name_is_there() -> None:
    linux = schema("config")["$defs"]["linux"]  # type: ignore[index]
    allowed = linux["properties"]["namespaces"]["items"]["properties"]["type"]["enum"]
    assert features()["linux"]["namespaces"] == sorted(allowed)
