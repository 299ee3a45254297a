"""A real state root in a temporary directory, and real children."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from runtime.store.store import Store
from tests.support.children import Child
from tests.support.following import Watch
from tests.support.looks import Looks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty root."""
    opened = Store(str(tmp_path / "containers"), make=True)
    yield opened
    opened.close()


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    """An fd of an empty directory."""
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


@pytest.fixture
def child() -> Iterator[Callable[[], Child]]:
    """Makes children; all are gone after the test."""
    made: list[Child] = []

    def make() -> Child:
        made.append(Child())
        return made[-1]

    yield make
    for each in made:
        each.clean_up()


@pytest.fixture
def looks(store: Store) -> Iterator[Looks]:
    """A snapshot of the root, fed by real inotify."""
    opened = Looks(store)
    yield opened
    opened.directory.close()


@pytest.fixture
def watch(store: Store) -> Iterator[Callable[..., Watch]]:
    """Makes followers of the root; all are gone after the test."""
    made: list[Watch] = []

    def make(**options: Any) -> Watch:
        made.append(Watch(store, **options))
        return made[-1]

    yield make
    for each in made:
        each.follower.close()
