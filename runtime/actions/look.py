"""Looking at a container: the record, the kernel's evidence, and the truth that follows from both."""

from __future__ import annotations

import select

from runtime.actions import evidence, status
from runtime.errors import BadRecord, Fault, NoSuchContainer
from runtime.kernel import clock
from runtime.late import Late
from runtime.store import layout
from runtime.store.presence import watcher_at_work
from runtime.store.store import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from runtime.actions import oomkills
    from runtime.actions.context import Context
    from runtime.actions.evidence import Observer
    from runtime.store.record import Record, Status
    from runtime.store.store import Held, Store
else:
    from runtime.values import NamedTuple

    oomkills = Late("runtime.actions.oomkills")  # few looks find an end


class Observed(NamedTuple):
    """``record`` as it stands on disk, ``truth`` as the evidence corrects it (the same object where it needn't)."""

    record: Record
    truth: Record
    verified: bool
    in_hands: bool

    @property
    def status(self) -> Status:
        """The true status."""
        return self.truth["status"]


def observe_container(context: Context, store: Store, container_id: str) -> Observed:
    """What the container is now; a correction is committed if that costs no wait, and otherwise only answered."""
    here = evidence.observer(context.roots.proc)
    observed = judge(here, store, store.read(container_id))
    return (_try_commit(here, store, container_id) if _may_commit(observed, store) else None) or observed


def open_store_of(context: Context, container_id: str) -> Store:
    """The store that the container would be in, for the caller to close.  NoSuchContainer: there is no store."""
    layout.check_id(container_id)
    store = open_store(context.roots.state, proc=context.roots.proc)
    if store is None:
        raise NoSuchContainer(container_id)
    return store


def observe_once(context: Context, container_id: str) -> Observed:
    """What the container is now, for a caller who needs no more of the store."""
    store = open_store_of(context, container_id)
    try:
        return observe_container(context, store, container_id)
    finally:
        store.close()


def is_foreign(record: Record) -> bool:
    """Whether another runtime owns the container, and alone may act on it."""
    return record["runtime"]["name"] != evidence.OWN_RUNTIME


def demand_verified(observed: Observed, verb: str) -> None:
    """Raise Fault where the evidence can't be read from here: what ``verb`` names might strike somebody else.

    Also where the container is another runtime's.
    """
    if is_foreign(observed.record):
        runtime = observed.record["runtime"]["name"]
        told = f'cannot {verb} container "{observed.record["id"]}": it belongs to {runtime}'
        raise Fault(told, hint=f"ask {runtime} for that")
    demand_here(observed, verb)


def demand_here(observed: Observed, verb: str) -> None:
    """Raise Fault where the evidence can't be read from here."""
    if not observed.verified:
        raise Fault(
            f'cannot {verb} container "{observed.record["id"]}": its process is out of sight: '
            "it lies in another pid or time namespace, or /proc hides it",
            hint="run this command as its owner, in the namespaces that the container was created in",
        )


def judge(here: Observer, store: Store, record: Record, *, now: str | None = None) -> Observed:
    """The truth about ``record`` by the kernel's evidence; changes nothing.  ``now`` dates what is found only here."""
    seen = status.observe(record, evidence.gather(record, here, store.fds.root), now=now or clock.now())
    return Observed(record, seen.truth, seen.verified, seen.in_hands)


def _may_commit(observed: Observed, store: Store) -> bool:
    """An end without its code is left to a watcher at work, and what a living maker or starter does to that."""
    return observed.truth is not observed.record and not observed.in_hands and not watcher_at_work(store.fds.root)


def _try_commit(here: Observer, store: Store, container_id: str) -> Observed | None:
    """What was found under the lock, and committed; None where that could not be done."""
    try:
        held = store.try_locked(container_id)
    except (NoSuchContainer, BadRecord, OSError):
        return None  # gone by now, or not ours to write: the answer is true all the same
    if held is None:
        return None
    with held:
        try:
            return _commit_truth(here, store, held)
        except OSError:
            return None  # a full or read-only file system: the next one commits


def _commit_truth(here: Observer, store: Store, held: Held) -> Observed:
    """Before an end, what the out-of-memory killer did: its counters go with the cgroup."""
    observed = judge(here, store, held.record)
    if not _may_commit(observed, store):
        return observed
    process = held.record["process"]
    # after a restart of the machine the cgroup may be somebody else's
    is_its_cgroup = process is not None and process["bootId"] == here.boot_id
    if is_its_cgroup and observed.truth["status"] == "stopped" != held.record["status"]:
        told = oomkills.with_kills(held.record, now=clock.now())
        if told is not None:
            held.commit(told)
            observed = judge(here, store, told)
        exit = oomkills.judged(observed.truth["exit"], held.record)
        observed = observed._replace(truth={**observed.truth, "exit": exit})
    held.commit(observed.truth)
    return observed


def wait_for_end(pidfd: int, timeout_s: float | None = None) -> bool:
    """Wait until the process of ``pidfd`` has ended (a zombie has); False when ``timeout_s`` passed first."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(None if timeout_s is None else int(timeout_s * 1000)))
