"""What the documents show exists: commands, options, make targets, files."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from runtime.cli import app
from runtime.cli.options import Command
from runtime.cli.table import all_commands

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")])
WRITTEN = [page for page in PAGES if page.name != "cli.md"]  # that one shows forms, and is generated
PROGRAMS = ("runf", ".venv/bin/runf")
SUBSTITUTED = re.compile(r"\$\([^)]*\)")
LINK = re.compile(r"\]\((?P<target>[^)#]+)[^)]*\)")
MAKE = re.compile(r"\bmake (?P<target>[a-z-]+)\b")


def commands_of(line: str) -> list[list[str]]:
    """The words behind ``runf`` of each such command in a line of shell."""
    lexer = shlex.shlex(SUBSTITUTED.sub("substituted", line), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    simple: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("&|;<>()"):
            simple.append([])
        else:
            simple[-1].append(word)
    return [words[1:] for words in simple if words and words[0] in PROGRAMS]


def shown_commands() -> list[tuple[str, list[str]]]:
    """For each command in an indented example, the page that shows it."""
    lines = [
        (page.name, line.strip()) for page in WRITTEN for line in page.read_text().splitlines() if line[:4] == "    "
    ]
    return [(name, words) for name, line in lines if line.startswith(PROGRAMS) for words in commands_of(line)]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize(("page", "words"), shown_commands())
def test_a_command_that_a_page_shows_can_be_read(page: str, words: list[str]) -> None:
    assert not isinstance(app.read(words, "runf"), int), page


@pytest.mark.parametrize("command", all_commands(), ids=lambda command: command.name)
def test_the_example_of_a_command_can_be_read(command: Command) -> None:
    assert not isinstance(app.read(commands_of(command.example)[0], "runf"), int)


def test_the_readme_shows_enough_commands_to_be_tested() -> None:
    shown = {words[0] for page, words in shown_commands() if page == "README.md"}
    assert shown >= {"spec", "run", "create", "start", "state", "list", "wait", "delete", "events"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    linked = [found["target"] for found in LINK.finditer(page.read_text()) if "://" not in found["target"]]
    assert [target for target in linked if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_make_targets_of_a_page_exist(page: Path) -> None:
    marked = re.findall(r"`make [^`]+`|^    make .*$", page.read_text(), re.MULTILINE)
    named = {found["target"] for text in marked for found in MAKE.finditer(text)}
    assert named - targets() == set()


def test_make_help_tells_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert set(re.findall(r"^  make ([a-z-]+)", done.stdout, re.MULTILINE)) == targets()


@pytest.mark.parametrize("name", [".ci/run", "docs/demo.sh", "tests/as-ordinary-user"])
def test_a_script_can_be_run(name: str) -> None:
    script = REPOSITORY / name
    assert script.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(script)], check=True)


def test_continuous_integration_runs_what_the_readme_says() -> None:
    script = REPOSITORY / ".ci/run"
    named = {found["target"] for found in MAKE.finditer(script.read_text())}
    assert {"test", "lint"} <= named & targets()


def test_the_licence_is_the_one_that_is_declared() -> None:
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["license"]
    first = (REPOSITORY / "LICENSE").read_text().split("\n\n")[0]
    assert declared == "Apache-2.0"
    assert " ".join(first.split()).startswith("Apache License Version 2.0")
