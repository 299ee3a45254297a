"""docs/cli.md is what the table says."""

from __future__ import annotations

from runtime.cli import reference
from runtime.cli.table import all_commands


def test_the_page_is_as_a_fresh_run_writes_it() -> None:
    assert reference.PAGE.read_text() == reference.render(), "run `make docs`"


def test_every_option_stands_on_the_page_with_its_origin() -> None:
    sections = {part.split("\n", 1)[0]: part for part in reference.render().split("\n## ")}
    for command in all_commands():
        lines = sections[command.name].splitlines()
        for option in command.options:
            assert any(f"--{option.name}" in line and line.endswith(f"| {option.origin} |") for line in lines)
