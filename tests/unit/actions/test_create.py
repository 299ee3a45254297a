"""What create does where it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.actions import create
from runtime.errors import Fault

if TYPE_CHECKING:
    import pytest


def test_taking_back_a_container_without_hooks_loads_nothing_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    making = create._Making.__new__(create._Making)
    making.hooks = {}
    monkeypatch.setattr(create, "hooks", None)
    making._poststop(Fault("no fd is left"))
