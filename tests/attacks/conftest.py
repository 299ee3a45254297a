"""Each attack is tried with real containers; docs/security.md is the list of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.containers.conftest import bundle, runf

__all__ = ["bundle", "runf"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them need that there can be containers."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.path.name != "test_list.py":
            item.add_marker(pytest.mark.needs("containers"))
