"""Modules that are loaded when they are first used."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from runtime.late import Late, load


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the standard library that isn't loaded."""
    monkeypatch.delitem(sys.modules, "this_is_late", raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Finder(), *sys.meta_path])
    return "this_is_late"


class _Finder:
    @staticmethod
    def find_spec(name: str, *_: object) -> object:
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, _Finder) if name == "this_is_late" else None  # type: ignore[arg-type]

    @staticmethod
    def create_module(_spec: object) -> None:
        return None

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        module.answer = 42  # type: ignore[attr-defined]


def test_a_late_module_is_loaded_by_the_first_member_that_is_used(name: str) -> None:
    late = Late(name)
    assert name not in sys.modules
    assert (late.answer, name in sys.modules) == (42, True)


def test_it_shows_what_the_module_holds_now(name: str) -> None:
    late = Late(name)
    load(late).answer = 43
    assert late.answer == 43


def test_one_that_is_loaded_takes_no_import(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load(Late(name))
    monkeypatch.setattr("builtins.__import__", None)  # as in a container's process
    assert Late(name).answer == 42


def test_a_member_that_is_missing_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = Late(name).nothing


def test_load_takes_a_real_module_as_it_is() -> None:
    assert load(sys) is sys
