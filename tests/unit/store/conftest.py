"""What the store's tests start from: a root of their own, opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runtime.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the state root will be; nothing is there yet."""
    return tmp_path / "containers"


@pytest.fixture
def store(root: Path) -> Iterator[Store]:
    """A new state root, opened."""
    opened = Store(str(root), make=True)
    yield opened
    opened.close()


@pytest.fixture
def tight_umask(tmp_path: Path) -> Iterator[None]:
    """A umask that takes everything from everybody, once the test has its own directory."""
    before = os.umask(0o777)
    yield
    os.umask(before)
