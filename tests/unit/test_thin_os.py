"""What the installed commands have under the name of ``os``."""

from __future__ import annotations

import ast
import os
import posix
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.thin_os import decode, encode

REPOSITORY = Path(__file__).resolve().parents[2]
# they bring the whole of it, in commands where that doesn't count
RARE = {"fdopen", "makedirs", "SEEK_CUR"}
SHOW = """
import runtime.thin_os
runtime.thin_os.put_in_place()
import os, sys
print(sorted(vars(os)))
decoded = {os.fsdecode(name): os.fsdecode(value) for name, value in os.environb.items()}
print(os.environ == decoded, os.environ["NAME"] == "caf\\udce9")
print(hasattr(os, "__path__"), "_collections_abc" in sys.modules)
"""


def thin() -> list[str]:
    """What a program shows that has it, with a variable that isn't UTF-8 in its environment."""
    argv = [sys.executable, "-IS", "-X", "utf8", "-c", f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}){SHOW}"]
    environ = {b"NAME": b"caf\xe9"}
    return subprocess.run(argv, check=True, capture_output=True, text=True, env=environ).stdout.splitlines()


def used(path: Path) -> set[str]:
    """The members of os that a module of ours names."""
    nodes = ast.walk(ast.parse(path.read_bytes()))
    members = (each for each in nodes if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name))
    return {each.attr for each in members if each.value.id == "os"}  # type: ignore[attr-defined]


def test_it_has_whatever_the_runtime_uses() -> None:
    names = set().union(*(used(path) for path in (REPOSITORY / "runtime").rglob("*.py")))
    assert names - set(ast.literal_eval(thin()[0])) == RARE


def test_it_has_the_environment_without_the_abstract_classes() -> None:
    assert thin()[1:] == ["True True", "False False"]


@pytest.mark.parametrize("name", ["plain", "caf\u00e9", "\udcff\udc80", b"\xff\x80", Path("/a/b")])
def test_names_are_encoded_as_the_whole_encodes_them(name: str | bytes | Path) -> None:
    assert (encode(name), decode(name)) == (os.fsencode(name), os.fsdecode(name))


def test_the_system_calls_are_the_same_ones() -> None:
    assert os.open is posix.open
