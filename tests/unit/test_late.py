"""Modules that are loaded when they are first used."""

from __future__ import annotations

import sys
import threading
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


def test_one_that_another_thread_is_loading_is_waited_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    has_begun, may_go_on = threading.Event(), threading.Event()
    found: list[int] = []

    def execute(module: ModuleType) -> None:
        has_begun.set()
        may_go_on.wait(10)
        module.answer = 42  # type: ignore[attr-defined]

    def is_in_import(thread: threading.Thread) -> bool:
        frame = sys._current_frames().get(thread.ident or 0)
        return frame is not None and "importlib" in frame.f_code.co_filename

    monkeypatch.setattr(_Finder, "exec_module", staticmethod(execute))
    first, second = (threading.Thread(target=lambda: found.append(Late(name).answer)) for _ in range(2))
    first.start()
    has_begun.wait(10)
    second.start()
    while second.is_alive() and not is_in_import(second):
        pass
    may_go_on.set()
    first.join()
    second.join()
    assert found == [42, 42]


def test_a_member_that_is_missing_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = Late(name).nothing


def test_load_takes_a_real_module_as_it_is() -> None:
    assert load(sys) is sys
