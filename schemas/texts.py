"""Regular expressions that match the text of valid documents only, as our own writer lays it out.

    schema -> one expression; it matches -> the text is one JSON value, and follows the schema
                              else       -> nothing is said: decode it, and validate that

Most that is read was written by ``runtime.jsontext.render``: members in one order, one a line, ASCII without escapes.
To match that takes a third of what decoding and validating take.  ``generate.py`` writes the result into
``generated/state_text.py``.  Every repetition is possessive: a text is looked at once, from its beginning to its end.
"""

from __future__ import annotations

import json
import re
from typing import Any

Schema = dict[str, Any]

# ASCII that needs no escape, letters first
CHARACTER = "[]-~#-[ !]"
# longer ones are decoded: a number of any length is valid, and int() takes its time with it
DIGITS = 18
# as records are written (runtime.store.record.new_record)
RECORD = (
    *("ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations", "owner", "schemaVersion"),
    *("instance", "generation", "runtime", "started", "finished", "finishedPrecision", "exit", "process", "maker"),
    *("starter", "fault", "linux", "transitions", "transitionsDropped", "execs", "execsDropped"),
)
# what is taken out of a text that matches; a string without its quotes
GROUPS = (
    *("id", "pid", "status", "bundle", "created", "owner", "instance", "generation", "runtime", "exit"),
    *("process", "process/pid", "process/startTime", "process/bootId", "process/pidNamespace", "process/timeNamespace"),
    *("maker", "starter", "linux/cgroup", "transitions", "transitionsDropped", "execs", "execsDropped"),
)
HEADER = '''"""Generated from {source} by schemas/generate.py: edit that, and run `python -m schemas.generate`.

PATTERN matches a valid record's text as it is written, and nothing that is no valid record; GROUPS are its groups.
"""

# ruff: noqa
# fmt: off

from __future__ import annotations

GROUPS = {groups!r}
CODE = b""  # PATTERN as re compiles it, which the installation has instead: hatch_build.py
PATTERN = (
'''


class Unusable(Exception):
    """The schema says something that can't be told of a text."""


def module(schema: Schema, source: str) -> str:
    """The text of the generated module."""
    text = _Texts(schema).pattern()
    lines = "".join(f"    {piece!r}\n" for piece in re.split(r"(?<=,)(?=\\n)", text))
    return f"{HEADER.format(source=source, groups=GROUPS)}{lines})\n"


class _Texts:
    """``place`` is where a value stands, as in GROUPS; ``indent`` None for what is written on one line."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._definitions: dict[str, Schema] = schema.get("$defs", {})

    def pattern(self) -> str:
        """That of a whole file."""
        order = {name: self._schema["properties"][name] for name in RECORD}
        if order.keys() != self._schema["properties"].keys():
            raise Unusable("the order of the members is that of another schema")
        return self.value({**self._schema, "properties": order}, "", r"\n") + r"\n"

    def value(self, schema: Schema, place: str, indent: str | None) -> str:
        found = self._value(schema, place, indent)
        if place not in GROUPS:
            return found
        return f'"({found[1:-1]})"' if found.startswith('"') else f"({found})"

    def _value(self, schema: Schema, place: str, indent: str | None) -> str:
        if "$ref" in schema:
            return self._value(self._definitions[schema["$ref"].rpartition("/")[2]], place, indent)
        if "anyOf" in schema:
            return _one_of(self._value(each, place, indent) for each in schema["anyOf"])
        if "enum" in schema or "const" in schema:
            return _enumeration(schema["enum"] if "enum" in schema else [schema["const"]])
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return _one_of(self._typed(kind, schema, place, indent) for kind in kinds)

    def _typed(self, kind: str, schema: Schema, place: str, indent: str | None) -> str:
        if kind == "object":
            return self._object(schema, place, indent)
        if kind == "array":
            return self._array(schema, place, indent)
        if kind == "string":
            return _string(schema)
        if kind == "integer":
            return _integer(schema)
        return {"null": "null", "boolean": "(?:true|false)"}[kind]

    def _object(self, schema: Schema, place: str, indent: str | None) -> str:
        inner = None if indent is None else f"{indent}  "
        if "properties" not in schema:
            each = f"{_string({})}: {self.value(schema['additionalProperties'], f'{place}/', inner)}"
            return _many(each, r"\{", r"\}", indent, None)
        if schema.get("additionalProperties") is not False:
            raise Unusable(f"{place} is open")
        text = ""
        for key, own in schema["properties"].items():
            begin = ("," if text else "") + (inner or (" " if text else ""))
            member = f"{begin}{re.escape(json.dumps(key))}: {self.value(own, f'{place}/{key}'.lstrip('/'), inner)}"
            text += member if key in schema["required"] else f"(?:{member})?+"
        return rf"\{{{text}{indent or ''}\}}"

    def _array(self, schema: Schema, place: str, indent: str | None) -> str:
        """Of objects: one a line."""
        return _many(self.value(schema["items"], f"{place}/", None), r"\[", r"\]", indent, schema["maxItems"])


def _many(each: str, begin: str, end: str, indent: str | None, most: int | None) -> str:
    """Without looking around: Python 3.11.2 matches no repetition that is possessive and does that."""
    if indent is None:
        raise Unusable("nothing within one line varies in number")
    more = "*" if most is None else f"{{0,{most - 1}}}"
    return f"{begin}(?:{indent}  {each}(?:,{indent}  {each}){more}+{indent})?+{end}"


def _one_of(patterns: Any) -> str:
    found = sorted(patterns, key=lambda each: each != "null")
    return found[0] if len(found) == 1 else f"(?:{'|'.join(found)})"


def _enumeration(values: list[Any]) -> str:
    texts = [re.escape(json.dumps(each)) for each in values]
    if len(texts) > 1 and all(isinstance(each, str) for each in values):
        return f'"(?:{"|".join(each[1:-1] for each in texts)})"'
    return _one_of(texts)


def _string(schema: Schema) -> str:
    """A pattern of ours says the same of the text between the quotes, so long as it lets no quote or escape through."""
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    pattern = schema.get("pattern")
    if pattern is None:
        return f'"{CHARACTER}{{{least},{"" if most is None else most}}}+"'
    if pattern == "^/":
        return f'"/{CHARACTER}{{0,{"" if most is None else most - 1}}}+"'
    if not (pattern.startswith("^") and pattern.endswith("$")) or {*'"\\|()'} & {*pattern} or "[^" in pattern:
        raise Unusable(f"pattern {pattern}")
    return f'"{re.sub(r"([}])", r"}+", pattern[1:-1])}"'


def _integer(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least not in (0, 1):
        raise Unusable(f"integers from {least}")
    positive = f"[1-9][0-9]{{0,{DIGITS - 1}}}+" if most is None else _at_most(str(most))
    return positive if least else f"(?:0|{positive})"


def _at_most(most: str) -> str:
    """The numbers from 1 on, but for those that begin like ``most`` and are as long: they are decoded."""
    if len(most) < 2 or most[0] == "1":
        raise Unusable(f"integers up to {most}")
    same = f"[1-{int(most[0]) - 1}][0-9]{{{len(most) - 1}}}"
    return f"(?:{same}|[1-9][0-9]{{0,{len(most) - 2}}}+)"
