"""The table itself: nothing in it is ambiguous, and every command has its file."""

from __future__ import annotations

import importlib.util

import pytest

from runtime.cli.options import Command, Option, defaults
from runtime.cli.table import GLOBALS, all_commands


def spellings(options: tuple[Option, ...]) -> list[str]:
    return [spelling for option in options for spelling in (option.name, option.short) if spelling]


@pytest.mark.parametrize("command", all_commands(), ids=lambda command: command.name)
def test_no_two_options_of_a_command_are_spelt_alike(command: Command) -> None:
    known = [*spellings(command.options), "help", "h"]
    assert len(known) == len(set(known))


def test_no_two_global_options_are_spelt_alike() -> None:
    known = [*spellings(GLOBALS), "help", "h", "version", "v"]
    assert len(known) == len(set(known))


@pytest.mark.parametrize("command", all_commands(), ids=lambda command: command.name)
def test_every_command_has_a_file_and_an_example(command: Command) -> None:
    assert importlib.util.find_spec(f"runtime.cli.commands.{command.name}")
    assert command.example.startswith(f"runf {command.name}")


@pytest.mark.parametrize("command", all_commands(), ids=lambda command: command.name)
def test_only_the_last_argument_takes_many_or_may_be_left_out(command: Command) -> None:
    assert not any(argument.many or not argument.required for argument in command.arguments[:-1])


def test_an_option_that_was_not_given_has_a_value_of_its_kind() -> None:
    options = tuple(Option(kind, kind, "") for kind in ("flag", "text", "path", "number", "list"))
    assert defaults(options) == {"flag": False, "text": None, "path": None, "number": 0, "list": ()}
