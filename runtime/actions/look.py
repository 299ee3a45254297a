"""Looking at a container: the record, the kernel's evidence, and the truth that follows from both."""

from __future__ import annotations

import select

from runtime.actions import evidence, status
from runtime.kernel import clock
from runtime.store.presence import watcher_at_work
from runtime.store.record import advance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from runtime.actions.context import Context
    from runtime.actions.status import Observation
    from runtime.store.record import Record
    from runtime.store.store import Store
else:
    from runtime.values import NamedTuple


class Observed(NamedTuple):
    """``record`` as it stands on disk, ``truth`` as it would be with the correction that the evidence asks for."""

    record: Record
    truth: Record
    status: str
    verified: bool


def observe_container(context: Context, store: Store, container_id: str) -> Observed:
    """What the container is now; a correction is committed if that costs no wait, and otherwise only answered."""
    observed = judge(context, store, container_id, store.read(container_id))
    if observed.truth is not observed.record:
        _try_commit(context, store, container_id)
    return observed


def judge(context: Context, store: Store, container_id: str, record: Record) -> Observed:
    """The truth about ``record`` by the kernel's evidence; changes nothing."""
    seen: Observation = status.observe(record, evidence.gather(record, context.roots, store, container_id))
    truth = record
    if seen.correction is not None:
        truth = advance(record, now=clock.now(), happenings=seen.happenings, **seen.correction)
    return Observed(record, truth, seen.status, seen.verified)


def _try_commit(context: Context, store: Store, container_id: str) -> None:
    """Commit the correction under one non-blocking try; an end without its code is left to a watcher at work."""
    if watcher_at_work(store):
        return
    with store.locked(container_id, blocking=False) as held:
        if held is None:
            return
        observed = judge(context, store, container_id, held.record)
        if observed.truth is not observed.record:
            held.commit(observed.truth)


def wait_for_end(pidfd: int, timeout_s: float | None = None) -> bool:
    """Wait until the process of ``pidfd`` has ended (a zombie has); False when ``timeout_s`` passed first."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(None if timeout_s is None else int(timeout_s * 1000)))
