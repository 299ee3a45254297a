"""A state root of its own for each test, and real watchers that follow it."""

from __future__ import annotations

import asyncio
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from runtime.store.store import Store
from tests.support.children import Child
from tests.support.serving import World, world
from tests.support.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def runtime_directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For the private directories of an ordinary user's watchers; in a short place, as sockets need."""
    with tempfile.TemporaryDirectory(prefix="runf-") as place:
        monkeypatch.setenv("XDG_RUNTIME_DIR", place)
        yield


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty root."""
    opened = Store(str(tmp_path / "containers"), make=True)
    yield opened
    opened.close()


@pytest.fixture
def launch(store: Store) -> Iterator[Callable[..., Watcher]]:
    """Starts a watcher of the root and doesn't wait for it; all are gone after the test."""
    made: list[Watcher] = []

    def make(*options: str, root: str = store.root, **environ: str) -> Watcher:
        made.append(Watcher(root, *options, **environ))
        return made[-1]

    yield make
    for each in made:
        each.clean_up()


@pytest.fixture
def watcher(launch: Callable[..., Watcher]) -> Callable[..., Watcher]:
    """Starts a watcher of the root, ready."""

    def make(*options: str, **environ: str) -> Watcher:
        started = launch(*options, **environ)
        line = started.wait_ready()
        told = f"runf-watcher: following {started.root}, socket {started.socket}"
        assert line == told or line.startswith(f"{told}, http://")
        return started

    return make


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
def play(tmp_path: Path) -> Callable[..., None]:
    """Plays a scenario in a world of its own."""

    def run(scenario: Callable[[World], Coroutine[Any, Any, None]], **limits: Any) -> None:
        async def whole() -> None:
            async with world(tmp_path, **limits) as made:
                await scenario(made)

        asyncio.run(whole())

    return run
