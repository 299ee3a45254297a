"""pause and resume: all processes of a container stop where they are, and go on.

    under `action`   observe; freeze or thaw; commit.  A commit that fails takes the deed back

A container that waits for its start can be paused too, as with runc, and waits on once it is resumed.
"""

from __future__ import annotations

from runtime.actions import look
from runtime.actions.status import refuse, status_of_thawed
from runtime.cgroups import manager
from runtime.errors import Fault
from runtime.kernel import clock
from runtime.store.record import advance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.actions.context import Context
    from runtime.store.record import Happening, Record
    from runtime.store.store import Store


def pause(context: Context, container_id: str) -> Record:
    """Freeze every process of the container; returns once they have stopped."""
    return _act(context, container_id, "pause", _freeze)


def resume(context: Context, container_id: str) -> Record:
    """Let every process of a paused container go on, whoever froze it."""
    return _act(context, container_id, "resume", _thaw)


def _act(context: Context, container_id: str, verb: str, deed: Callable[[Store, Record], Record]) -> Record:
    store = look.open_store_of(context, container_id)
    try:
        with store.action(container_id):
            observed = look.observe_container(context, store, container_id)
            look.demand_verified(observed, verb)
            refuse(verb, container_id, observed.status)
            return deed(store, observed.record)
    finally:
        store.close()


def _freeze(store: Store, record: Record) -> Record:
    cgroup = record["linux"]["cgroup"]
    manager.freeze(cgroup)
    try:
        with store.locked(record["id"]) as held:
            # still paused in the record: somebody else has let it go since
            was_thawed = held.record["status"] == "paused"
            happenings: tuple[Happening, ...] = ("resumed", "paused") if was_thawed else ("paused",)
            held.commit(advance(held.record, now=clock.now(), status="paused", happenings=happenings))
            return held.record
    except BaseException as fault:
        _take_back(fault, lambda: manager.thaw(cgroup))
        raise


def _thaw(store: Store, record: Record) -> Record:
    cgroup = record["linux"]["cgroup"]
    manager.release(cgroup)
    try:
        with store.locked(record["id"]) as held:
            # not paused in the record: somebody else has frozen it
            was_frozen = held.record["status"] != "paused"
            happenings: tuple[Happening, ...] = ("paused", "resumed") if was_frozen else ("resumed",)
            status = status_of_thawed(held.record)
            held.commit(advance(held.record, now=clock.now(), status=status, happenings=happenings))
            return held.record
    except (Fault, OSError) as fault:
        _take_back(fault, lambda: manager.freeze(cgroup))
        raise


def _take_back(fault: BaseException, step: Callable[[], None]) -> None:
    try:
        step()
    except (OSError, Fault) as error:
        fault.add_note(f"and it could not be taken back: {error}")
