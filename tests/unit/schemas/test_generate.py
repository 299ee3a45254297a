"""Schemas become plain Python: each keyword, each refusal, and what the command says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from schemas import generate
from schemas.generated import state
from schemas.invalid import Invalid, one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANY = {"type": "object", "additionalProperties": {"type": "integer"}}
CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["b", "a"],
    "additionalProperties": False,
}
DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T$"


def validator_of(schema: dict[str, Any]) -> Callable[[object], None]:
    """The ``validate`` of the module that is generated from ``schema``."""
    namespace: dict[str, Any] = {}
    exec(generate.Generator(schema).module("schemas/made-up.schema.json"), namespace)
    validate: Callable[[object], None] = namespace["validate"]
    return validate


def refusal(schema: dict[str, Any], document: object) -> tuple[str, str]:
    """Pointer and message of the refusal of ``document``."""
    with pytest.raises(Invalid) as caught:
        validator_of(schema)(document)
    return caught.value.pointer, caught.value.message


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ({}, object()),
        ({"type": "object"}, {"any": 1}),
        (MANY, {"a": 1}),
        ({"type": "array", "items": {"type": "string"}}, []),
        ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, [1, 2]),
        ({"type": ["integer", "null"], "minimum": 3}, None),
        ({"type": ["string", "null"], "maxLength": 1}, "x"),
        ({"type": "number", "minimum": 0}, 0.5),
        ({"enum": [1, None, "x", True]}, True),
        ({"const": 1}, 1),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, None),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "x"),
        ({"type": "string", "pattern": "^[0-9a-f-]{3}$"}, "a-9"),
        ({"type": "string", "pattern": DATE}, "2026-01-31T"),
        ({"type": "string", "pattern": "^1[0-9]{2}:[0-9]$"}, "123:4"),
        (CLOSED, {"a": 1, "b": 2}),
        ({"$ref": "#/$defs/x", "$defs": {"x": MANY}}, {"a": 1}),
    ],
)
def test_a_document_that_fits_is_accepted(schema: dict[str, Any], document: object) -> None:
    validator_of(schema)(document)


@pytest.mark.parametrize(
    ("schema", "document", "pointer", "message"),
    [
        ({"type": "object"}, [], "", "must be an object"),
        ({"type": "object", "required": ["b", "a"]}, {}, "", "lacks a, b"),
        ({"type": "object", "additionalProperties": False}, {"x": 1}, "", "has no member x"),
        (MANY, {"a": "1"}, "/a", "must be an integer"),
        (MANY, {"a/b~c": "1"}, "/a~1b~0c", "must be an integer"),
        ({"type": "object", "properties": {"{x}/y": {"type": "null"}}}, {"{x}/y": 0}, "/{x}~1y", "must be null"),
        ({"type": "array", "items": {"type": "string"}}, ["a", 1], "/1", "must be a string"),
        ({"type": "array", "minItems": 1}, [], "", "must have at least 1 items"),
        ({"type": "array", "maxItems": 1}, [1, 2], "", "must have at most 1 items"),
        (
            {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            ["a", "a"],
            "",
            "must not repeat an item",
        ),
        ({"type": "string", "minLength": 1}, "", "", "must have at least 1 characters"),
        ({"type": "string", "maxLength": 1}, "xy", "", "must have at most 1 characters"),
        ({"type": "string", "pattern": "^[0-9a-f]{2}$"}, "0g", "", "must match ^[0-9a-f]{2}$"),
        ({"type": "string", "pattern": "^[0-9a-f]{2}$"}, "00\n", "", "must match ^[0-9a-f]{2}$"),
        ({"type": "string", "pattern": "^[0-9a-f]{2}$"}, "000", "", "must match ^[0-9a-f]{2}$"),
        *[
            ({"type": "string", "pattern": DATE}, wrong, "", f"must match {DATE}")
            for wrong in (
                "2026-01-3T",
                "2026-01-311T",
                "2026-01-31t",
                "2026-01-3\u0661T",
                "2026-01-3?T",
                "",
                "2026-01-3\ud800T",
            )
        ],
        ({"type": "string", "pattern": "^1[0-9]{2}:[0-9]$"}, "023:4", "", "must match ^1[0-9]{2}:[0-9]$"),
        (CLOSED, {"b": 1}, "", "lacks a"),
        (CLOSED, {"a": 1, "b": 1, "x": 1}, "", "has no member x"),
        (CLOSED, {"a": 1, "x": 1}, "", "lacks b"),
        ({"type": "string", "pattern": "^/"}, "x/", "", "must match ^/"),
        ({"type": "integer", "minimum": 3}, 2, "", "must be at least 3"),
        ({"type": "integer", "maximum": 3}, 4, "", "must be at most 3"),
        ({"type": "integer"}, True, "", "must be an integer"),
        ({"type": "integer"}, 1.0, "", "must be an integer"),
        ({"type": "number"}, True, "", "must be a number"),
        ({"type": "boolean"}, 1, "", "must be true or false"),
        ({"type": ["string", "null"]}, 1, "", "must be a string or null"),
        ({"enum": ["a", None, 1]}, True, "", 'must be "a" or null or 1'),
        ({"enum": [True]}, 1, "", "must be true"),
        ({"const": "a"}, "b", "", 'must be "a"'),
        ({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}, 0, "", "must be at least 1"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, [], "", "fits none of the allowed forms"),
        (
            {"type": "array", "items": {"$ref": "#/$defs/x"}, "$defs": {"x": MANY}},
            [{"k": None}],
            "/0/k",
            "must be an integer",
        ),
    ],
)
def test_a_document_that_does_not_fit_is_refused_by_its_place(
    schema: dict[str, Any], document: object, pointer: str, message: str
) -> None:
    assert refusal(schema, document) == (pointer, message)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "string", "format": "uri"}, r"keywords \['format'\] with type \['string'\]"),
        ({"type": "string", "minimum": 1}, r"keywords \['minimum'\] with type \['string'\]"),
        ({"minimum": 1}, r"keywords \['minimum'\] with type missing"),
        ({"oneOf": []}, r"keywords \['oneOf'\]"),
        ({"type": "string", "pattern": "a+"}, r"pattern a\+"),
        ({"$ref": "#/$defs/x"}, r"\$ref #/\$defs/x"),
        ({"$ref": "other.json"}, r"\$ref other.json"),
        ({"$ref": "#/$defs/x", "type": "string", "$defs": {"x": {}}}, r"\$ref beside \['type'\]"),
        ({"enum": [1.5]}, "1.5 in an enumeration"),
        ({"type": "array", "items": {"type": "object"}, "uniqueItems": True}, "uniqueItems of anything but"),
        (
            {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "null"}},
            "additionalProperties with a schema beside properties",
        ),
    ],
)
def test_a_schema_that_would_be_checked_in_part_is_refused(schema: dict[str, Any], reason: str) -> None:
    with pytest.raises(generate.Unusable, match=reason):
        generate.Generator(schema).module("x")


def test_a_fault_stays_one_line_whatever_a_key_holds() -> None:
    key = "a\nb\x1b[31m\u202e\ud800"
    with pytest.raises(Invalid) as caught:
        validator_of(MANY)({key: "x"})
    assert caught.value.pointer == f"/{key}"
    assert str(caught.value) == r"/a\nb\x1b[31m\u202e\ud800: must be an integer"
    assert refusal({"type": "object", "additionalProperties": False}, {key: 1})[1] == (
        r"has no member a\nb\x1b[31m\u202e\ud800"
    )


def test_a_fault_never_grows_with_the_document() -> None:
    with pytest.raises(Invalid) as caught:
        validator_of(MANY)({"k" * 100_000: "x"})
    assert len(str(caught.value)) < 600


def test_what_can_be_printed_is_shown_as_it_is() -> None:
    assert one_line("grün ist {schön}") == "grün ist {schön}"


@pytest.mark.parametrize("source", generate.sources(), ids=lambda source: source.name)
def test_the_validators_are_those_of_the_schemas(source: Path) -> None:
    assert generate.destination(source).read_text() == generate.generate(source)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of schemas of its own, with one schema and its validator."""
    (tmp_path / "generated").mkdir()
    (tmp_path / "generated" / "__init__.py").touch()
    (tmp_path / "thing-two.schema.json").write_text(json.dumps(MANY))
    monkeypatch.setattr(generate, "HERE", tmp_path)
    assert generate.main([]) == 0
    return tmp_path


def test_a_check_right_after_generating_finds_nothing(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (elsewhere / "generated" / "thing_two.py").exists()
    assert generate.main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_a_check_finds_a_changed_schema_and_writes_nothing(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (elsewhere / "generated" / "thing_two.py").read_text()
    (elsewhere / "thing-two.schema.json").write_text('{"type": "null"}')
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().err == (
        "schemas/generated/thing_two.py is out of date: run `python -m schemas.generate`\n"
    )
    assert (elsewhere / "generated" / "thing_two.py").read_text() == before


def test_a_check_finds_an_edited_validator(elsewhere: Path) -> None:
    with (elsewhere / "generated" / "thing_two.py").open("a") as validator:
        validator.write("# edited\n")
    assert generate.main(["--check"]) == 1


def test_a_check_finds_a_missing_validator_and_one_without_a_schema(elsewhere: Path) -> None:
    (elsewhere / "generated" / "thing_two.py").rename(elsewhere / "generated" / "other.py")
    assert [path.name for path in generate.outdated()] == ["other.py", "thing_two.py"]


def test_an_unusable_schema_is_named(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "thing-two.schema.json").write_text('{"oneOf": []}')
    for arguments in ([], ["--check"]):
        assert generate.main(arguments) == 1
        assert capsys.readouterr().err.startswith("thing-two.schema.json: keywords ['oneOf']")


def test_wrong_arguments_are_told_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--chek"]) == 2
    assert capsys.readouterr().err == "usage: python -m schemas.generate [--check]\n"


def test_a_generated_validator_needs_nothing_that_is_slow_to_import() -> None:
    text = generate.destination(generate.HERE / "state.schema.json").read_text()
    imports = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert imports == ["from __future__ import annotations", "from schemas.invalid import Invalid, escape"]
    assert state.validate.__annotations__ == {"document": "object", "return": "None"}
