"""Records of lives that nobody lives, for tests of the store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from runtime.kernel import clock
from runtime.store import deleted
from runtime.store.record import advance, new_record

if TYPE_CHECKING:
    import pytest

    from runtime.store.record import Exit, Process, Record
    from runtime.store.store import Action, Store

NOW = "2026-01-31T23:59:59.000000001Z"
LATER = "2026-01-31T23:59:59.500000000Z"
BOOT_ID = "01234567-89ab-cdef-0123-456789abcdef"
PRIVATE = {"config.json": b"{}"}
FIFOS = ("gate", "outcome")


def process_of(pid: int = 4242, start_time: int = 17) -> Process:
    """The identity of a process that need not exist."""
    return {"pid": pid, "startTime": start_time, "bootId": BOOT_ID, "pidNamespace": 4026531836, "timeNamespace": 1}


def exit_of(code: int | None) -> Exit:
    """How a process ended that no signal struck."""
    return {"code": code, "signal": None, "oomKilled": None}


def first_record(
    container_id: str = "web",
    *,
    annotations: dict[str, str] | None = None,
    maker: Process | None = None,
    now: str | None = None,
) -> Record:
    """The record that a new life of ``container_id`` is published with; its maker is nobody, or the one named."""
    return new_record(
        container_id=container_id,
        instance=os.urandom(16).hex(),
        bundle="/bundle",
        rootfs="/bundle/rootfs",
        owner="root",
        annotations=annotations or {},
        version="0",
        maker=maker or process_of(1),
        cgroup=None,
        now=now or clock.now(),
    )


def publish(store: Store, container_id: str = "web", **members: Any) -> Record:
    """Publish a new life, let go of its action lock; its record."""
    record = first_record(container_id, **members)
    store.publish(record, PRIVATE, FIFOS).release()
    return record


def commit(store: Store, container_id: str = "web", **changes: Any) -> Record:
    """Commit the next generation with ``changes``."""
    with store.locked(container_id) as held:
        held.commit(advance(held.record, now=LATER, **changes))
        return held.record


def retire(store: Store, container_id: str = "web") -> Record:
    """Take both locks and retire the life; its last record."""
    with store.action(container_id) as action:
        return retire_under(store, action)


def retire_under(store: Store, action: Action) -> Record:
    """Retire the life whose action lock is held."""
    with store.locked(action.id) as held:
        held.retire(advance(held.record, now=LATER, status="stopped", happenings=("stopped", "deleted")))
        return held.record


def prune_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all last records, as if they were too many."""
    with monkeypatch.context() as patch:
        patch.setattr(deleted, "COUNT_LIMIT", -1)
        deleted.prune(store.fds)
    assert [name for name in os.listdir(store.fds.deleted) if not name.startswith(".")] == []
