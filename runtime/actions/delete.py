"""delete: everything of a stopped container goes; its last record stays for a while in .deleted.

    --force: kill all of it first, then wait for the action lock
    observe `stopped`; processes dead, cgroup gone; poststop hooks (their failures are warnings)
    commit `deleted` and retire the directory by rename: the id becomes free last
"""

from __future__ import annotations

import os

from runtime.actions import look
from runtime.actions.hookstate import hook_state
from runtime.actions.identity import open_pidfd
from runtime.actions.status import refuse
from runtime.cgroups import manager
from runtime.errors import BadRecord, Fault, NoSuchContainer, SpecFault, Unsupported
from runtime.kernel import clock, process
from runtime.sandbox import hooks
from runtime.spec.bundle import parse_config
from runtime.store import layout
from runtime.store.record import advance
from runtime.store.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.store.record import Record
    from runtime.store.store import Action

FORCE_WAIT_S = 10.0
KILL_WAIT_S = 10.0


def delete(context: Context, container_id: str, *, force: bool = False) -> list[Fault]:
    """Remove the container; returns what went wrong without stopping it (poststop hooks).

    ``force`` kills what still runs, accepts an unreadable record, and an id that does not exist.
    """
    layout.check_id(container_id)
    try:
        store = Store(context.roots.state, make=False, proc=context.roots.proc)
    except NoSuchContainer:
        if force:
            return []
        raise
    try:
        if force:
            _kill_first(context, store, container_id)
        with store.action(container_id, wait_s=FORCE_WAIT_S if force else None) as action:
            return _Deleting(context, store, action, force).carry_out()
    except NoSuchContainer:
        if not force:
            raise
        return []
    except BadRecord:
        if not force:
            raise
        store.discard(container_id)
        return []
    finally:
        store.close()


def _kill_first(context: Context, store: Store, container_id: str) -> None:
    observed = look.observe_container(context, store, container_id)
    if not observed.verified:
        raise Fault(
            f'cannot delete container "{container_id}": its process lies in another pid or time namespace',
            hint="run this command in the namespaces that the container was created in",
        )
    _end_processes(context, observed.record)


def _end_processes(context: Context, record: Record) -> None:
    """Kill the first process and all of the cgroup, and wait for the first one's end."""
    identity = record["process"]
    pidfd = open_pidfd(identity, context.roots.proc) if identity else None
    try:
        if pidfd is not None:
            process.pidfd_send_signal(pidfd, 9)
    except ProcessLookupError:
        pass  # it exited before the signal
    if record["linux"]["cgroup"]:
        manager.kill_all(record["linux"]["cgroup"])
    if pidfd is not None:
        try:
            if not look.wait_for_end(pidfd, KILL_WAIT_S):
                raise Fault(
                    f'process {identity["pid"] if identity else 0} of container "{record["id"]}" '
                    f"did not die within {KILL_WAIT_S:.0f} seconds of SIGKILL",
                    hint="look at its state with ps; it may hang in the kernel",
                )
        finally:
            os.close(pidfd)


class _Deleting:
    """One delete under way, its action lock held."""

    def __init__(self, context: Context, store: Store, action: Action, force: bool) -> None:
        self.context = context
        self.store = store
        self.action = action
        self.force = force

    def carry_out(self) -> list[Fault]:
        observed = look.observe_container(self.context, self.store, self.action.id)
        if not self.force:
            refuse("delete", self.action.id, observed.status)
        _end_processes(self.context, observed.record)
        if observed.record["linux"]["cgroup"]:
            manager.remove(observed.record["linux"]["cgroup"])
        warnings = self._poststop(observed.truth)
        with self.store.locked(self.action.id) as held:
            held.retire(self._last_record(held.record))
        return warnings

    def _poststop(self, record: Record) -> list[Fault]:
        try:
            config = parse_config(self.store.read_file(self.action.id, "config.json"), record["bundle"])
        except (SpecFault, Unsupported, Fault, OSError):
            return []  # an interrupted create may have died before its copy was whole
        return list(hooks.run_poststop(hooks.plan_hooks(config).get("poststop", ()), hook_state(record, "stopped", 0)))

    def _last_record(self, record: Record) -> Record:
        """The record as it leaves: stopped, if nobody saw the end before, and deleted."""
        observed = look.judge(self.context, self.store, self.action.id, record)
        return advance(observed.truth, now=clock.now(), happenings=("deleted",))
