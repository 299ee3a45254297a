"""What the table of commands is made of, and what a command line comes to that was read by it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, NamedTuple

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


class Parsed(NamedTuple):
    """A command line, read: every option by its name, with its default where it wasn't given."""

    command: str
    globals: dict[str, object]
    options: dict[str, object]
    arguments: tuple[str, ...]


_DEFAULTS: dict[str, object] = {"flag": False, "text": None, "path": None, "number": 0, "list": ()}


def defaults(options: tuple[Option, ...]) -> dict[str, object]:
    """The values of ``options`` that nobody gave."""
    return {option.name: _DEFAULTS[option.kind] if option.default is None else option.default for option in options}
