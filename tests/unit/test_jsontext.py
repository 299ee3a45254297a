"""JSON text: what is refused, and with which words."""

from __future__ import annotations

import json

import pytest

from runtime import jsontext
from runtime.jsontext import BadJson


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a value is missing at line 1, column 1"),
        ("\n\n [1,]", "a value is missing at line 3, column 5"),
        ("1 2", "something follows the value at line 1, column 3"),
        ("NaN", "NaN is not JSON"),
        ("-Infinity", "-Infinity is not JSON"),
        ("1e999", "too large a number"),
        ("[" * 200_000, "nested too deeply"),
        (b"\xff", "utf-8"),
        ('{"a" 1}', "delimiter"),
        ('"\x01"', "control character"),
    ],
)
def test_a_wrong_text_is_refused_with_the_place(text: str | bytes, words: str) -> None:
    with pytest.raises(BadJson) as caught:
        jsontext.decode(text)
    assert words in str(caught.value)


def test_white_space_around_the_value_is_no_fault() -> None:
    assert jsontext.decode(b" \r\n\t{ } \n") == {}


def test_rendered_text_shows_one_list_item_a_line() -> None:
    text = jsontext.render({"a": 1, "list": [{"x": 1}, {"x": 2}], "inner": {"b": []}})
    assert text.splitlines() == [
        "{",
        '  "a": 1,',
        '  "list": [',
        '    {"x": 1},',
        '    {"x": 2}',
        "  ],",
        '  "inner": {',
        '    "b": []',
        "  }",
        "}",
    ]


def test_text_for_programs_has_no_spaces() -> None:
    # some callers of runc look for its lines as text
    assert jsontext.encode({"type": "stats", "id": "one", "pids": [1, 2]}) == '{"type":"stats","id":"one","pids":[1,2]}'


def test_a_value_without_json_form_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        jsontext.encode({"a": object()})


def test_not_a_number_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        jsontext.encode(float("nan"))


def test_what_is_rendered_is_what_json_reads() -> None:
    value = {"é": ["\U0001f600", "\ud800", None, True, -1.5e-7, {"k": [[1], []]}]}
    assert json.loads(jsontext.render(value)) == value
    assert json.loads(jsontext.encode(value)) == value
