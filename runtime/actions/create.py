"""create: from a bundle to a container whose program waits to be started.

    read and check the bundle, plan everything          nothing is touched before all of it is known to fit
    publish <id>/ as `creating`                          the rename is the uniqueness check
    cgroup -> fork -> commit the pid -> id maps -> limits -> go    each with its undo step
    serve the child (hooks, console) until `ready`
    pid file, commit `created`

Any failure takes back all of it but a last record that tells the fault.
"""

from __future__ import annotations

import os

from runtime.actions import rdt
from runtime.actions.beginning import (
    Beginning,
    Made,
    announce_root,
    check_terminal,
    entry_of,
    first_record,
    plan_cgroup,
)
from runtime.actions.hookstate import hook_state, process_state
from runtime.actions.identity import identify
from runtime.actions.pidfile import send_pidfd, write_pid_file
from runtime.cgroups import manager
from runtime.errors import BadRoot
from runtime.kernel import process, procfs
from runtime.kernel.files import let_go
from runtime.late import Late
from runtime.sandbox import listed, spawn
from runtime.sandbox.capabilities import find_ungranted
from runtime.sandbox.features import netdevices, scheduling, seccomp
from runtime.sandbox.gate import hold_places
from runtime.sandbox.lsm import check_lsm
from runtime.sandbox.plan import plan_init
from runtime.spec.bundle import read_bundle
from runtime.spec.warnings import find_warnings
from runtime.store import layout
from runtime.store.handover import hand_over
from runtime.store.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.actions import notify
    from runtime.actions.beginning import Request, Warn
    from runtime.actions.context import Context
    from runtime.cgroups.manager import CgroupPlan
    from runtime.cgroups.resctrl import RdtPlan
    from runtime.sandbox import forked
    from runtime.sandbox.listed import Listed
    from runtime.sandbox.netdevices import NetDevices
    from runtime.sandbox.plan import InitPlan
    from runtime.sandbox.rootfs import RootMount
    from runtime.sandbox.spawn import Child
    from runtime.spec.bundle import Bundle
    from runtime.spec.config import Config
    from runtime.store.record import Record
    from runtime.store.store import Action

    Then = Callable[[Store, Action, Made, Config], None]
else:
    notify = Late("runtime.actions.notify")
    forked = Late("runtime.sandbox.forked")  # an interpreter in the container, where no list will do

FIFOS = ("gate", "outcome")


def create(context: Context, container_id: str, request: Request, *, warn: Warn | None = None) -> Record:
    """Make the container of ``request`` and leave it waiting for ``start``."""
    made = make(context, container_id, request, warn=warn)
    let_go(made.pidfd)
    return made.record


def make(
    context: Context,
    container_id: str,
    request: Request,
    *,
    warn: Warn | None = None,
    meanwhile: Callable[[], None] = lambda: None,
    then: Then | None = None,
) -> Made:
    """The container, made and waiting; raises the fault that was met, with everything taken back.

    ``warn`` gets the lines about what config.json asks for that is left out.  ``then`` starts the container, as whose
    starter we are on record, before anybody else can act on it; a fault of that takes nothing of create's back.
    ``meanwhile`` is called when there is nothing to do but to wait for the first process.
    """
    layout.check_id(container_id)
    hold_places(request.listen_fds + request.preserve_fds)
    bundle = _read_bundle(context, container_id, request)
    cgroup = plan_cgroup(context, container_id, bundle, request)
    planned_rdt = rdt.plan(bundle.config, container_id, context.roots)
    plan = _plan_init(context, container_id, bundle, request)
    warnings = list(find_warnings(bundle.config))
    warnings += find_ungranted(plan.capabilities, has_user=plan.namespaces.has_user)
    record = first_record(context, container_id, bundle, cgroup)
    begun = None
    store = Store(context.roots.state, make=True, public=context.public_state, proc=context.roots.proc)
    try:
        check_lsm(plan.lsm)
        if plan.seccomp:
            plan = plan._replace(filter=seccomp.compile_filter(plan.seccomp, store.fds.root))
        if cgroup.version != 2 and not (cgroup.unit or planned_rdt):
            begun = listed.begin(plan)  # as early as can be: its namespaces take time, which we have other uses for
        announce_root(context)
        with _publish(store, record, bundle, request) as action:
            making = _Making(context, store, action, bundle, cgroup, planned_rdt, request, starts=then is not None)
            made = making.carry_out(plan, begun, meanwhile)
            if warn and warnings:
                warn(warnings)
            if then:
                then(store, action, made, bundle.config)
    finally:
        if begun:
            begun.give_up()
        store.close()
    return made


def _read_bundle(context: Context, container_id: str, request: Request) -> Bundle:
    bundle = read_bundle(request.bundle, config=request.config)
    check_terminal(bundle, request)
    if not request.notify_socket:
        return bundle
    place = f"{context.roots.state}/{container_id}/{notify.DIRECTORY}"
    return bundle._replace(config=notify.with_socket(bundle.config, place))


def _plan_init(context: Context, container_id: str, bundle: Bundle, request: Request) -> InitPlan:
    return plan_init(
        bundle.config,
        bundle=bundle.path,
        rootfs=bundle.rootfs,
        container_id=container_id,
        rootless=context.rootless,
        in_userns=context.in_userns,
        denies_setgroups=context.in_userns and procfs.denies_setgroups(context.roots.proc, "self"),
        no_pivot=request.no_pivot,
        no_new_keyring=request.no_new_keyring,
        preserve_fds=request.preserve_fds,
        listen_fds=request.listen_fds,
    )


def _publish(store: Store, record: Record, bundle: Bundle, request: Request) -> Action:
    private = {layout.CONFIG: bundle.raw}
    if request.no_new_keyring:
        private[layout.CALLERS_KEYRING] = b""
    try:
        return store.publish(record, private, FIFOS)
    except OSError as error:
        raise BadRoot(
            f"the state root {store.root} can't take the container: {error.strerror}",
            hint="make room there, or name another with --root",
        ) from error


class _Making(Beginning):
    """One create under way: the steps in their order."""

    def __init__(
        self,
        context: Context,
        store: Store,
        action: Action,
        bundle: Bundle,
        cgroup: CgroupPlan,
        planned_rdt: RdtPlan | None,
        request: Request,
        *,
        starts: bool,
    ) -> None:
        super().__init__(context, store, action, bundle, cgroup, request)
        self.starts = starts
        self.rdt = planned_rdt
        self.net_devices: NetDevices | None = None
        self.mount: bytes | None = None
        self.child: Child | None = None
        self.meanwhile: Callable[[], None] = lambda: None

    def carry_out(self, plan: InitPlan, begun: Listed | None, meanwhile: Callable[[], None]) -> Made:
        """All steps; on any fault all of them backwards."""
        self.meanwhile = meanwhile
        try:
            if self.request.notify_socket:
                os.mkdir(notify.DIRECTORY, notify.DIRECTORY_MODE, dir_fd=self.action.dir_fd)
            manager.make(self.cgroup)  # takes back what it made if it fails, and nobody else's
            self.undo.push("cgroup", self._remove_cgroup)
            if self.cgroup.unit is None:
                self.claim_cgroup()
            self.undo.push("mounts", self._unmount)
            self.undo.push("first process", self._end)
            try:
                child = self._launch(plan, begun, may_list=True)
                record = self._settle(child, plan)
            except listed.ListFailed:
                self._end()
                child = self._launch(plan, None, may_list=False)
                record = self._settle(child, plan)
        except BaseException as fault:
            self.take_back(fault)
            raise
        finally:
            if self.net_devices:
                self.net_devices.close()  # or we would keep the container's network alive
        self.undo.forget()
        return Made(record, child.pidfd, self.master_fd)

    def _launch(self, plan: InitPlan, begun: Listed | None, *, may_list: bool) -> Child:
        """The first process, in its cgroup, which waits for ``go``; its pid is committed before that."""
        gate, outcome = (self._open_fifo(name) for name in FIFOS)
        entry = manager.open_entry(self.cgroup)
        listener = seccomp.connect_listener(plan.filter) if plan.filter else None
        try:
            plan = plan._replace(
                cgroup=entry_of(entry),
                gate_fd=gate,
                outcome_fd=outcome,
                listener_fd=None if listener is None else listener.fileno(),
            )
            if may_list and not begun and entry.cgroup_fd is not None and not self.rdt:
                begun = listed.begin(plan, entry.cgroup_fd)
            child = spawn.complete(begun, plan) if begun else forked.launch(plan, close_fds=self.action.fds())
            self.child = child
        finally:
            fds = [gate, outcome, *entry.join_fds]
            fds += [entry.cgroup_fd] if entry.cgroup_fd is not None else []
            let_go(*fds, *([listener.detach()] if listener else []))
        identity = identify(child.pid, self.context.roots.proc)
        record = self.commit(happenings=(), pid=child.pid, process=identity)
        hand_over(self.store.fds.root, record["instance"], identity, child.pidfd)
        return child

    def _settle(self, child: Child, plan: InitPlan) -> Record:
        """Say go, and serve the child until it waits at the gate."""
        manager.adopt(self.cgroup, self.action.id, child.pid)
        if self.cgroup.unit is not None:
            self.claim_cgroup()
        manager.settle(self.cgroup, child.pid)
        if self.rdt:
            rdt.begin(self.rdt, child.pid)
            self.undo.push("Intel RDT", lambda: rdt.end(self.bundle.config, self.action.id, self.context.roots))
        if "user" in plan.namespaces.new:
            forked.write_id_maps(child, plan)
        if plan.net_devices:
            self._move_devices(plan, child.pid)
        self.has_environment = True
        if plan.create_hooks or plan.start_hooks:
            inner_pid = procfs.innermost_pid(self.context.roots.proc, child.pid)
            state = hook_state(self.read(), "created", inner_pid)
        else:
            state = b""
        notified = b""
        if plan.filter and plan.filter.listener:
            notified = process_state(self.read(), "created", child.pid, plan.filter.listener.metadata)
        manager.apply(self.cgroup)  # before nodes are made, which half of a list of device rules could forbid
        spawn.go(child, hook_state=state, process_state=notified)
        self.meanwhile()
        namespaces = spawn.serve(
            child,
            on_root=self._note_mount,
            on_mounted=lambda: self.run_early_hooks(child.pid),
            on_console=self.take_terminal,
        )
        child.channel.let_go()
        if plan.scheduling and plan.scheduling.by_maker:
            scheduling.apply_to_process(plan.scheduling, child.pid)
        if self.request.pidfd_socket:
            send_pidfd(self.request.pidfd_socket, child.pidfd)
        if self.request.pid_file:
            write_pid_file(self.request.pid_file, child.pid)
        return self.commit(
            status="created",
            happenings=("created",),
            maker=None,
            starter=identify(os.getpid(), self.context.roots.proc) if self.starts else None,
            linux={"cgroup": manager.record_cgroup(self.cgroup), "namespaces": namespaces},
        )

    def _end(self) -> None:
        """Kill and reap the first process, if there is one; being reaped, it can no longer be taken for alive."""
        child, self.child = self.child, None
        if child is None:
            return
        child.channel.let_go()
        try:
            process.pidfd_send_signal(child.pidfd, 9)
        except ProcessLookupError:
            pass  # it ended by itself, which may be the very fault
        try:
            os.waitpid(child.pid, 0)
        except ChildProcessError:
            pass  # the channel's server has reaped it already
        let_go(child.pidfd)

    def _remove_cgroup(self) -> None:
        """Unless it is somebody else's: a scope of that name that was there before."""
        if self.has_cgroup:
            manager.remove(manager.record_cgroup(self.cgroup))

    def _move_devices(self, plan: InitPlan, pid: int) -> None:
        """While the first process waits: what it sets in its network namespace may be about them."""
        self.net_devices = netdevices.NetDevices(pid)
        self.net_devices.move(plan.net_devices)
        self.undo.push("network devices", self.net_devices.take_back)

    def _note_mount(self, root: RootMount) -> None:
        """On disk before it is attached, in a mount namespace where it would outlive us and the container."""
        from runtime.actions import unmounting  # most containers have mount namespaces of their own

        self.mount = unmounting.note(root, self.context.roots.proc)
        with self.store.locked(self.action.id) as held:
            held.replace(layout.MOUNT, self.mount)

    def _unmount(self) -> None:
        if self.mount is not None:
            from runtime.actions import unmounting  # as above

            unmounting.unmount(self.mount, self.bundle.config, self.context.roots.proc)

    def _open_fifo(self, name: str) -> int:
        return os.open(name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=self.action.dir_fd)
