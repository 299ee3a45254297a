"""exec: one more process in a container that runs, or waits for its start.

    observe; plan; fork the process between, which enters the container (sandbox/join.py)
    its clone waits: commit that it begins, write the pid file, say go
    it runs.  Detached, that is all; whoever our caller's subreaper is becomes its parent
    in the foreground: relay signals or the terminal, reap, commit how it ended

Takes ``lock`` for its two commits, and never ``action``: a health check each second must hold nobody up.  Where we end
before the process does, the watcher commits its end, or the next command that looks at the container.
"""

from __future__ import annotations

import errno
import os

from runtime.actions import look, rdt
from runtime.actions.hookstate import process_state
from runtime.actions.identity import identify, open_pidfd
from runtime.actions.pidfile import send_pidfd, write_pid_file
from runtime.actions.status import refuse_exec
from runtime.cgroups import joining
from runtime.errors import BadRecord, ContainerBusy, Fault, InitFault, NotRunning, UsageFault
from runtime.kernel import clock, process, procfs
from runtime.kernel.files import let_go
from runtime.kernel.sockets import send_fds
from runtime.sandbox import entrance, relay
from runtime.sandbox.capabilities import find_ungranted
from runtime.sandbox.cgroup_entry import CgroupEntry
from runtime.sandbox.features import console, scheduling, seccomp
from runtime.sandbox.gate import hold_places
from runtime.sandbox.join_plan import plan_join
from runtime.sandbox.lsm import check_lsm
from runtime.sandbox.namespaces import FLAGS
from runtime.sandbox.program import CONFIG_PLACE
from runtime.spec.fields import namespace_paths
from runtime.spec.frozen import thaw_config
from runtime.spec.process_options import NOTHING, Changes, change_process
from runtime.spec.warnings import find_unknown_capabilities
from runtime.store import layout
from runtime.store.handover import hand_over
from runtime.store.record import exec_started

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import NamedTuple

    from runtime.actions.beginning import Warn
    from runtime.actions.context import Context
    from runtime.cgroups.hierarchy import Entry
    from runtime.sandbox.entrance import Added, Entrance
    from runtime.sandbox.join_plan import JoinPlan
    from runtime.spec.config import Config
    from runtime.store.record import Exit, Process, Record
    from runtime.store.store import Store
else:
    from runtime.values import NamedTuple

OWN_FAULT = 255
SIGKILL = 9
KIND_NAMES = {"mount": "mnt", "network": "net"}  # below /proc/<pid>/ns, where they differ from config.json's


class Request(NamedTuple):
    """What the caller of ``exec`` asks for: a document, or ``changes`` of the container's own process."""

    document: str | None = None
    changes: Changes = NOTHING
    terminal: bool = False
    detach: bool = False
    pid_file: str | None = None
    console_socket: str | None = None
    pidfd_socket: str | None = None
    preserve_fds: int = 0
    cgroups: tuple[str, ...] = ()
    ignore_paused: bool = False


def execute(context: Context, container_id: str, request: Request, *, warn: Warn | None = None) -> int:
    """Run the program in the container: its exit code, 128 plus the signal's number if one ended it; 0 when detached.

    Raises the fault that was met while there was no program to run; ``warn`` gets the lines about what is left out.
    """
    hold_places(request.preserve_fds)
    subgroups = joining.parse_subgroups(request.cgroups)
    store = look.open_store_of(context, container_id)
    try:
        observed = look.observe_container(context, store, container_id)
        look.demand_verified(observed, "exec in")
        refuse_exec(container_id, observed.status, ignore_paused=request.ignore_paused)
        return _Executing(context, store, observed.truth, request, subgroups, warn).carry_out()
    finally:
        store.close()


class _Executing:
    """One exec under way."""

    def __init__(
        self,
        context: Context,
        store: Store,
        record: Record,
        request: Request,
        subgroups: dict[str, str],
        warn: Warn | None,
    ) -> None:
        self.context = context
        self.store = store
        self.record = record
        self.request = request
        self.subgroups = subgroups
        self.frozen: Config | None = None
        self.warn = warn
        self.warnings: list[str] = []
        self.master_fd: int | None = None
        self.listener: _socket.socket | None = None
        self.held: set[int] | None = None

    def carry_out(self) -> int:
        relay.keep_children()
        try:
            plan = self._plan()
            try:
                added, identity = self._add(plan)
            finally:
                let_go(plan.target_fd, *(() if plan.root_fd is None else (plan.root_fd,)))
            if self.warn and self.warnings:
                self.warn(self.warnings)
            try:
                return self._wait(added, identity)
            finally:
                let_go(added.pidfd)
        finally:
            if self.master_fd is not None:
                let_go(self.master_fd)
            if self.held is not None:
                relay.release_signals(self.held)

    def _plan(self) -> JoinPlan:
        """All that crosses the fork; its ``target_fd`` and ``root_fd`` are ours to close."""
        proc = self.context.roots.proc
        frozen = self.frozen = thaw_config(self.store.read_file(self.record["id"], layout.CONFIG))
        config, place = self._config(frozen)
        self._check_terminal(bool(config["process"].get("terminal")), place)
        first = self.record["process"]
        pidfd = open_pidfd(first, proc) if first else None
        if first is None or pidfd is None:
            raise NotRunning(self.record["id"])
        try:
            plan = plan_join(
                config,
                container_id=self.record["id"],
                place=place,
                namespaces=_namespaces_to_enter(proc, first["pid"]),
                target_fd=pidfd,
                rootless=self.context.rootless,
                denies_setgroups=procfs.denies_setgroups(proc, first["pid"]),
                joins_keyring=self._has_keyring(),
                preserve_fds=self.request.preserve_fds,
            )
            check_lsm(plan.lsm)
            self._find_warnings(config, plan)
            if plan.seccomp:
                plan = plan._replace(filter=seccomp.compile_filter(plan.seccomp, self.store.fds.root))
            return plan._replace(root_fd=self._open_root(frozen, first["pid"], pidfd))
        except BaseException:
            let_go(pidfd)
            raise

    def _has_keyring(self) -> bool:
        """Whether the container has a session keyring of its own."""
        try:
            self.store.read_file(self.record["id"], layout.CALLERS_KEYRING)
        except FileNotFoundError:
            return True
        return False

    def _open_root(self, frozen: Config, pid: int, pidfd: int) -> int | None:
        """The first process's root, where others in its mount namespace have another one."""
        if namespace_paths(frozen).get("mount", "the runtime's") is None:
            return None
        try:
            fd = os.open(f"{self.context.roots.proc}/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                process.pidfd_send_signal(pidfd, 0)  # it is still there, so nobody else had that pid
            except BaseException:
                let_go(fd)
                raise
        except (FileNotFoundError, ProcessLookupError):
            raise NotRunning(self.record["id"]) from None
        return fd

    def _find_warnings(self, config: Config, plan: JoinPlan) -> None:
        """Of what this command says; what the container's own process lacks, create has told."""
        if self.request.document or self.request.changes.capabilities:
            place, has_user = plan.program.place, bool(plan.namespaces & process.CLONE_NEWUSER)
            self.warnings += find_unknown_capabilities(config, place=place)
            self.warnings += find_ungranted(plan.capabilities, has_user=has_user, place=place)

    def _config(self, frozen: Config) -> tuple[Config, str]:
        """The container's config.json with the added process in it, and where that is written."""
        request = self.request
        if request.document is None:
            return change_process(frozen, request.changes, terminal=request.terminal), CONFIG_PLACE
        if request.changes != NOTHING:
            raise UsageFault(
                "--process says all about the process, and something else was said too",
                hint="write that into the document, or leave --process out",
            )
        from runtime.spec.process import read_process  # the validator; options need none

        config = read_process(request.document, frozen)
        if request.terminal:
            config["process"]["terminal"] = True  # callers give --tty beside a document that says it too
        return config, f"{request.document}#"

    def _check_terminal(self, terminal: bool, place: str) -> None:
        request = self.request
        if terminal and request.detach and not request.console_socket:
            raise Fault(
                f"{place}/terminal asks for a terminal, and nobody is there to take it",
                hint="name a --console-socket, or leave --detach out",
            )
        if request.console_socket and not terminal:
            raise Fault(
                "--console-socket was given, but the process has no terminal", hint="leave it out, or give --tty"
            )

    def _add(self, plan: JoinPlan) -> tuple[Added, Process]:
        """The process, executing its program; on any fault it is gone, and its end is committed if its start was."""
        self.listener = seccomp.connect_listener(plan.filter) if plan.filter else None
        entered: Entrance | None = None
        try:
            entered = self._launch(plan)
            added = entrance.await_ready(entered, on_console=self._take_console)
            if not self.request.detach:
                self.held = relay.hold_signals()  # from here on they are the program's
            identity = identify(added.pid, self.context.roots.proc)
            try:
                if plan.scheduling and plan.scheduling.by_maker:
                    scheduling.apply_to_process(plan.scheduling, added.pid)
                rdt.join(self.frozen, self.record["id"], added.pid, self.context.roots)
                self._begin(added, identity)
                entrance.let_go(entered, added, on_listener=lambda fd: self._pass_listener(fd, plan, added))
            except BaseException as fault:
                entered.channel.let_go()
                self._commit_end(identity, _end(added, fault))
                let_go(added.pidfd)
                raise
            return added, identity
        finally:
            if entered:
                entered.close()
            if self.listener:
                let_go(self.listener.detach())

    def _launch(self, plan: JoinPlan) -> Entrance:
        if plan.scheduling:
            scheduling.set_affinity(plan.scheduling, plan.scheduling.initial_cpus, "initial")
        cgroup = self.record["linux"]["cgroup"]
        entry = joining.open_entry(cgroup, self.subgroups)
        try:
            return _enter(plan, entry)
        except OSError as error:
            first = self.record["process"]
            if error.errno != errno.EBUSY or self.subgroups or cgroup is None or first is None:
                raise _explain(error) from error
        return _enter(plan, joining.open_entry_of(cgroup, first["pid"], self.context.roots))

    def _begin(self, added: Added, identity: Process) -> None:
        """On disk before the program runs: its pid, and that it begins."""
        with self.store.locked(self.record["id"]) as held:
            is_same = held.record["instance"] == self.record["instance"]
            if not is_same or held.record["status"] == "stopped":
                raise NotRunning(self.record["id"])
            held.commit(exec_started(held.record, identity, now=clock.now()))
        hand_over(self.store.fds.root, self.record["instance"], identity, added.pidfd)
        if self.request.pidfd_socket:
            send_pidfd(self.request.pidfd_socket, added.pidfd)
        if self.request.pid_file:
            write_pid_file(self.request.pid_file, added.pid)

    def _take_console(self, master_fd: int) -> None:
        if not self.request.console_socket:
            self.master_fd = master_fd
            relay.pass_size_on(master_fd)
            return
        try:
            console.send_to_console_socket(self.request.console_socket, master_fd, self.record["id"])
        finally:
            let_go(master_fd)

    def _pass_listener(self, fd: int, plan: JoinPlan, added: Added) -> None:
        """Whom SCMP_ACT_NOTIFY tells gets its fd from us, since only we know the pid that goes with it."""
        listener = plan.filter.listener if plan.filter else None
        try:
            if listener and self.listener:
                record = self.record
                state = process_state(record, record["status"], record["pid"], listener.metadata, added=added.pid)
                _tell_listener(self.listener, listener.path, state, fd)
        finally:
            let_go(fd)

    def _wait(self, added: Added, identity: Process) -> int:
        if self.request.detach:
            return 0
        try:
            ended = relay.wait_foreground(added.pid, added.pidfd, master_fd=self.master_fd)
        except BaseException as fault:  # nobody would relay its signals, or tell its end
            self._commit_end(identity, _end(added, fault))
            raise
        self._commit_end(identity, {"code": ended.code, "signal": ended.signal, "oomKilled": None})
        return OWN_FAULT if ended.code is None else ended.code

    def _commit_end(self, identity: Process, exit: Exit) -> None:
        """We are its parent, so we know; the container may have been deleted meanwhile."""
        record, now = self.record, clock.now()
        try:
            self.store.commit_exec_end(record["id"], record["instance"], identity, exit, now=now)
        except (BadRecord, ContainerBusy, OSError):
            return  # unreadable, held, or no space: the watcher or the next command will find that it has ended


def _namespaces_to_enter(proc: str, pid: int) -> int:
    """CLONE_NEW* of those that the process has and we don't: setns(2) refuses our own user namespace."""
    flags = 0
    for kind, flag in FLAGS.items():
        name = KIND_NAMES.get(kind, kind)
        ours, theirs = (procfs.namespace_inode(proc, whose, name) for whose in ("self", pid))
        if theirs is None and ours is not None:
            raise Fault(
                f"the namespaces of process {pid} can't be seen, so nothing can be added to them",
                hint="run this as the user who made the container, or as root",
            )
        if theirs != ours:
            flags |= flag
    return flags


def _enter(plan: JoinPlan, entry: Entry) -> Entrance:
    try:
        return entrance.launch(plan._replace(cgroup=CgroupEntry(entry.version, entry.join_fds, entry.cgroup_fd)))
    finally:
        let_go(*entry.join_fds, *(() if entry.cgroup_fd is None else (entry.cgroup_fd,)))


def _tell_listener(connection: _socket.socket, path: str, state: bytes, fd: int) -> None:
    try:
        send_fds(connection, state, [fd])
        connection.close()  # that is all: some wait for its end before they answer
    except OSError as error:
        told = f"config.json#/linux/seccomp/listenerPath: nothing can be sent to {path}: {error.strerror or error}"
        raise Fault(told) from error


def _explain(error: OSError) -> InitFault:
    hint = ": is its pids limit reached?" if error.errno == errno.EAGAIN else ""
    return InitFault(
        "cgroup", error.errno, f"no process can be added to the container's cgroup: {error.strerror}{hint}"
    )


def _end(added: Added, fault: BaseException) -> Exit:
    """Have the process ended, and reaped; what could not execute its program tells that, and ends by itself."""
    if not isinstance(fault, InitFault):
        try:
            process.pidfd_send_signal(added.pidfd, SIGKILL)
        except ProcessLookupError:
            pass  # it ended by itself: nobody will say go to it any more
    ended = relay.reap(added.pid, added.pidfd)
    return {"code": ended.code, "signal": ended.signal, "oomKilled": None}
