"""How a life of a container begins, made by `create` or brought back by `restore`: what both do alike."""

from __future__ import annotations

import os

from runtime import VERSION
from runtime.actions.failure import failed
from runtime.actions.hookstate import hook_state
from runtime.actions.identity import identify
from runtime.actions.owner import owner_name
from runtime.actions.undo import Undo
from runtime.cgroups import manager
from runtime.errors import Fault
from runtime.kernel import clock, procfs
from runtime.kernel.files import let_go
from runtime.sandbox import features
from runtime.sandbox.cgroup_entry import CgroupEntry, Hierarchy
from runtime.sandbox.features import console, hooks
from runtime.store import layout
from runtime.store.announced import announce
from runtime.store.record import advance, new_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NamedTuple

    from runtime.actions.context import Context
    from runtime.cgroups.hierarchy import Entry as CgroupHandle
    from runtime.cgroups.manager import CgroupPlan
    from runtime.spec.bundle import Bundle
    from runtime.store.record import Happening, Record
    from runtime.store.store import Action, Store

    Warn = Callable[[Sequence[str]], None]
else:
    from runtime.values import NamedTuple

EARLY_HOOKS = ("prestart", "createRuntime")


class Request(NamedTuple):
    """What the caller of ``create`` or ``run`` asks for beside the bundle's config.json."""

    bundle: str
    config: str | None = None
    pid_file: str | None = None
    console_socket: str | None = None
    no_pivot: bool = False
    no_new_keyring: bool = False
    preserve_fds: int = 0
    listen_fds: int = 0
    no_cgroup: bool = False
    systemd_cgroup: bool = False
    keeps_terminal: bool = False
    notify_socket: str | None = None
    pidfd_socket: str | None = None


class Made(NamedTuple):
    """A container whose program waits at the gate; the caller owns both fds."""

    record: Record
    pidfd: int
    master_fd: int | None


def check_terminal(bundle: Bundle, request: Request) -> None:
    """Fault: a terminal that nobody takes, or somebody who waits for one that there will not be."""
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


def plan_cgroup(context: Context, container_id: str, bundle: Bundle, request: Request) -> CgroupPlan:
    """Where the container's cgroups will lie, and who makes them."""
    if request.no_cgroup:
        return manager.plan_none(bundle.config, rootless=context.rootless)
    plan = manager.plan_cgroup(
        bundle.config,
        container_id=container_id,
        roots=context.roots,
        rootless=context.rootless,
        by_systemd=request.systemd_cgroup,
    )
    manager.refuse_taken_scope(plan)
    return plan


def first_record(context: Context, container_id: str, bundle: Bundle, cgroup: CgroupPlan) -> Record:
    """The record of a life that begins."""
    return new_record(
        container_id=container_id,
        instance=os.urandom(16).hex(),
        bundle=bundle.path,
        rootfs=bundle.rootfs,
        owner=owner_name(procfs.outer_uid(context.roots.proc, os.geteuid())),
        annotations=dict(bundle.config.get("annotations") or {}),
        version=VERSION,
        maker=identify(os.getpid(), context.roots.proc),
        cgroup=manager.record_cgroup(cgroup),
        now=clock.now(),
    )


def announce_root(context: Context) -> None:
    """Have the root found beside the default one, if that can be done."""
    try:
        announce(context.roots.state, context.default_root)
    except OSError:
        return  # nobody will find the root by itself; that is no reason to have no container


class Beginning:
    """One life that begins: what is held, and how all of it is taken back."""

    def __init__(
        self, context: Context, store: Store, action: Action, bundle: Bundle, cgroup: CgroupPlan, request: Request
    ) -> None:
        self.context = context
        self.store = store
        self.action = action
        self.bundle = bundle
        self.cgroup = cgroup
        self.request = request
        self.hooks = features.plan_hooks(bundle.config)
        self.undo = Undo()
        self.master_fd: int | None = None
        self.has_environment = False
        self.has_cgroup = False

    def read(self) -> Record:
        """The record as it is by now."""
        return self.store.read(self.action.id)

    def commit(self, *, happenings: tuple[Happening, ...], **members: Any) -> Record:
        """The next record."""
        with self.store.locked(self.action.id) as held:
            record = advance(held.record, now=clock.now(), happenings=happenings, **members)
            held.commit(record)
            return record

    def claim_cgroup(self) -> None:
        """From here on whatever is in it is the container's: `delete` may end it, even if we don't live to."""
        self.has_cgroup = True
        layout.note(self.action.dir_fd, layout.OWN_CGROUP)

    def run_early_hooks(self, pid: int) -> None:
        """prestart, then createRuntime: the namespaces of ``pid`` are there."""
        state = hook_state(self.read(), "created", pid)
        for kind in EARLY_HOOKS:
            hooks.run_hooks(self.hooks.get(kind, ()), kind, state)

    def take_terminal(self, master_fd: int) -> None:
        """To whoever is to have it: the caller's console socket, or the foreground."""
        if self.request.console_socket:
            try:
                console.send_to_console_socket(self.request.console_socket, master_fd, self.action.id)
            finally:
                let_go(master_fd)
        else:
            self.master_fd = master_fd

    def take_back(self, fault: BaseException) -> None:
        """Undo, then leave nothing in the root but the last record in .deleted."""
        self.undo.unwind(fault)
        if self.master_fd is not None:
            let_go(self.master_fd)
        if self.has_environment:
            self._poststop(fault)
        with self.store.locked(self.action.id) as held:
            held.retire(failed(held.record, fault, now=clock.now()))

    def _poststop(self, fault: BaseException) -> None:
        planned = self.hooks.get("poststop")
        if not planned:
            return  # and nothing is loaded for them, which could fail where no fd is left
        for failure in hooks.run_poststop(planned, hook_state(self.read(), "stopped", 0)):
            fault.add_note(str(failure))


def entry_of(entry: CgroupHandle) -> CgroupEntry:
    """The same in the sandbox's own types, which know nothing of the cgroups package."""
    hierarchies = tuple(Hierarchy(*hierarchy) for hierarchy in entry.hierarchies)
    return CgroupEntry(entry.version, entry.join_fds, entry.cgroup_fd, hierarchies)
