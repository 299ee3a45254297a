"""The command line as click reads it: help, errors, and every spelling that the fast reader leaves.

The commands are made from ``table.py``; what click finds comes back as the same ``Parsed`` that the fast reader gives.
"""

from __future__ import annotations

from runtime.cli.argv import find_option, passed
from runtime.cli.candidates import complete_commands, complete_ids
from runtime.cli.options import Option, Parsed, defaults
from runtime.cli.output import write
from runtime.cli.table import GLOBALS, all_commands, find_command
from runtime.cli.version import version_text
from runtime.errors import Fault, UsageFault
from runtime.packages import add_site_packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from runtime.cli.options import Argument, Command

try:
    import click
except ImportError:
    add_site_packages("click")
    try:
        import click
    except ImportError:
        raise Fault("the Python package click is not installed beside runf", hint="install runf with pip") from None

HELP_NAMES = ["-h", "--help"]
SETTINGS = {"help_option_names": HELP_NAMES}
HELP_OPTION = Option("help", "flag", "Show this", short="h")
VERSION_OPTION = Option("version", "flag", "Show the version", short="v")
INTRODUCTION = """An OCI container runtime whose state anybody can follow.

Every action writes <root>/<id>/state.json; `runf events` shows what happens as it happens."""
FIRST_STEPS = """\b
First steps, without an image:
  runf spec --rootless --host-usr --bundle demo -- echo hello
  runf run --bundle demo demo-1"""
OURS = "  [runf's own]"


class Group(click.Group):
    """All commands, in the order of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """As in the table, where they follow a container's life."""
        return list(self.commands)


def read(words: Sequence[str], program: str) -> Parsed | int:
    """What the command line asks for; an exit status where click has answered it already (help, version).

    UsageFault tells a mistake in one line.
    """
    spelled, command = normalise(words)
    try:
        with make_group().make_context(program, spelled) as context:
            found: Parsed = context.command.invoke(context)
            return found
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        raise _explain(error, program, command) from None


def _explain(error: click.ClickException, program: str, command: str | None) -> UsageFault:
    told = error.format_message().strip().rstrip(".")
    told = told[:1].lower() + told[1:]
    if command is None:
        return UsageFault(told, hint=f"`{program} --help` shows what there is")
    if isinstance(error, click.NoSuchOption) and find_option(error.option_name, GLOBALS):
        return UsageFault(told, hint=f"it goes before the command: `{program} {error.option_name} ... {command}`")
    known = f"{command} " if find_command(command) else ""
    return UsageFault(told, hint=f"`{program} {known}--help` shows what there is")


def normalise(words: Sequence[str]) -> tuple[list[str], str | None]:
    """Every option that the table knows as ``--name`` or ``--name=value``, however it was written; and the command.

    Go's programs write long options with one dash, and ``-b=value``, which click reads as something else.
    """
    spelled: list[str] = []
    command: str | None = None
    known: tuple[Option, ...] = (*GLOBALS, HELP_OPTION, VERSION_OPTION)
    passes_on = False
    left = iter(words)
    for word in left:
        if word == "--":
            return [*spelled, word, *left], command
        if word[:1] != "-" or word == "-":
            if passes_on:
                return [*spelled, "--", *passed([word, *left])], command
            spelled.append(word)
            if command is None:
                command = word
                named = find_command(word)
                known = (*named.options, HELP_OPTION) if named else (HELP_OPTION,)
                passes_on = named is not None and named.passing
            continue
        spelled.append(_spell(word, left, known))
    return spelled, command


def _spell(word: str, left: Any, known: tuple[Option, ...]) -> str:
    name, given, value = word.partition("=")
    option = find_option(name, known)
    if option is None:
        return word
    if option.kind == "flag" or given:
        return f"--{option.name}{given}{value}"
    following = next(left, None)
    return f"--{option.name}" if following is None else f"--{option.name}={following}"


def make_group() -> Group:
    """The whole command line."""
    version = click.Option(
        ["--version", "-v"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_version,
        help=VERSION_OPTION.help,
    )
    group = Group(
        "runf",
        params=[*map(_option, GLOBALS), version],
        help=INTRODUCTION,
        epilog=FIRST_STEPS,
        context_settings=SETTINGS,
        no_args_is_help=False,
    )
    for command in all_commands():
        group.add_command(_command(command))
    return group


def help_text(name: str | None) -> str:
    """The help of the command ``name``, or of all.  UsageFault: there is no such command."""
    group = make_group()
    context = click.Context(group, info_name="runf", help_option_names=HELP_NAMES)
    if name is None:
        return group.get_help(context) + "\n"
    command = group.get_command(context, name)
    if command is None:
        raise UsageFault(f"no such command '{name}'", hint="`runf --help` shows what there is")
    inner = click.Context(command, info_name=name, parent=context, help_option_names=HELP_NAMES)
    return command.get_help(inner) + "\n"


def _show_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        write(version_text(context.info_name or "runf"))
        context.exit(0)


def _command(command: Command) -> click.Command:
    def answer(**values: Any) -> Parsed:
        context = click.get_current_context()
        general = context.parent.params if context.parent else {}
        return Parsed(
            command.name,
            _named(GLOBALS, general),
            _named(command.options, values),
            tuple(word for argument in command.arguments for word in _words(values[_variable(argument.name, True)])),
        )

    is_ours = command.origin == "runf"
    return click.Command(
        command.name,
        params=[
            *map(_argument, command.arguments),
            *(_option(option, is_marked=not is_ours) for option in command.options),
        ],
        callback=answer,
        help=f"{command.summary}.{OURS if is_ours else ''}",
        epilog=f"\b\nExample:\n  {command.example}",
        short_help=command.summary,
        context_settings=SETTINGS,
    )


def _variable(name: str, positional: bool = False) -> str:
    return f"{'argument' if positional else 'option'}_{name.lower().replace('-', '_')}"


def _argument(argument: Argument) -> click.Argument:
    completers = {"ID": complete_ids, "COMMAND": None if argument.many else complete_commands}
    return click.Argument(
        [_variable(argument.name, True)],
        required=argument.required,
        nargs=-1 if argument.many else 1,
        type=click.Choice(argument.choices) if argument.choices else str,
        metavar=metavar(argument),
        shell_complete=completers.get(argument.name),
    )


def metavar(argument: Argument) -> str:
    """How usage lines show it."""
    return (argument.name if argument.required else f"[{argument.name}]") + ("..." if argument.many else "")


def _option(option: Option, *, is_marked: bool = True) -> click.Option:
    names = [f"--{option.name}", _variable(option.name)]
    if option.short:
        names.insert(0, f"-{option.short}")
    several = "; may be given several times" if option.kind == "list" else ""
    help_text = f"{option.help}{several}{OURS if is_marked and option.origin == 'runf' else ''}"
    if option.kind == "flag":
        return click.Option(names, is_flag=True, help=help_text)
    return click.Option(
        names,
        type=_type(option),
        default=option.default,
        show_default=bool(option.default),
        multiple=option.kind == "list",
        metavar=option.metavar or None,
        help=help_text,
    )


def _type(option: Option) -> Any:
    if option.choices:
        return click.Choice(option.choices)
    if option.kind == "number":
        return click.IntRange(min=0)
    return click.Path() if option.kind == "path" else str


def _named(options: tuple[Option, ...], values: dict[str, Any]) -> dict[str, object]:
    found = defaults(options)
    for option in options:
        value = values.get(_variable(option.name))
        if value is not None:
            found[option.name] = tuple(value) if option.kind == "list" else value
    return found


def _words(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, tuple) else (value,)
