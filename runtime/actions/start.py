"""start: opens the gate that the container's process waits at."""

from __future__ import annotations

import os

from runtime.actions import look
from runtime.actions.hookstate import hook_state
from runtime.actions.identity import identify, open_pidfd
from runtime.errors import Fault, HookFault, InitFault, WrongStatus
from runtime.actions.status import ALLOWED, refuse
from runtime.kernel import clock, process
from runtime.sandbox import hooks, startgate
from runtime.spec.bundle import parse_config
from runtime.store.record import advance
from runtime.store.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.spec.config import Config
    from runtime.store.record import Record
    from runtime.store.store import Action


def start(context: Context, container_id: str) -> Record:
    """Execute the container's program; returns once it runs (runtime-spec: runtime.md#start)."""
    store = Store(context.roots.state, make=False, proc=context.roots.proc)
    try:
        with store.action(container_id, wait_s=None) as action:
            return _Starting(context, store, action).carry_out()
    finally:
        store.close()


class _Starting:
    """One start under way, its action lock held."""

    def __init__(self, context: Context, store: Store, action: Action) -> None:
        self.context = context
        self.store = store
        self.action = action

    def carry_out(self) -> Record:
        observed = look.observe_container(self.context, self.store, self.action.id)
        refuse("start", self.action.id, observed.status)
        config = parse_config(self.store.read_file(self.action.id, "config.json"), observed.record["bundle"])
        identity = observed.record["process"]
        pidfd = open_pidfd(identity, self.context.roots.proc) if identity else None
        if pidfd is None:
            raise WrongStatus("start", self.action.id, "stopped", ALLOWED["start"])
        try:
            return self._pass_gate(config, pidfd)
        finally:
            os.close(pidfd)

    def _pass_gate(self, config: Config, pidfd: int) -> Record:
        self._commit(starter=identify(os.getpid(), self.context.roots.proc))
        try:
            startgate.open_gate(self.action.dir_fd, pidfd)
        except InitFault as fault:
            self._commit_failure(fault)
            raise
        now = clock.now()
        record = self._commit(status="running", happenings=("started",), starter=None, started=now, now=now)
        try:
            state = hook_state(record, "running", record["pid"])
            hooks.run_hooks(hooks.plan_hooks(config).get("poststart", ()), "poststart", state)
        except HookFault as fault:
            self._stop(pidfd, fault)
            raise
        return record

    def _stop(self, pidfd: int, fault: Fault) -> None:
        """A failed poststart hook ends the container (runtime-spec 1.3: runtime.md#lifecycle)."""
        try:
            process.pidfd_send_signal(pidfd, 9)
        except ProcessLookupError:
            pass  # it ended before the hook did
        look.wait_for_end(pidfd)
        with self.store.locked(self.action.id) as held:
            held.commit(advance(held.record, now=clock.now(), happenings=("failed",), fault=str(fault)[:4096]))

    def _commit(self, *, now: str | None = None, happenings: tuple[str, ...] = (), **members: object) -> Record:
        with self.store.locked(self.action.id) as held:
            record = advance(held.record, now=now or clock.now(), happenings=happenings, **members)
            held.commit(record)
            return record

    def _commit_failure(self, fault: InitFault) -> None:
        now = clock.now()
        self._commit(
            now=now, happenings=("failed",), status="stopped", pid=0, starter=None,
            finished=now, finishedPrecision="exact", fault=str(fault)[:4096],
        )
