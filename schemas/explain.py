"""Every place where a document breaks one of our schemas, in words; jsonschema finds them.

The generated validators stop at the first place, and are what the hot commands use.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema

from schemas.invalid import escape, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HERE = Path(__file__).parent
NAMES = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


class Breach(NamedTuple):
    """One place that breaks the schema; ``missing`` is the member that an object there lacks."""

    place: tuple[str | int, ...]
    missing: str | None
    words: str

    @property
    def pointer(self) -> str:
        """The place as a JSON pointer (RFC 6901)."""
        return "".join(f"/{escape(str(part))}" for part in self.place)


def explain(name: str, document: Any) -> list[Breach]:
    """Each breach of ``<name>.schema.json`` in ``document``, sorted by its place."""
    found = {_breach(error) for error in _closest(_validator(name).iter_errors(document))}
    return sorted(
        found,
        key=lambda breach: ([f"{part:09}" if isinstance(part, int) else part for part in breach.place], breach.words),
    )


@cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    text = (HERE / f"{name}.schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


def _closest(errors: Iterable[jsonschema.ValidationError]) -> Iterator[jsonschema.ValidationError]:
    """Of alternatives those that went furthest before they failed: that is what the writer meant."""
    for error in errors:
        depth = max((len(inner.absolute_path) for inner in error.context or ()), default=0)
        if depth > len(error.absolute_path):
            yield from _closest(inner for inner in error.context or () if len(inner.absolute_path) == depth)
        else:
            yield error


def _breach(error: jsonschema.ValidationError) -> Breach:
    missing = None
    if error.validator == "required":  # it has an error for each member, and says which one in its message only
        missing = next(name for name in _wanted(error) if error.message.startswith(repr(name)))
    return Breach(tuple(error.absolute_path), missing, one_line(_words(error, missing)))


def _words(error: jsonschema.ValidationError, missing: str | None) -> str:
    """What the generated validators say where they say it."""
    wanted = _wanted(error)
    match error.validator:
        case "required":
            return f"lacks {missing}"
        case "type":
            return f"must be {' or '.join(NAMES[kind] for kind in ([wanted] if isinstance(wanted, str) else wanted))}"
        case "enum" | "const":
            values = wanted if error.validator == "enum" else [wanted]
            return f"must be {' or '.join(json.dumps(value) for value in values)}"
        case "minimum" | "maximum":
            return f"must be at {'least' if error.validator == 'minimum' else 'most'} {wanted}"
        case "pattern":
            return f"must match {wanted}"
        case _:
            return error.message


def _wanted(error: jsonschema.ValidationError) -> Any:
    """What the keyword that failed has in the schema."""
    return error.validator_value
