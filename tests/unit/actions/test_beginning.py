"""What is done where a life fails to begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.actions import beginning
from runtime.errors import Fault

if TYPE_CHECKING:
    import pytest


def test_taking_back_a_container_without_hooks_loads_nothing_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    making = beginning.Beginning.__new__(beginning.Beginning)
    making.hooks = {}
    monkeypatch.setattr(beginning, "hooks", None)
    making._poststop(Fault("no fd is left"))
