"""delete: everything of a stopped container goes; its last record stays for a while in .deleted.

--force: kill all of it first, then wait for the action lock
observe `stopped`; processes dead, mounts and cgroup gone; poststop hooks (their failures are warnings)
commit `deleted` and retire the directory by rename: the id becomes free last
"""

from __future__ import annotations

from runtime.actions import evidence, look, rdt
from runtime.actions.ending import exit_of_ended
from runtime.actions.hookstate import hook_state
from runtime.actions.identity import open_pidfd
from runtime.actions.status import refuse
from runtime.cgroups import manager
from runtime.errors import BadRecord, Fault, NoSuchContainer
from runtime.kernel import clock, process, procfs
from runtime.kernel.files import let_go
from runtime.late import Late
from runtime.sandbox import features
from runtime.spec.frozen import thaw_config
from runtime.store import layout
from runtime.store.presence import watcher_at_work
from runtime.store.record import UNKNOWN_EXIT, advance, ended
from runtime.store.store import open_store, prepare_removal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions import foreign
    from runtime.actions.context import Context
    from runtime.spec.config import Config
    from runtime.store.record import Cgroup, Exit, Record
    from runtime.store.store import Action, Store
else:
    foreign = Late("runtime.actions.foreign")

SIGKILL = 9
KILL_WAIT_S = 10.0


def delete(context: Context, container_id: str, *, force: bool = False, instance: str | None = None) -> list[Fault]:
    """Remove the container; returns what went wrong without stopping it (poststop hooks).

    ``force`` kills what still runs, accepts an unreadable record, and an id that does not exist.  With ``instance``
    only that life goes: a later one of the id counts as none.
    """
    layout.check_id(container_id)
    prepare_removal()
    store = open_store(context.roots.state, proc=context.roots.proc)
    if store is None:
        if force:
            return []
        raise NoSuchContainer(container_id)
    try:
        return _delete(context, store, container_id, force=force, instance=instance)
    except NoSuchContainer:
        if not force:
            raise
        return []
    except BadRecord:
        if not force:
            raise
        _discard(context, store, container_id)
        return []
    finally:
        store.close()


def _discard(context: Context, store: Store, container_id: str) -> None:
    """Remove a container whose record can't be read; its frozen config.json still tells where its cgroup lies."""
    config: Config | None = None
    try:
        config = thaw_config(store.read_file(container_id, layout.CONFIG))
        plan = manager.plan_cgroup(
            config,
            container_id=container_id,
            roots=context.roots,
            rootless=context.rootless,
            by_systemd=manager.names_scope(config.get("linux", {}).get("cgroupsPath", "")),
        )
        cgroup = manager.record_cgroup(plan)
    except (Fault, OSError):
        cgroup = None  # nothing tells: what is left of it has to be found by hand
    is_own = store.has_file(container_id, layout.OWN_CGROUP)
    if is_own:
        manager.kill_all(cgroup)
    _unmount(context, store, container_id, config)
    if is_own:
        manager.remove(cgroup)
    else:
        manager.remove_unclaimed(cgroup)
    store.discard(container_id)


def _own_cgroup(store: Store, record: Record) -> Cgroup | None:
    """The record's cgroup if whatever is in it is the container's; that of a create that died may be another's.

    What was created had it to itself; of what was not, its maker has left a note as soon as it had.
    """
    has_it = bool(record["linux"]["namespaces"]) or store.has_file(record["id"], layout.OWN_CGROUP)
    return record["linux"]["cgroup"] if has_it else None


def _unmount(context: Context, store: Store, container_id: str, config: Config | None) -> None:
    """What create mounted in a mount namespace that others share.  Fault: it is there, and can't be unmounted."""
    try:
        noted = store.read_file(container_id, layout.MOUNT)
    except FileNotFoundError:
        return  # nothing was: the mounts have gone with the container's own namespace
    from runtime.actions.unmounting import unmount  # most containers have mount namespaces of their own

    unmount(noted, config, context.roots.proc)


def _delete(context: Context, store: Store, container_id: str, *, force: bool, instance: str | None) -> list[Fault]:
    record = store.read(container_id)
    if look.is_foreign(record):
        foreign.retire(context, store, container_id)  # its own runtime has removed all but our record, or will
        return []
    if force and record["status"] == "stopped":
        instance = instance or record["instance"]  # of which nothing is left to kill first
    elif force:
        instance = _kill_first(context, store, container_id, instance)
    with store.action(container_id) as action:
        if instance not in (None, action.instance):
            raise NoSuchContainer(container_id)  # somebody else deleted that life, and the id has another
        return _Deleting(context, store, action, force=force).carry_out()


def _kill_first(context: Context, store: Store, container_id: str, instance: str | None) -> str:
    """Kill the first process, which may keep the holder of the action lock waiting; the life that it was of.

    The others die under that lock: without it the cgroup's path may lead to a later life's.
    """
    observed = look.observe_container(context, store, container_id)
    if instance not in (None, observed.record["instance"]):
        raise NoSuchContainer(container_id)
    look.demand_verified(observed, "delete")
    if _is_of_this_boot(context, observed.record):
        _end_processes(context, observed.record, _own_cgroup(store, observed.record), everyone=False)
    return observed.record["instance"]


def _is_of_this_boot(context: Context, record: Record) -> bool:
    """Whether its pid and cgroup can still be its own: after a restart of the machine they are somebody else's."""
    identity = record["process"]
    return identity is None or identity["bootId"] == procfs.boot_id(context.roots.proc)


def _end_processes(context: Context, record: Record, cgroup: Cgroup | None, *, everyone: bool = True) -> Exit:
    """Kill the first process, and with ``everyone`` all of ``cgroup``; wait for the first one's end; how that ended."""
    identity = record["process"]
    pidfd = open_pidfd(identity, context.roots.proc) if identity else None
    try:
        if pidfd is not None:
            _send_kill(pidfd)
        if everyone:
            manager.kill_all(cgroup)
        elif pidfd is not None and cgroup:
            manager.thaw(cgroup)  # on v1 a frozen process dies only once it is thawed
        if identity is None or pidfd is None:
            return UNKNOWN_EXIT
        if not look.wait_for_end(pidfd, KILL_WAIT_S):
            raise Fault(
                f'process {identity["pid"]} of container "{record["id"]}" did not die within '
                f"{KILL_WAIT_S:.0f} seconds of SIGKILL",
                hint="look at its state with ps; it may hang in the kernel",
            )
        return exit_of_ended(pidfd, identity, context.roots.proc)
    finally:
        if pidfd is not None:
            let_go(pidfd)


def _send_kill(pidfd: int) -> None:
    try:
        process.pidfd_send_signal(pidfd, SIGKILL)
    except ProcessLookupError:
        return  # it exited before the signal


class _Deleting:
    """One delete under way, its action lock held."""

    def __init__(self, context: Context, store: Store, action: Action, *, force: bool) -> None:
        self.context = context
        self.store = store
        self.action = action
        self.force = force

    def carry_out(self) -> list[Fault]:
        observed = look.observe_container(self.context, self.store, self.action.id)
        if not self.force:
            refuse("delete", self.action.id, observed.status)
        config = self._read_config()
        found = UNKNOWN_EXIT
        if _is_of_this_boot(self.context, observed.record):
            cgroup = _own_cgroup(self.store, observed.record)
            found = _end_processes(self.context, observed.record, cgroup)
            _unmount(self.context, self.store, self.action.id, config)
            if cgroup is not None:
                manager.remove(cgroup)
            else:
                manager.remove_unclaimed(observed.record["linux"]["cgroup"])
            if config is not None:
                rdt.end(config, self.action.id, self.context.roots)
        warnings = self._poststop(config, observed.truth)
        with self.store.locked(self.action.id) as held:
            held.retire(self._last_record(held.record, found))
        return warnings

    def _read_config(self) -> Config | None:
        try:
            return thaw_config(self.store.read_file(self.action.id, layout.CONFIG))
        except (Fault, OSError):
            return None  # an interrupted create may have died before its copy was whole

    def _poststop(self, config: Config | None, record: Record) -> list[Fault]:
        planned = features.plan_hooks(config).get("poststop", ()) if config is not None else ()
        return list(features.hooks.run_poststop(planned, hook_state(record, "stopped", 0))) if planned else []

    def _last_record(self, record: Record, found: Exit) -> Record:
        """The record as it leaves: stopped, if nobody saw the end before, and deleted."""
        now = clock.now()
        if found["code"] is not None:
            record = ended(record, exit=found, finished=now, precision="observed", now=now) or record
        truth = look.judge(evidence.observer(self.context.roots.proc), self.store, record).truth
        if watcher_at_work(self.store.fds.root):
            truth = {**truth, "execs": record["execs"]}  # it knows how they ended, and commits that after us
        return advance(truth, now=now, happenings=("deleted",))
