"""click: help, mistakes in one line that say what to do, and the spellings of Go's programs."""

from __future__ import annotations

import pytest

from runtime.cli import app
from runtime.cli.options import Command, Parsed
from runtime.cli.table import all_commands
from runtime.errors import UsageFault


def read(line: str) -> Parsed:
    found = app.read(line.split(), "runf")
    assert isinstance(found, Parsed)
    return found


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("-no-subreaper x1", "--no-subreaper x1"),
        ("-bundle /b x1", "--bundle=/b x1"),
        ("-b /b x1", "--bundle=/b x1"),
        ("-b=/b x1", "--bundle=/b x1"),
        ("--bundle -d x1", "--bundle=-d x1"),
        ("--bundle", "--bundle"),
        ("-bPATH x1", "-bPATH x1"),
        ("-h", "--help"),
        ("-- -bundle", "-- -bundle"),
        ("--unknown -d", "--unknown --detach"),
    ],
)
def test_every_known_option_is_spelt_one_way(written: str, spelled: str) -> None:
    assert app.normalise(["run", *written.split()]) == (["run", *spelled.split()], "run")


def test_an_option_belongs_to_the_command_that_it_stands_behind() -> None:
    assert app.normalise(["-root", "/r", "list", "-root", "/r"]) == (["--root=/r", "list", "-root", "/r"], "list")


def test_short_options_may_be_joined() -> None:
    found = read("list -qfjson")
    assert (found.options["quiet"], found.options["format"]) == (True, "json")


def test_a_program_may_have_options_of_its_own_behind_two_dashes() -> None:
    assert read("spec --host-usr -- sh -c exit").arguments == ("sh", "-c", "exit")


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("", "missing command", "`runf --help` shows what there is"),
        ("frobnicate", "no such command 'frobnicate'", "`runf --help` shows what there is"),
        ("start", "missing argument 'ID'", "`runf start --help` shows what there is"),
        ("list --root /r", "no such option", "it goes before the command: `runf --root ... list`"),
        ("create --bundle", "option '--bundle' requires an argument", "`runf create --help` shows what there is"),
        ("delete --force=true x1", "option '--force' does not take a value", "`runf delete --help`"),
        ("list --status runing", "'runing' is not one of", "`runf list --help` shows what there is"),
        ("create --preserve-fds two x1", "'two' is not a valid integer", "`runf create --help` shows what there is"),
        ("completion tcsh", "'tcsh' is not one of 'bash', 'zsh', 'fish'", "`runf completion --help`"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(line: str, message: str, hint: str) -> None:
    with pytest.raises(UsageFault) as caught:
        app.read(line.split(), "runf")
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert not caught.value.message.endswith(".")
    assert caught.value.exit_status == 1


@pytest.mark.parametrize("command", all_commands(), ids=lambda command: command.name)
def test_every_commands_help_shows_its_options_and_an_example(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.read([command.name, "--help"], "runf") == 0
    text = capsys.readouterr().out
    assert all(f"--{option.name}" in text for option in command.options)
    assert command.example in text
    assert app.help_text(command.name) == text


def test_help_lists_the_commands_in_the_order_of_a_containers_life() -> None:
    text = app.help_text(None)
    places = [text.index(f"\n  {command.name} ") for command in all_commands()]
    assert places == sorted(places)


def test_help_marks_what_is_ours() -> None:
    lines = app.help_text("list").split("--")
    assert [line.split()[0] for line in lines if "[runf's own]" in " ".join(line.split())] == [
        "owner",
        "status",
        "annotation",
        "runtime",
        "all-roots",
    ]


def test_help_of_an_unknown_command_is_a_mistake() -> None:
    with pytest.raises(UsageFault, match="no such command 'frobnicate'"):
        app.help_text("frobnicate")


@pytest.mark.parametrize("line", ["--version", "-v", "-version", "--root /r --version", "--version list"])
def test_the_version_is_shown_wherever_it_is_asked_for(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.read(line.split(), "runc") == 0
    assert capsys.readouterr().out.startswith("runc version ")
