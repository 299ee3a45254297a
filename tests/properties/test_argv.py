"""Where the fast reader of command lines gives an answer, click gives the same."""

from __future__ import annotations

from itertools import chain

from hypothesis import event, given, settings
from hypothesis import strategies as st

from runtime.cli import app, argv
from runtime.cli.options import Option
from runtime.cli.table import GLOBALS, all_commands

PLAIN = st.sampled_from(["x1", "web", "a=b", "7", "/b"])
ODD = st.sampled_from(["", "-", "--", "-x", "--root", "-log", "=", "json", "-1", "1_0", " 1", "-h", "create"])
VALUES = PLAIN | ODD | st.text(alphabet="ab-=f0 é\udcff", max_size=4)
HOT = [command for command in all_commands() if command.hot]


def spelt(option: Option) -> st.SearchStrategy[list[str]]:
    names = [f"--{option.name}", f"-{option.name}"]
    if option.short:
        names += [f"-{option.short}", f"--{option.short}"]
    name = st.sampled_from(names)
    values = VALUES
    if option.choices:
        values = st.sampled_from(option.choices) | values
    if option.kind == "number":
        values = st.integers(0, 20).map(str) | values
    apart = st.tuples(name, values).map(list)
    joined = st.tuples(name, values).map(lambda pair: ["=".join(pair)])
    return name.map(lambda word: [word]) if option.kind == "flag" else apart | joined


def some(options: tuple[Option, ...]) -> st.SearchStrategy[list[list[str]]]:
    return st.lists(st.sampled_from(options).flatmap(spelt), max_size=2) if options else st.just([])


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Mostly such as can be read: the right number of arguments, with options between them in any spelling."""
    command = draw(st.sampled_from(HOT))
    arguments = [[draw(PLAIN | VALUES)] for _ in command.arguments[: draw(st.integers(1, 2))]]
    inner = draw(st.permutations([*arguments, *draw(some(command.options))]))
    return list(chain(*draw(some(GLOBALS)), [command.name], *inner))


@settings(max_examples=300, deadline=None)
@given(command_lines() | st.lists(VALUES, max_size=4))
def test_the_fast_reader_and_click_agree(words: list[str]) -> None:
    fast = argv.read(words)
    event("read fast" if fast else "left to click")
    if fast is not None:
        assert app.read(words, "runf") == fast
