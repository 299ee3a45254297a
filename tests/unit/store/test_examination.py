"""A state root is looked through without a lock, and each flaw of it is told where it lies."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.store import layout
from runtime.store.examination import examine_record, examine_root
from tests.support.records import commit, process_of, publish, retire

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.store.store import Store


@pytest.fixture
def root(store: Store) -> Path:
    """A root with a container, and the last record of another."""
    publish(store)
    commit(store, status="created", happenings=("created",), pid=4242, process=process_of(4242))
    publish(store, "old")
    retire(store, "old")
    return Path(store.root)


def told(root: Path) -> list[tuple[str, str]]:
    return [(os.path.relpath(flaw.path, root), flaw.pointer) for flaw in examine_root(str(root))]


def edit(path: Path, **members: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **members}))


def last(root: Path) -> Path:
    (found,) = (root / layout.DELETED).glob("*/state.json")
    return found


def test_what_the_store_makes_has_no_flaw(root: Path) -> None:
    assert told(root) == []


FLAWS: list[tuple[Callable[[Path], object], tuple[str, str]]] = [
    (lambda root: (root / "web/state.json").unlink(), ("web/state.json", "")),
    (lambda root: (root / "web/state.json").write_text("{"), ("web/state.json", "")),
    (lambda root: (root / "web/state.json").write_text(" " * ((1 << 20) + 1)), ("web/state.json", "")),
    (lambda root: (root / "web/state.json").chmod(0o666), ("web/state.json", "")),
    (lambda root: edit(root / "web/state.json", pid="1"), ("web/state.json", "/pid")),
    (lambda root: edit(root / "web/state.json", pid=0), ("web/state.json", "/pid")),
    (lambda root: edit(root / "web/state.json", id="other"), ("web/state.json", "/id")),
    (lambda root: (root / "web/lock").unlink(), ("web/lock", "")),
    (lambda root: (root / "web/config.json").unlink(), ("web/config.json", "")),
    (lambda root: (root / "web/config.json").chmod(0o644), ("web/config.json", "")),
    (lambda root: (root / "web").chmod(0o777), ("web", "")),
    (lambda root: (root / "file").write_text(""), ("file", "")),
    (lambda root: (root / "not an id").mkdir(), ("not an id", "")),
    (lambda root: (root / ".staging").rename(root / ".other"), (".staging", "")),
    (lambda root: root.chmod(0o777), (".", "")),
    (lambda root: edit(last(root), status="running"), (".deleted/LIFE/state.json", "/status")),
    (lambda root: edit(last(root), instance="0" * 32), (".deleted/LIFE/state.json", "/instance")),
    (lambda root: last(root).unlink(), (".deleted/LIFE/state.json", "")),
]


@pytest.mark.parametrize(("spoil", "flaw"), FLAWS)
def test_a_flaw_is_told_where_it_lies(root: Path, spoil: Callable[[Path], object], flaw: tuple[str, str]) -> None:
    life = last(root).parent.name
    spoil(root)

    assert flaw in [(path.replace(life, "LIFE"), pointer) for path, pointer in told(root)]


def test_a_life_that_is_there_twice_is_told(root: Path) -> None:
    edit(root / "web/state.json", instance=last(root).parent.name)

    assert (f".deleted/{last(root).parent.name}/state.json", "/instance") in told(root)


def test_a_record_alone_can_be_examined(root: Path) -> None:
    edit(root / "web/state.json", pid="1", generation=0)

    assert [flaw.pointer for flaw in examine_record(str(root / "web/state.json"))] == ["/generation", "/pid"]


def test_looking_changes_nothing(root: Path) -> None:
    def seen() -> list[tuple[str, bytes]]:
        return [(str(path), path.read_bytes() if path.is_file() else b"") for path in sorted(root.rglob("*"))]

    before = seen()
    told(root)

    assert seen() == before
