"""wait: until a container has ended, whoever its parent is; how it ended.

creating          its maker's turn: look again when that has ended, or a moment later
created, running  poll the pidfd; then the kernel tells the exit, or the record does, which its parent or the
                  watcher commits a moment later
stopped           what the record says, or will say, where a watcher at work has not committed the end yet
"""

from __future__ import annotations

import os
import time

from runtime.actions import look
from runtime.actions.ending import exit_of_ended
from runtime.actions.identity import open_pidfd
from runtime.errors import BadRecord, NoSuchContainer
from runtime.store.presence import watcher_at_work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.store.record import Exit, Process, Record
    from runtime.store.store import Store

PAUSE_S = 0.05
RECORD_WAIT_S = 2.0
WATCHED_WAIT_S = 60.0  # a watcher at work will commit the end: it has much to do, or is stopped


def wait(context: Context, container_id: str) -> Exit:
    """Block until the container has stopped; its exit, unknown where nothing tells.  NoSuchContainer, Fault."""
    store = look.open_store_of(context, container_id)
    try:
        return _wait(context, store, container_id)
    finally:
        store.close()


def _wait(context: Context, store: Store, container_id: str) -> Exit:
    while True:
        observed = look.observe_container(context, store, container_id)
        if observed.status == "stopped":
            break
        look.demand_here(observed, "wait for")
        identity = observed.record["process"]
        if observed.status == "creating" or identity is None:
            _await_process(observed.record["maker"], context.roots.proc, PAUSE_S)
            continue
        found = _await_process(identity, context.roots.proc, None)
        if found is not None and found["code"] is not None:
            return found
        break
    return _recorded(store, observed.truth)


def _await_process(identity: Process | None, proc: str, timeout_s: float | None) -> Exit | None:
    """Wait for the end of that process; its exit, None where it was gone before or hasn't ended in time."""
    pidfd = open_pidfd(identity, proc) if identity else None
    if identity is None or pidfd is None:
        return None
    try:
        return exit_of_ended(pidfd, identity, proc) if look.wait_for_end(pidfd, timeout_s) else None
    finally:
        os.close(pidfd)


def _recorded(store: Store, record: Record) -> Exit:
    """The exit in the record, or in the last one; the time that a parent or a watcher takes to commit it is granted."""
    began = time.monotonic()
    while record["exit"]["code"] is None:
        try:
            newest = store.read(record["id"])
        except (NoSuchContainer, BadRecord):
            newest = record
        if newest["instance"] != record["instance"] or newest is record:
            newest = store.read_last(record["instance"], record["id"]) or record
        record = newest
        is_to_come = newest["status"] != "stopped" and watcher_at_work(store.fds.root)
        if time.monotonic() - began > (WATCHED_WAIT_S if is_to_come else RECORD_WAIT_S):
            break
        if newest["exit"]["code"] is None:
            time.sleep(PAUSE_S)
    return record["exit"]
