"""Real containers, as whoever runs the tests."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.containers import Runf
from tests.support.session import unique_name
from tests.support.systemd import Scoped
from tests.support.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them need that there can be containers."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.needs("containers"))


@pytest.fixture
def runf() -> Iterator[Runf]:
    """The command line on a root of its own, with a short path, since sockets lie beside it."""
    place = Path(tempfile.mkdtemp(prefix="runf-"))
    place.chmod(0o755)
    made = Runf(place)
    try:
        yield made
    finally:
        made.clean()


@pytest.fixture
def bundle(runf: Runf) -> Path:
    """Where a test puts its bundle."""
    path = runf.place / "bundle"
    path.mkdir()
    return path


@pytest.fixture
def watching(runf: Runf, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watcher]:
    """A watcher that follows the root: it is there before the first container."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runf.place))
    started = Watcher(str(runf.root), "--socket", str(runf.place / "watcher.sock"))
    try:
        assert "following" in started.wait_ready()
        yield started
    finally:
        started.clean_up()


@pytest.fixture
def scoped() -> Iterator[Scoped]:
    place = Path(f"/tmp/{unique_name()}")
    (place / "bundle").mkdir(parents=True)
    made = Scoped(place)
    try:
        yield made
    finally:
        made.clean()
