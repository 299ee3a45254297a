"""How a fault names the place and shows the value: shared by everything that checks a config.json."""

from __future__ import annotations

from runtime.errors import SpecFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Faults = Iterator[SpecFault]

SHOWN_CHARACTERS = 120


def one_line(text: str) -> str:
    """``text`` with everything escaped that would move a terminal's cursor, or has no bytes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def quote(text: str) -> str:
    """``text`` in quotes on one line, shortened where it is long."""
    return f'"{one_line(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "...")}"'


def pointer(*parts: str | int) -> str:
    """The JSON pointer of the member that ``parts`` lead to (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def find_relative(path: str, *parts: str | int) -> Faults:
    """A fault at ``parts`` where ``path`` doesn't start at the root."""
    if not path.startswith("/"):
        example = quote("/" + path.lstrip("./"))
        yield SpecFault(
            pointer(*parts), f"{quote(path)} is not absolute", hint=f"write an absolute path such as {example}"
        )


def find_nameless(environment: list[str], *parts: str | int) -> Faults:
    """A fault for each entry of ``environment`` that isn't ``NAME=value``."""
    for index, entry in enumerate(environment):
        if entry.find("=") < 1:
            yield SpecFault(
                pointer(*parts, index),
                f"{quote(entry)} has no name and value",
                hint="write NAME=value, or leave it out",
            )
