"""create: from a bundle to a container whose program waits to be started.

    read and check the bundle, plan everything          nothing is touched before all of it is known to fit
    publish <id>/ as `creating`                          the rename is the uniqueness check
    cgroup -> fork -> commit the pid -> id maps -> go    each with its undo step
    serve the child (hooks, console) until `ready`
    pid file, commit `created`

Any failure takes back all of it but a last record that tells the fault.
"""

from __future__ import annotations

import os

from runtime import VERSION
from runtime.actions.hookstate import hook_state
from runtime.actions.identity import identify
from runtime.actions.owner import owner_name
from runtime.actions.pidfile import write_pid_file
from runtime.actions.undo import Undo
from runtime.cgroups import manager
from runtime.errors import Fault, HookFault
from runtime.kernel import clock, process, procfs
from runtime.sandbox import console, hooks, spawn
from runtime.sandbox.plan import plan_init
from runtime.spec.bundle import read_bundle
from runtime.store import layout
from runtime.store.record import advance, new_record
from runtime.store.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from runtime.actions.context import Context
    from runtime.cgroups.manager import CgroupPlan
    from runtime.sandbox.plan import InitPlan
    from runtime.sandbox.spawn import Child
    from runtime.spec.bundle import Bundle
    from runtime.store.record import Record
    from runtime.store.store import Action
else:
    from runtime.values import NamedTuple

FIFOS = ("gate", "outcome")


class Request(NamedTuple):
    """What the caller of ``create`` or ``run`` asks for beside the bundle's config.json."""

    bundle: str
    config: str | None = None
    pid_file: str | None = None
    console_socket: str | None = None
    no_pivot: bool = False
    no_new_keyring: bool = False
    preserve_fds: int = 0
    keeps_terminal: bool = False


class Made(NamedTuple):
    """A container whose program waits at the gate; the caller owns both fds."""

    record: Record
    pidfd: int
    master_fd: int | None


def create(context: Context, container_id: str, **request: object) -> Record:
    """Make the container of ``request`` (the fields of Request) and leave it waiting for ``start``."""
    made = make(context, container_id, Request(**request))  # type: ignore[arg-type]
    os.close(made.pidfd)
    return made.record


def make(context: Context, container_id: str, request: Request) -> Made:
    """The container, made and waiting; raises the fault that was met, with everything taken back."""
    layout.check_id(container_id)
    bundle = read_bundle(request.bundle, config=request.config)
    _check_terminal(bundle, request)
    cgroup = manager.plan_cgroup(
        bundle.config, container_id=container_id, roots=context.roots, rootless=context.rootless
    )
    plan = plan_init(
        bundle.config,
        bundle=bundle.path,
        rootfs=bundle.rootfs,
        container_id=container_id,
        rootless=context.rootless,
        in_userns=context.in_userns,
        no_pivot=request.no_pivot,
        no_new_keyring=request.no_new_keyring,
        preserve_fds=request.preserve_fds,
    )
    record = _first_record(context, container_id, bundle, cgroup)
    store = Store(context.roots.state, make=True, public=context.public_state, proc=context.roots.proc)
    try:
        with store.publish(record, {"config.json": bundle.raw}, FIFOS) as action:
            return _Making(context, store, action, bundle, cgroup, request).carry_out(plan)
    finally:
        store.close()


def _check_terminal(bundle: Bundle, request: Request) -> None:
    terminal = bundle.config["process"].get("terminal", False)
    if terminal and not request.console_socket and not request.keeps_terminal:
        raise Fault(
            "config.json#/process/terminal asks for a terminal, and nobody is there to take it",
            hint="name a --console-socket, or set it to false",
        )
    if request.console_socket and not terminal:
        raise Fault(
            "--console-socket was given, but config.json#/process/terminal is not true",
            hint="leave the option out, or set it to true",
        )


def _first_record(context: Context, container_id: str, bundle: Bundle, cgroup: CgroupPlan) -> Record:
    return new_record(
        container_id=container_id,
        bundle=bundle.path,
        rootfs=bundle.rootfs,
        owner=owner_name(procfs.outer_uid(context.roots.proc, os.geteuid())),
        annotations=dict(bundle.config.get("annotations") or {}),
        version=VERSION,
        maker=identify(os.getpid(), context.roots.proc),
        cgroup=manager.record_cgroup(cgroup),
        now=clock.now(),
    )


class _Making:
    """One create under way: what it holds, and the steps in their order."""

    def __init__(
        self, context: Context, store: Store, action: Action, bundle: Bundle, cgroup: CgroupPlan, request: Request
    ) -> None:
        self.context = context
        self.store = store
        self.action = action
        self.bundle = bundle
        self.cgroup = cgroup
        self.request = request
        self.hooks = hooks.plan_hooks(bundle.config)
        self.undo = Undo()
        self.master_fd: int | None = None
        self.has_environment = False

    def carry_out(self, plan: InitPlan) -> Made:
        """All steps; on any fault all of them backwards."""
        try:
            child = self._launch(plan)
            self._settle(child, plan)
        except BaseException as fault:
            self._take_back(fault)
            raise
        self.undo.forget()
        return Made(self._read(), child.pidfd, self.master_fd)

    def _launch(self, plan: InitPlan) -> Child:
        """The cgroup, and the first process in it, which waits for ``go``; its pid is committed before that."""
        self.undo.push("cgroup", lambda: manager.remove(manager.record_cgroup(self.cgroup)))
        manager.make(self.cgroup)
        gate, outcome = (self._open_fifo(name) for name in FIFOS)
        entry = manager.open_entry(self.cgroup)
        plan = plan._replace(cgroup=entry, gate_fd=gate, outcome_fd=outcome)
        try:
            child = spawn.launch(plan, close_fds=self.action.fds())
        finally:
            for fd in (gate, outcome, *entry.join_fds, *([entry.cgroup_fd] if entry.cgroup_fd is not None else [])):
                os.close(fd)
        self.undo.push("first process", lambda: _end(child))
        self._commit(pid=child.pid, process=identify(child.pid, self.context.roots.proc))
        return child

    def _settle(self, child: Child, plan: InitPlan) -> None:
        """Say go, and serve the child until it waits at the gate."""
        spawn.write_id_maps(child, plan)
        inner_pid = procfs.innermost_pid(self.context.roots.proc, child.pid)
        record = self._read()
        self.has_environment = True
        spawn.go(
            child,
            creating_state=hook_state(record, "creating", inner_pid),
            created_state=hook_state(record, "created", inner_pid),
        )
        manager.apply(self.cgroup)
        spawn.serve(child, on_mounted=lambda: self._early_hooks(child.pid), on_console=self._take_console)
        if self.request.pid_file:
            write_pid_file(self.request.pid_file, child.pid)
        self._commit(
            status="created",
            happenings=("created",),
            maker=None,
            linux={
                "cgroup": manager.record_cgroup(self.cgroup),
                "namespaces": procfs.namespaces(self.context.roots.proc, child.pid),
            },
        )
        child.channel.close()

    def _early_hooks(self, pid: int) -> None:
        state = hook_state(self._read(), "creating", pid)
        for kind in ("prestart", "createRuntime"):
            hooks.run_hooks(self.hooks.get(kind, ()), kind, state)

    def _take_console(self, master_fd: int) -> None:
        if self.request.console_socket:
            try:
                console.send_to_console_socket(self.request.console_socket, master_fd, self.action.id)
            finally:
                os.close(master_fd)
        else:
            self.master_fd = master_fd

    def _open_fifo(self, name: str) -> int:
        return os.open(name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=self.action.dir_fd)

    def _read(self) -> Record:
        return self.store.read(self.action.id)

    def _commit(self, *, happenings: tuple[str, ...] = (), **members: object) -> None:
        with self.store.locked(self.action.id) as held:
            held.commit(advance(held.record, now=clock.now(), happenings=happenings, **members))

    def _take_back(self, fault: BaseException) -> None:
        """Undo, then leave nothing in the root but the last record in .deleted."""
        self.undo.unwind(fault)
        if self.master_fd is not None:
            os.close(self.master_fd)
        if self.has_environment:
            self._poststop(fault)
        with self.store.locked(self.action.id) as held:
            now = clock.now()
            self.action.retire(
                advance(
                    held.record, now=now, happenings=("failed",), status="stopped", pid=0, maker=None,
                    finished=now, finishedPrecision="exact", fault=str(fault)[:4096],
                )
            )

    def _poststop(self, fault: BaseException) -> None:
        state = hook_state(self._read(), "stopped", 0)
        for failure in hooks.run_poststop(self.hooks.get("poststop", ()), state):
            fault.add_note(str(failure))


def _end(child: Child) -> None:
    """Kill and reap the first process; being reaped, it can no longer be taken for alive."""
    child.channel.close()
    try:
        process.pidfd_send_signal(child.pidfd, 9)
    except ProcessLookupError:
        pass  # it ended by itself, which may be the very fault
    try:
        os.waitpid(child.pid, 0)
    except ChildProcessError:
        pass  # the channel's server has reaped it already
    os.close(child.pidfd)
