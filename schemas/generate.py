"""Writes ``generated/<name>.py`` from each ``<name>.schema.json``: ``python -m schemas.generate``.

With ``--check`` it writes nothing, names what is out of date and exits with 1 then.  ``generated/state_text.py`` comes
from the schema of records too: texts.py.

The result is plain Python that imports nothing but ``schemas.invalid``, looks at each value once, and builds a
pointer only where it raises.  The generator knows the part of JSON Schema 2020-12 that our schemas use; a keyword
outside of it, a keyword that could never apply, and a pattern that ``schemas.patterns`` can't translate fail the
generation, so that nothing is left unchecked in silence.  Stricter than the letter in one point: ``1.0`` is no integer.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas import texts
from schemas.explain import NAMES
from schemas.invalid import escape
from schemas.patterns import DIGITS_NAME, DIGITS_TABLE, translate

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).parent
SUFFIX = ".schema.json"
ANNOTATIONS = frozenset({"$schema", "$id", "$defs", "title", "description", "examples", "$comment"})
KEYWORDS = {
    "object": frozenset({"required", "properties", "additionalProperties"}),
    "array": frozenset({"items", "minItems", "maxItems", "uniqueItems"}),
    "string": frozenset({"minLength", "maxLength", "pattern"}),
    "integer": frozenset({"minimum", "maximum"}),
    "number": frozenset({"minimum", "maximum"}),
    "boolean": frozenset[str](),
    "null": frozenset[str](),
}
ALONE = ("$ref", "anyOf", "enum", "const")
TESTS = {
    "object": "type({0}) is dict",
    "array": "type({0}) is list",
    "string": "type({0}) is str",
    "integer": "type({0}) is int",
    "number": "(type({0}) is int or type({0}) is float)",
    "boolean": "({0} is True or {0} is False)",
    "null": "{0} is None",
}
HEADER = '''"""Generated from {source} by schemas/generate.py: edit that, and run `python -m schemas.generate`."""

# ruff: noqa
# fmt: off

from __future__ import annotations

from schemas.invalid import Invalid, escape
'''

Schema = dict[str, Any]


class Unusable(Exception):
    """The schema says something that the generator can't translate."""


class Place(NamedTuple):
    """A value in the generated code: its variable, and the inside of the f-string that gives its pointer."""

    variable: str
    pointer: str

    def member(self, variable: str, key: str) -> Place:
        """The member ``key`` of the value, held in ``variable``."""
        return Place(variable, f"{self.pointer}/{_literal(escape(key))}")

    def inner(self, variable: str, expression: str) -> Place:
        """An item or member of the value whose key is only known at run time."""
        return Place(variable, f"{self.pointer}/{{{expression}}}")


class Generator:
    """Collects the lines of one generated module."""

    def __init__(self, schema: Schema) -> None:
        self.definitions: dict[str, Schema] = schema.get("$defs", {})
        self.root = schema
        self.constants: dict[str, str] = {}
        self.functions: list[str] = []
        self.called: set[str] = set()
        self.lines: list[str] = []
        self.count = 0

    def module(self, source: str) -> str:
        """The text of the module."""
        self.function("validate", self.root, "document: object", Place("document", ""))
        constants = "".join(f"{name} = {expression}\n" for expression, name in self.constants.items())
        if any(DIGITS_NAME in text for text in self.functions):
            constants += f"{DIGITS_NAME} = {DIGITS_TABLE}\n"
        return "\n\n".join([HEADER.format(source=source) + "\n" + constants, *self.functions])

    def function(self, name: str, schema: Schema, parameters: str, place: Place) -> None:
        """Adds the function ``name``, which checks one value."""
        outer, self.lines = self.lines, []
        self.value(schema, place, 1)
        docs = '    """Raises Invalid unless ``document`` follows the schema."""\n' if name == "validate" else ""
        body = "\n".join(self.lines) or "    return"
        self.lines = outer
        self.functions.append(f"def {name}({parameters}) -> None:\n{docs}{body}\n")

    def emit(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def refuse(self, depth: int, place: Place, message: str) -> None:
        """The line that raises; ``message`` may hold replacement fields."""
        pointer = f'f"{place.pointer}"' if "{" in place.pointer else json.dumps(place.pointer)
        text = f"f{message!r}" if "{" in message else repr(message)
        self.emit(depth, f"raise Invalid({pointer}, {text})")

    def check(self, depth: int, wrong: str, place: Place, message: str) -> None:
        self.emit(depth, f"if {wrong}:")
        self.refuse(depth + 1, place, message)

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def value(self, schema: Schema, place: Place, depth: int) -> None:
        """Emits the check of the value at ``place``; no line where anything goes."""
        keywords = schema.keys() - ANNOTATIONS
        if not keywords:
            return
        for alone in ALONE:
            if alone in schema:
                if keywords - {alone, "type"} or (alone in ("$ref", "anyOf") and "type" in keywords):
                    raise Unusable(f"{alone} beside {sorted(keywords - {alone})}")
                break
        if "$ref" in schema:
            self.reference(schema["$ref"], place, depth)
        elif "anyOf" in schema:
            self.any_of(schema["anyOf"], place, depth)
        elif "enum" in schema or "const" in schema:
            self.enumeration(schema["enum"] if "enum" in schema else [schema["const"]], place, depth)
        else:
            self.typed(schema, keywords, place, depth)

    def reference(self, reference: str, place: Place, depth: int) -> None:
        """Scalars are checked on the spot; objects and arrays by a function of their own."""
        prefix, _, name = reference.rpartition("/")
        if prefix != "#/$defs" or name not in self.definitions:
            raise Unusable(f"$ref {reference}")
        target = self.definitions[name]
        if not {"properties", "additionalProperties", "items"} & target.keys():
            self.value(target, place, depth)
            return
        if name not in self.called:
            self.called.add(name)
            self.function(f"_{name}", target, "value: object, pointer: str", Place("value", "{pointer}"))
        self.emit(depth, f'_{name}({place.variable}, f"{place.pointer}")')

    def any_of(self, choices: list[Schema], place: Place, depth: int) -> None:
        """One choice beside null is an ``if``; of several, the first that fits counts."""
        others = [choice for choice in choices if choice.get("type") != "null"]
        if len(others) < len(choices):
            self.emit(depth, f"if {place.variable} is not None:")
            depth += 1
        if len(others) == 1:
            before = len(self.lines)
            self.value(others[0], place, depth)
            if len(self.lines) == before:
                self.emit(depth, "pass")
            return
        names = [self.fresh("_choice") for _ in others]
        for name, choice in zip(names, others, strict=True):
            self.function(name, choice, "value: object, pointer: str", Place("value", "{pointer}"))
        chosen = self.fresh("choice")
        self.emit(depth, f"for {chosen} in ({', '.join(names)}):")
        self.emit(depth + 1, "try:")
        self.emit(depth + 2, f'{chosen}({place.variable}, f"{place.pointer}")')
        self.emit(depth + 2, "break")
        self.emit(depth + 1, "except Invalid:")
        self.emit(depth + 2, "continue")
        self.emit(depth, "else:")
        self.refuse(depth + 1, place, "fits none of the allowed forms")

    def enumeration(self, values: list[Any], place: Place, depth: int) -> None:
        """Equal in JSON's sense: true is not 1."""
        for each in values:
            if not isinstance(each, str | int | None):
                raise Unusable(f"{each!r} in an enumeration")
        names = {"string": str, "integer": int, "boolean": bool, "null": type(None)}
        tests = []
        for name, kind in names.items():
            own = tuple(each for each in values if type(each) is kind)
            if own and name == "null":
                tests.append(TESTS["null"])
            elif len(own) == 1:
                tests.append(f"{TESTS[name]} and {{0}} == {own[0]!r}")
            elif own:
                tests.append(f"{TESTS[name]} and {{0}} in {own!r}")
        fits = " or ".join(tests).format(place.variable)
        wanted = " or ".join(json.dumps(each) for each in values)
        self.check(depth, f"not ({fits})", place, f"must be {_literal(wanted)}")

    def typed(self, schema: Schema, keywords: set[str], place: Place, depth: int) -> None:
        """A value of one or several types, each with the keywords that belong to it."""
        declared = schema.get("type", [])
        kinds: list[str] = [declared] if isinstance(declared, str) else declared
        allowed = frozenset({"type"}).union(*(KEYWORDS[kind] for kind in kinds))
        if keywords - allowed:
            raise Unusable(f"keywords {sorted(keywords - allowed)} with type {kinds or 'missing'}")
        fits = " or ".join(TESTS[kind] for kind in kinds).format(place.variable)
        wanted = " or ".join(NAMES[kind] for kind in kinds)
        self.check(depth, f"not ({fits})" if " or " in fits else _negated(fits), place, f"must be {wanted}")
        for kind in kinds:
            body, self.lines = self.lines, []
            inner = depth + 1 if len(kinds) > 1 else depth
            self.details(kind, schema, place, inner)
            body, self.lines = self.lines, body
            if body and len(kinds) > 1:
                self.emit(depth, f"if {TESTS[kind].format(place.variable)}:")
            self.lines += body

    def details(self, kind: str, schema: Schema, place: Place, depth: int) -> None:
        if kind == "object":
            self.object(schema, place, depth)
        elif kind == "array":
            self.array(schema, place, depth)
        elif kind == "string":
            self.string(schema, place, depth)
        elif kind in ("integer", "number"):
            self.number(schema, place, depth)

    def object(self, schema: Schema, place: Place, depth: int) -> None:
        properties: dict[str, Schema] = schema.get("properties", {})
        required: list[str] = schema.get("required", [])
        rest: Schema | bool = schema.get("additionalProperties", True)
        held = place.variable
        if required and rest is False and {*required} == properties.keys():
            self.closed(properties, place, depth)
            return
        if required:
            name = self.keys(required)
            self.check(depth, f"not {held}.keys() >= {name}", place, f"lacks {_listed(f'{name} - {held}.keys()')}")
        if rest is False:
            name = self.keys(properties)
            self.check(
                depth, f"not {held}.keys() <= {name}", place, f"has no member {_listed(f'{held}.keys() - {name}')}"
            )
        for key, inner in properties.items():
            self.member(key, inner, place, depth, is_required=key in required)
        if isinstance(rest, dict) and rest.keys() - ANNOTATIONS:
            if properties:
                raise Unusable("additionalProperties with a schema beside properties")
            key, item = self.fresh("key"), self.fresh("value")
            self.emit(depth, f"for {key}, {item} in {held}.items():")
            self.value(rest, place.inner(item, f"escape({key})"), depth + 1)

    def closed(self, properties: dict[str, Schema], place: Place, depth: int) -> None:
        """All members are required, and no others allowed: so many as there are, each found, are the right ones."""
        held, name = place.variable, self.keys(properties)
        lacks = f"lacks {_listed(f'{name} - {held}.keys()')}"
        variables = {key: self.fresh("value") for key in properties}
        self.emit(depth, f"if len({held}) == {len(properties)}:")
        self.emit(depth + 1, "try:")
        for key, variable in variables.items():
            self.emit(depth + 2, f"{variable} = {held}[{key!r}]")
        self.emit(depth + 1, "except KeyError:")
        self.refuse(depth + 2, place, lacks)
        self.lines[-1] += " from None"
        self.emit(depth, f"elif not {held}.keys() >= {name}:")
        self.refuse(depth + 1, place, lacks)
        self.emit(depth, "else:")
        self.refuse(depth + 1, place, f"has no member {_listed(f'{held}.keys() - {name}')}")
        for key, inner in properties.items():
            self.value(inner, place.member(variables[key], key), depth)

    def member(self, key: str, schema: Schema, place: Place, depth: int, *, is_required: bool) -> None:
        variable = self.fresh("value")
        outer, self.lines = self.lines, []
        inner = depth if is_required else depth + 1
        self.emit(inner, f"{variable} = {place.variable}[{key!r}]")
        self.value(schema, place.member(variable, key), inner)
        outer, self.lines = self.lines, outer
        if len(outer) == 1:
            return
        if not is_required:
            self.emit(depth, f"if {key!r} in {place.variable}:")
        self.lines += outer

    def array(self, schema: Schema, place: Place, depth: int) -> None:
        self.length(schema, "Items", "items", place, depth)
        if schema.get("uniqueItems") and schema.get("items", {}).get("type") not in ("string", "integer"):
            raise Unusable("uniqueItems of anything but strings or integers")
        items = schema.get("items", {})
        if items.keys() - ANNOTATIONS:
            index, item = self.fresh("index"), self.fresh("value")
            self.emit(depth, f"for {index}, {item} in enumerate({place.variable}):")
            self.value(items, place.inner(item, index), depth + 1)
        if schema.get("uniqueItems"):
            held = place.variable
            self.check(depth, f"len(set({held})) != len({held})", place, "must not repeat an item")

    def string(self, schema: Schema, place: Place, depth: int) -> None:
        self.length(schema, "Length", "characters", place, depth)
        if "pattern" in schema:
            wrong = translate(schema["pattern"], place.variable)
            if wrong is None:
                raise Unusable(f"pattern {schema['pattern']}")
            self.check(depth, wrong, place, f"must match {_literal(schema['pattern'])}")

    def length(self, schema: Schema, suffix: str, unit: str, place: Place, depth: int) -> None:
        if schema.get(f"min{suffix}"):
            least = schema[f"min{suffix}"]
            self.check(depth, f"len({place.variable}) < {least}", place, f"must have at least {least} {unit}")
        if f"max{suffix}" in schema:
            most = schema[f"max{suffix}"]
            self.check(depth, f"len({place.variable}) > {most}", place, f"must have at most {most} {unit}")

    def number(self, schema: Schema, place: Place, depth: int) -> None:
        if "minimum" in schema:
            self.check(depth, f"{place.variable} < {schema['minimum']}", place, f"must be at least {schema['minimum']}")
        if "maximum" in schema:
            self.check(depth, f"{place.variable} > {schema['maximum']}", place, f"must be at most {schema['maximum']}")

    def keys(self, names: Iterable[str]) -> str:
        """The constant that holds these names."""
        expression = f"frozenset({sorted(names)!r})"
        name = self.constants.get(expression) or f"_KEYS{len(self.constants) + 1}"
        self.constants[expression] = name
        return name


def _literal(text: str) -> str:
    """``text`` for the inside of an f-string."""
    return text.replace("{", "{{").replace("}", "}}")


def _listed(names: str) -> str:
    """A replacement field that lists the set of the expression ``names``."""
    return f"{{', '.join(sorted({names}))}}"


def _negated(test: str) -> str:
    return test.replace(" is ", " is not ", 1)


def generate(source: Path) -> str:
    """The validator's module for the schema in ``source``; raises Unusable, which names it."""
    try:
        return Generator(json.loads(source.read_text())).module(f"schemas/{source.name}")
    except Unusable as error:
        raise Unusable(f"{source.name}: {error}") from None


def generate_text(source: Path) -> str:
    """The module of the expression that the texts of such documents match; raises Unusable, which names it."""
    try:
        return texts.module(json.loads(source.read_text()), f"schemas/{source.name}")
    except texts.Unusable as error:
        raise Unusable(f"{source.name}: {error}") from None


def sources() -> list[Path]:
    """All schemas."""
    return sorted(HERE.glob(f"*{SUFFIX}"))


def destination(source: Path) -> Path:
    """Where the validator of ``source`` belongs."""
    return HERE / "generated" / f"{source.name.removesuffix(SUFFIX).replace('-', '_')}.py"


def wanted() -> dict[Path, str]:
    """What belongs into ``generated/``; raises Unusable."""
    found = {destination(source): generate(source) for source in sources()}
    state = HERE / f"state{SUFFIX}"
    return found | ({HERE / "generated/state_text.py": generate_text(state)} if state in sources() else {})


def write() -> None:
    """Rewrites all validators; raises Unusable."""
    for path, text in wanted().items():
        path.write_text(text)


def outdated() -> list[Path]:
    """The validators that differ from what their schemas say, are missing, or have none any more; raises Unusable."""
    found = wanted()
    present = {path for path in (HERE / "generated").glob("*.py") if path.name != "__init__.py"}
    stale = {path for path, text in found.items() if path in present and path.read_text() != text}
    return sorted(stale | (found.keys() ^ present))


def main(arguments: list[str]) -> int:
    """The command: 0 when all is well, 1 for an outdated validator or an unusable schema, 2 for wrong arguments."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m schemas.generate [--check]", file=sys.stderr)
        return 2
    try:
        if not arguments:
            write()
            return 0
        stale = outdated()
    except Unusable as error:
        print(error, file=sys.stderr)
        return 1
    for path in stale:
        print(f"schemas/generated/{path.name} is out of date: run `python -m schemas.generate`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
