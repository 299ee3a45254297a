"""The fast reader of command lines that machines send: strict, and silent about everything unusual.

Whatever it isn't sure of, help and mistakes too, it leaves to click (``app.py``), which takes five times as long to
load as a command takes to run. Where both give an answer it is the same one; a property test holds them to that.
"""

from __future__ import annotations

from marshal import loads

from runtime.cli.parsed import Parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    # by its spellings: an option's name, kind and choices
    Spellings = Mapping[str, tuple[str, str, tuple[str, ...]]]
    # of a command: how many arguments at least and at most, whether it is a passing one, its options, their defaults
    Known = tuple[int, int | None, bool, Spellings, dict[str, object]]

DIGITS_LIMIT = 9  # more is no number of anything here, and Python itself refuses thousands of digits
# what runtime.cli.table has of each command, marshalled: the installation has it (hatch_build.py), and loads no table
NAMES: tuple[str, ...] = ()
KNOWN: tuple[bytes, ...] = ()


def read(words: Sequence[str]) -> Parsed | None:
    """The command line after the program's name; None for whatever click has to look at."""
    general, place = read_globals(words)
    command = words[place] if place is not None and place < len(words) else ""
    known = _known(command) if command else None
    if place is None or known is None:
        return None
    least, most, is_passing, spellings, options = known
    arguments: list[str] = []
    end = _read_options(words, place + 1, spellings, options, None if is_passing else arguments)
    if end is None:
        return None
    if is_passing:
        arguments = passed(words[end:])
    if len(arguments) < least or (most is not None and len(arguments) > most):
        return None
    return Parsed(command, general, options, tuple(arguments))


def read_globals(words: Sequence[str]) -> tuple[dict[str, object], int | None]:
    """The global options, as far as they can be read, and the command's place; None for it after a mistake."""
    known = _known("")
    assert known is not None
    *_, spellings, values = known
    return values, _read_options(words, 0, spellings, values, None)


def _known(command: str) -> Known | None:
    if command in NAMES:
        found: Known = loads(KNOWN[NAMES.index(command)])  # noqa: S302 (our own)
        return found
    if NAMES:
        return None
    from runtime.cli.table import known_to_machines  # the source tree's own way

    return known_to_machines().get(command)


def passed(words: Sequence[str]) -> list[str]:
    """The arguments of a passing command; -- may stand behind the first one, and is not part of what is passed."""
    return [*words[:1], *words[2 if words[1:2] == ["--"] else 1 :]]


def _read_options(
    words: Sequence[str],
    place: int,
    spellings: Spellings,
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
        after = _read_option(words, place, spellings, values)
        if after is None:
            return None
        place = after
    return place


def _read_option(words: Sequence[str], place: int, spellings: Spellings, values: dict[str, object]) -> int | None:
    """Read the option at ``place``, and its value; the place after both, or None."""
    spelt, given, value = words[place].partition("=")
    option = spellings.get(spelt)
    if option is None:
        return None
    name, kind, choices = option
    if kind == "flag":
        if given:
            return None
        values[name] = True
        return place + 1
    if not given:
        place += 1
        if place >= len(words):
            return None
        value = words[place]
    return place + 1 if _take(name, kind, choices, value, values) else None


def _take(name: str, kind: str, choices: tuple[str, ...], value: str, values: dict[str, object]) -> bool:
    if choices and value not in choices:
        return False
    if kind == "number":
        if not (value.isascii() and value.isdigit() and len(value) <= DIGITS_LIMIT):
            return False
        values[name] = int(value)
    elif kind == "list":
        values[name] = (*values[name], value)  # type: ignore[misc]
    else:
        values[name] = value
    return True
