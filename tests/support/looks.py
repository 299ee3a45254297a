"""A snapshot of a root that is fed by real inotify, and what it tells in few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.records import commit, process_of, publish
from watcher.directory import Directory
from watcher.snapshot import EVERYTHING, Change, Gap, Snapshot

if TYPE_CHECKING:
    from runtime.store.store import Store


class Looks:
    """A snapshot that is fed by real inotify."""

    def __init__(self, store: Store) -> None:
        self.directory = Directory(store.fds)
        self.snapshot = Snapshot(store)
        self.all(EVERYTHING)

    def all(self, look: object = None) -> list[Change | Gap]:
        return list(self.snapshot.refresh(look or self.directory.read()))  # type: ignore[arg-type]

    def types(self, look: object = None) -> list[tuple[str, str]]:
        """Instance (or the gap's subject) and type of each thing told."""
        return told(self.all(look))


def told(changes: list[Change | Gap]) -> list[tuple[str, str]]:
    found = []
    for each in changes:
        if isinstance(each, Gap):
            found.append((each.subject, "gap"))
        else:
            found += [(each.record["instance"], happening.type) for happening in each.happenings]
    return found


def create(store: Store, container_id: str = "web") -> str:
    """A created container; its instance."""
    publish(store, container_id)
    return commit(store, container_id, status="created", happenings=("created",), process=process_of())["instance"]
