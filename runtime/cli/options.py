"""What the table of commands is made of."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal, NamedTuple

    from runtime.cli.argv import Known

    Kind = Literal["flag", "text", "path", "number", "list"]
    Origin = Literal["minimal API", "runc", "crun", "runf"]
else:
    from runtime.values import NamedTuple


class Option(NamedTuple):
    """``name`` is the long form without its dashes.

    A flag takes no value; a list is given once for each of its values; a path is text that shells complete as a file.
    """

    name: str
    kind: Kind
    help: str
    origin: Origin = "runc"
    short: str = ""
    metavar: str = ""
    choices: tuple[str, ...] = ()
    default: str | int | None = None


class Argument(NamedTuple):
    """A positional argument; the last one of a command may take ``many``."""

    name: str
    required: bool = True
    many: bool = False
    choices: tuple[str, ...] = ()


class Command(NamedTuple):
    """``hot`` commands are called by machines, and read without click.

    Of a ``passing`` one, what follows the first argument is another program's command line, its options too.
    """

    name: str
    summary: str
    origin: Origin
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    example: str = ""
    hot: bool = True
    passing: bool = False


_DEFAULTS: dict[str, object] = {"flag": False, "text": None, "path": None, "number": 0, "list": ()}


def find_option(word: str, known: Sequence[Option]) -> Option | None:
    """The option that ``word`` spells."""
    return next((option for option in known if word in spellings(option)), None)


def spellings(option: Option) -> tuple[str, ...]:
    """``--name``, ``-name`` as Go's programs have it, and the short form."""
    short = (f"-{option.short}",) if option.short else ()
    return (f"--{option.name}", f"-{option.name}", *short)


def defaults(options: tuple[Option, ...]) -> dict[str, object]:
    """The values of ``options`` that nobody gave."""
    return {option.name: _DEFAULTS[option.kind] if option.default is None else option.default for option in options}


def known(options: tuple[Option, ...], arguments: tuple[Argument, ...] = (), passing: bool = False) -> Known:
    """The same as the fast reader has it."""
    least = sum(argument.required for argument in arguments)
    most = None if any(argument.many for argument in arguments) else len(arguments)
    spelt = {spelling: option for option in reversed(options) for spelling in spellings(option)}
    kinds = {spelling: (option.name, option.kind, option.choices) for spelling, option in spelt.items()}
    return least, most, passing, kinds, defaults(options)
