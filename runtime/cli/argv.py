"""The fast reader of command lines that machines send: strict, and silent about everything unusual.

Whatever it isn't sure of, help and mistakes too, it leaves to click (``app.py``), which takes five times as long to
load as a command takes to run. Where both give an answer it is the same one; a property test holds them to that.
"""

from __future__ import annotations

from runtime.cli.options import Parsed, defaults
from runtime.cli.table import GLOBALS, find_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.cli.options import Command, Option

DIGITS_LIMIT = 9  # more is no number of anything here, and Python itself refuses thousands of digits


def read(words: Sequence[str]) -> Parsed | None:
    """The command line after the program's name; None for whatever click has to look at."""
    general, place = read_globals(words)
    command = find_command(words[place]) if place is not None and place < len(words) else None
    if place is None or command is None or not command.hot:
        return None
    options = defaults(command.options)
    arguments: list[str] = []
    end = _read_options(words, place + 1, command.options, options, None if command.passing else arguments)
    if command.passing and end is not None:
        arguments = passed(words[end:])
    if end is None or not _fits(command, arguments):
        return None
    return Parsed(command.name, general, options, tuple(arguments))


def read_globals(words: Sequence[str]) -> tuple[dict[str, object], int | None]:
    """The global options, as far as they can be read, and the command's place; None for it after a mistake."""
    values = defaults(GLOBALS)
    return values, _read_options(words, 0, GLOBALS, values, None)


def passed(words: Sequence[str]) -> list[str]:
    """The arguments of a passing command; -- may stand behind the first one, and is not part of what is passed."""
    return [*words[:1], *words[2 if words[1:2] == ["--"] else 1 :]]


def find_option(word: str, known: Sequence[Option]) -> Option | None:
    """The option that ``--name``, ``-name`` as Go's programs have it, or the short form stands for."""
    bare = word[2:] if word[:2] == "--" else word[1:]
    for option in known:
        if option.name == bare and len(bare) > 1:
            return option
        if option.short == bare and bare and word[:2] != "--":
            return option
    return None


def _fits(command: Command, arguments: list[str]) -> bool:
    least = sum(argument.required for argument in command.arguments)
    takes_many = any(argument.many for argument in command.arguments)
    return least <= len(arguments) and (takes_many or len(arguments) <= len(command.arguments))


def _read_options(
    words: Sequence[str],
    place: int,
    known: tuple[Option, ...],
    values: dict[str, object],
    arguments: list[str] | None,
) -> int | None:
    """Read options into ``values`` until the first word that is none, or all words where it may go into ``arguments``.

    The place of the first word that was not read; None where a word can't be read.
    """
    while place < len(words):
        word = words[place]
        if word[:1] != "-" or word == "-":
            if arguments is None:
                return place
            arguments.append(word)
            place += 1
            continue
        if word == "--":
            if arguments is None:
                return None
            arguments.extend(words[place + 1 :])
            return len(words)
        after = _read_option(words, place, known, values)
        if after is None:
            return None
        place = after
    return place


def _read_option(words: Sequence[str], place: int, known: tuple[Option, ...], values: dict[str, object]) -> int | None:
    """Read the option at ``place``, and its value; the place after both, or None."""
    name, given, value = words[place].partition("=")
    option = find_option(name, known)
    if option is None:
        return None
    if option.kind == "flag":
        if given:
            return None
        values[option.name] = True
        return place + 1
    if not given:
        place += 1
        if place >= len(words):
            return None
        value = words[place]
    return place + 1 if _take(option, value, values) else None


def _take(option: Option, value: str, values: dict[str, object]) -> bool:
    if option.choices and value not in option.choices:
        return False
    if option.kind == "number":
        if not (value.isascii() and value.isdigit() and len(value) <= DIGITS_LIMIT):
            return False
        values[option.name] = int(value)
    elif option.kind == "list":
        values[option.name] = (*values[option.name], value)  # type: ignore[misc]
    else:
        values[option.name] = value
    return True
