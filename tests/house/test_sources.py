"""The sources keep to the project's habits, and speak of the project alone."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
from pathlib import Path

import pytest

from runtime.cli.table import all_commands
from tests.support import needs

REPOSITORY = Path(__file__).parents[2]
FILE_LINES = 440  # about 400, and some room to finish a thought
FUNCTION_LINES = 45  # likewise
GENERATED = "schemas/generated/"
# words that tell of unfinished work, and paths that exist on one machine only
UNWANTED = re.compile(
    "|".join(
        (
            r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b",
            r"/(?:ho" + r"me|Us" + r"ers)/[a-z]\w*/",
            r"/ro" + r"ot/\.",
            r"/wo" + r"rk/",
            r"pypi\." + r"org|files\.python" + r"hosted",
        )
    )
)


def tracked() -> list[str]:
    """The project's text files; those of the directory where it isn't a clone."""
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        names = listed.stdout.splitlines()
    else:
        tops = ("runtime", "watcher", "schemas", "tests", "bench", "docs", "launchers")
        found = [path for top in tops for path in (REPOSITORY / top).rglob("*") if "__pycache__" not in path.parts]
        names = [str(path.relative_to(REPOSITORY)) for path in found]
    return [name for name in names if (REPOSITORY / name).is_file() and name != "LICENSE"]


FILES = tracked()
SOURCES = [name for name in FILES if name.endswith(".py")]


@functools.cache
def text_of(name: str) -> str:
    try:
        return (REPOSITORY / name).read_text()
    except UnicodeDecodeError:
        return ""  # a test's input, which need not be text


@functools.cache
def tree_of(name: str) -> ast.Module:
    return ast.parse(text_of(name))


def functions(name: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree_of(name)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def test_files_are_short_enough_to_read() -> None:
    long = {name for name in SOURCES if len(text_of(name).splitlines()) > FILE_LINES}
    assert [name for name in sorted(long) if not name.startswith(GENERATED)] == []


def test_functions_are_short_enough_to_read() -> None:
    long = {
        (name, node.name)
        for name in SOURCES
        if not name.startswith(GENERATED)
        for node in functions(name)
        if node.end_lineno is not None and node.end_lineno - node.lineno >= FUNCTION_LINES
    }
    assert long == set()


def test_no_file_has_a_word_that_does_not_belong_there() -> None:
    found = {name: sorted(set(UNWANTED.findall(text_of(name)))) for name in FILES}
    assert {name: words for name, words in found.items() if words} == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [name for name in SOURCES if text_of(name).strip() and ast.get_docstring(tree_of(name)) is None]
    assert silent == []


def test_every_need_of_a_test_is_a_known_one() -> None:
    asked = {
        word.value
        for name in SOURCES
        if name.startswith("tests/")
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("needs", "pytest.mark.needs", "require")
        for word in node.args
        if isinstance(word, ast.Constant) and isinstance(word.value, str)
    }
    assert len(asked) > len(needs.NEEDS) // 2
    assert {name.partition(":")[0] for name in asked} <= needs.NEEDS.keys()


@pytest.mark.parametrize("command", [command.name for command in all_commands()])
def test_every_command_is_named_by_a_test(command: str) -> None:
    quoted = re.compile(rf"[\"' ]{command}[\"' ]")
    tests = [name for name in SOURCES if name.startswith("tests/") and not name.startswith("tests/house/")]
    assert any(quoted.search(text_of(name)) for name in tests)
