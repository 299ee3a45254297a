"""start: opens the gate that the container's process waits at."""

from __future__ import annotations

import os

from runtime.actions import look
from runtime.actions.failure import FAULT_LIMIT, failed
from runtime.actions.hookstate import hook_state
from runtime.actions.identity import identify, open_pidfd
from runtime.actions.status import ALLOWED, refuse
from runtime.errors import Fault, HookFault, InitFault, NoSuchContainer, WrongStatus
from runtime.kernel import clock, process
from runtime.kernel.files import let_go
from runtime.late import Late
from runtime.sandbox import features, startgate
from runtime.spec.frozen import thaw_config
from runtime.store import layout
from runtime.store.presence import has_come_since
from runtime.store.record import advance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.actions import delete
    from runtime.actions.context import Context
    from runtime.spec.config import Config
    from runtime.store import handover
    from runtime.store.record import Happening, Record
    from runtime.store.store import Action, Store
else:
    delete = Late("runtime.actions.delete")  # only a hook that fails asks for it
    handover = Late("runtime.store.handover")  # what create handed over suffices, but for a watcher that came since

SIGKILL = 9
END_WAIT_S = 10.0


def start(context: Context, container_id: str, *, instance: str | None = None) -> Record:
    """Execute the container's program; returns once it runs (runtime-spec: runtime.md#start).

    With ``instance`` only that life's: a later one of the id counts as none.
    """
    store = look.open_store_of(context, container_id)
    try:
        with store.action(container_id) as action:
            if instance not in (None, action.instance):
                raise NoSuchContainer(container_id)
            starting = _Starting(context, store, action)
            try:
                return starting.carry_out()
            except Fault as fault:
                failure = fault
        if starting.hook_failed:
            _destroy(context, container_id, starting.action.instance, failure)
        raise failure
    finally:
        store.close()


def start_made(context: Context, store: Store, action: Action, pidfd: int, config: Config) -> None:
    """The same for whoever has just made the container, holds its lock, and is its starter on record: no look at it.

    A hook that fails leaves it to the caller to destroy the container.
    """
    _Starting(context, store, action).pass_gate(config, pidfd)


def _destroy(context: Context, container_id: str, instance: str, fault: Fault) -> None:
    """A hook that fails at start ends the life cycle: destroy, then the poststop hooks (runtime.md#lifecycle, 12)."""
    try:
        for failure in delete.delete(context, container_id, force=True, instance=instance):
            fault.add_note(str(failure))
    except (Fault, OSError) as error:
        fault.add_note(f"while destroying the container: {error}")


class _Starting:
    """One start under way, its action lock held."""

    def __init__(self, context: Context, store: Store, action: Action) -> None:
        self.context = context
        self.store = store
        self.action = action
        self.hook_failed = False

    def carry_out(self) -> Record:
        observed = look.observe_container(self.context, self.store, self.action.id)
        look.demand_verified(observed, "start")
        refuse("start", self.action.id, observed.status)
        config = thaw_config(self.store.read_file(self.action.id, layout.CONFIG))
        identity = observed.record["process"]
        pidfd = open_pidfd(identity, self.context.roots.proc) if identity else None
        if identity is None or pidfd is None:
            raise WrongStatus("start", self.action.id, "stopped", ALLOWED["start"])
        try:
            self._commit(starter=identify(os.getpid(), self.context.roots.proc))
            if has_come_since(self.store.fds.root, self.action.dir_fd):
                handover.hand_over(self.store.fds.root, self.action.instance, identity, pidfd)
            return self.pass_gate(config, pidfd)
        finally:
            let_go(pidfd)

    def pass_gate(self, config: Config, pidfd: int) -> Record:
        """Let the program be executed, as its starter on record."""
        opened = clock.now()  # a short program may have ended by the time that we hear of its start
        try:
            startgate.open_gate(self.action.dir_fd, pidfd, config["process"]["args"][0])
        except InitFault as fault:
            # what has no number is no failure of execve(2): a startContainer hook told it
            self.hook_failed = fault.errno is None and bool(config.get("hooks", {}).get("startContainer"))
            look.wait_for_end(pidfd, END_WAIT_S)  # it told us, and exits
            with self.store.locked(self.action.id) as held:
                held.commit(failed(held.record, fault, now=clock.now()))
            raise
        record = self._commit(status="running", happenings=("started",), starter=None, started=opened)
        self._poststart(config, record, pidfd)
        return record

    def _poststart(self, config: Config, record: Record, pidfd: int) -> None:
        planned = features.plan_hooks(config).get("poststart", ())
        if not planned:
            return
        try:
            features.hooks.run_hooks(planned, "poststart", hook_state(record, "running", record["pid"]))
        except HookFault as fault:
            self.hook_failed = True
            self._stop(pidfd, fault)
            raise

    def _stop(self, pidfd: int, fault: Fault) -> None:
        """A failed poststart hook ends the container (runtime-spec 1.3: runtime.md#lifecycle)."""
        try:
            process.pidfd_send_signal(pidfd, SIGKILL)
        except ProcessLookupError:
            pass  # it ended before the hook did
        look.wait_for_end(pidfd)
        self._commit(happenings=("failed",), fault=str(fault)[:FAULT_LIMIT])

    def _commit(self, *, happenings: tuple[Happening, ...] = (), **members: Any) -> Record:
        with self.store.locked(self.action.id) as held:
            record = advance(held.record, now=clock.now(), happenings=happenings, **members)
            held.commit(record)
            return record
