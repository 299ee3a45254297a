"""A private file of a container is replaced whole, or not at all, and no follower takes that for an event."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from runtime.store import staging
from tests.support.records import publish
from watcher.directory import commit_of

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.store.store import Store

OLD, NEW = b"{}", b'{"new": true}'


def replace(store: Store, content: bytes = NEW) -> None:
    with store.locked("web") as held:
        held.replace("config.json", content)


def staged(root: Path) -> list[str]:
    return [name for name in os.listdir(root / ".staging") if name != ".sweep"]


def test_the_new_content_is_private_and_the_record_stays(store: Store, root: Path) -> None:
    record = publish(store)
    replace(store)
    found = (root / "web" / "config.json").stat()
    assert (store.read_file("web", "config.json"), stat.S_IMODE(found.st_mode)) == (NEW, 0o600)
    assert store.read("web") == record
    assert staged(root) == []


@pytest.mark.parametrize("call", ["write", "rename", "open"])
def test_a_replacement_that_fails_leaves_the_old_content(
    store: Store, root: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    publish(store)
    with store.locked("web") as held:

        def fail(*_: Any, **__: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(staging.os, call, fail)
            with pytest.raises(OSError, match="No space left"):
                held.replace("config.json", NEW)
    assert store.read_file("web", "config.json") == OLD
    assert staged(root) == []


def test_what_a_dead_one_left_is_in_nobodys_way_and_is_swept(store: Store, root: Path) -> None:
    record = publish(store)
    left = root / ".staging" / f"web.{record['instance']}.private"
    left.write_bytes(b"half")
    replace(store)
    assert store.read_file("web", "config.json") == NEW
    left.write_bytes(b"half")
    staging.sweep(store.fds)
    assert staged(root) == []


def test_a_sweeper_leaves_a_replacement_under_way_alone(store: Store, root: Path) -> None:
    record = publish(store)
    left = root / ".staging" / f"web.{record['instance']}.private"
    left.write_bytes(b"half")
    with store.locked("web"):
        staging.sweep(store.fds)
        assert staged(root) == [left.name]


def test_its_name_on_the_way_is_no_commit() -> None:
    assert commit_of(f"web.{'1' * 32}.private") is None
