"""Containers of other runtimes: an OCI hook enters them here, so that one directory and one watcher serve a whole host.

    hook                             the state that it reads says       what becomes of the record
    createRuntime (or prestart)      creating or created                made, `created`
    poststart                        running                            `running`; made, where no earlier hook made it
                                     created: runc runs it too early    nothing; who looks next sees what runs
    poststop                         stopped                            `stopped` and `deleted`, then retired

Between them the watcher follows the process like any other, and records its exit.  No action of ours ever touches
such a container: what is removed is the record.

Source: runtime-spec: runtime.md#state, config.md#posix-platform-hooks.
"""

from __future__ import annotations

import os

from runtime import jsontext
from runtime.actions import evidence, look
from runtime.actions.failure import failed
from runtime.actions.identity import identify, open_pidfd
from runtime.actions.owner import owner_name
from runtime.errors import BadRecord, ContainerExists, Fault, NoSuchContainer
from runtime.kernel import clock, procfs
from runtime.store import layout
from runtime.store.announced import trusted_others
from runtime.store.handover import hand_over
from runtime.store.record import advance, new_record
from runtime.store.store import Store, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    from runtime.actions.context import Context
    from runtime.store.record import Cgroup, Happening, Process, Record, Status
else:
    from runtime.values import NamedTuple

STATUSES = ("creating", "created", "running", "stopped")
HINT = "register and unregister read the state that a runtime gives to a hook"
UNKNOWN = "unknown"
_CONFIG_LIMIT_BYTES = 16 << 20


class HookState(NamedTuple):
    """The state as a hook reads it, checked; ``pid`` is 0 where the process has ended."""

    id: str
    status: str
    pid: int
    bundle: str
    annotations: dict[str, str]


def parse_hook_state(text: bytes) -> HookState:
    """The checked state; Fault names the member that is missing or wrong."""
    try:
        state: Any = jsontext.decode(text)
    except jsontext.BadJson as error:
        raise Fault(f"standard input is no JSON: {error}", hint=HINT) from None
    if not isinstance(state, dict):
        raise _bad("", "must be an object")
    pid = state.get("pid", 0)
    annotations = state.get("annotations") or {}
    if not isinstance(state.get("id"), str):
        raise _bad("/id", "must be a string")
    if state.get("status") not in STATUSES:
        raise _bad("/status", f"must be one of {', '.join(STATUSES)}")
    if type(pid) is not int or pid < 0 or (pid == 0 and state["status"] != "stopped"):
        raise _bad("/pid", "must be the number of a process")
    if not isinstance(state.get("bundle"), str) or not state["bundle"].startswith("/"):
        raise _bad("/bundle", "must be an absolute path")
    if not isinstance(annotations, dict) or not all(isinstance(value, str) for value in annotations.values()):
        raise _bad("/annotations", "must hold strings only")
    layout.check_id(state["id"])
    return HookState(state["id"], state["status"], pid, state["bundle"], annotations)


def _bad(pointer: str, message: str) -> Fault:
    return Fault(f"standard input{f'#{pointer}' if pointer else ''}: {message}", hint=HINT)


def register(context: Context, state: HookState, *, runtime: str | None = None) -> Record:
    """Enter the container, or what is new about it; the record, also that of one which is known already.

    ``runtime`` is the name of the runtime whose hook we are: by default the program that started us.  ContainerExists
    where another container that lives has the id; Fault where the process of an unknown one is gone.
    """
    try:
        process = identify(state.pid, context.roots.proc)
    except ProcessLookupError:
        process = None  # a short program may have ended, and been reaped, before the poststart hooks run
    known = _find(context, state, process)
    if known is not None:
        return known if known["runtime"]["name"] == evidence.OWN_RUNTIME else _advance(context, known, state)
    if process is None:
        raise Fault(f'container "{state.id}": process {state.pid} is gone', hint=HINT)
    store = Store(context.roots.state, make=True, public=context.public_state, proc=context.roots.proc)
    try:
        _make_way(context, store, state.id)
        first = _first_record(context, state, runtime or parent_name(context.roots.proc))
        with store.publish(first, {}, ()):
            return _enter(context, store, state, process)
    finally:
        store.close()


def parent_name(proc: str) -> str:
    """The name of the program that started us: a hook's parent is the runtime, or a stage of it (runc:[2:INIT])."""
    found = procfs.stat(proc, os.getppid())
    return found.comm.partition(":")[0] or UNKNOWN if found else UNKNOWN


def _find(context: Context, state: HookState, process: Process | None) -> Record | None:
    """The record of exactly that process, in the root or in any other that we know of: our own have one already.

    Of a ``process`` that is gone, None, the pid has to do.
    """
    others, _ = trusted_others(context.default_root)
    for root in dict.fromkeys((context.roots.state, context.default_root, *others)):
        store = open_store(root, proc=context.roots.proc)
        if store is None:
            continue
        try:
            record = store.read(state.id)
        except (NoSuchContainer, BadRecord):
            continue
        finally:
            store.close()
        is_ours = record["runtime"]["name"] == evidence.OWN_RUNTIME
        # during our own create's hooks the record says creating, and has the same process
        entered = record["process"]
        is_it = entered == process if process is not None else entered is not None and entered["pid"] == state.pid
        if is_it and (is_ours or root == context.roots.state):
            return record
    return None


def _advance(context: Context, known: Record, state: HookState) -> Record:
    if state.status != "running" or known["status"] != "created":
        return known
    store = Store(context.roots.state, make=False, proc=context.roots.proc)
    try:
        with store.locked(known["id"]) as held:
            if held.record["instance"] == known["instance"] and held.record["status"] == "created":
                held.commit(advance(held.record, now=clock.now(), happenings=("started",), status="running"))
            return held.record
    finally:
        store.close()


def _first_record(context: Context, state: HookState, runtime: str) -> Record:
    proc = context.roots.proc
    return new_record(
        container_id=state.id,
        instance=os.urandom(16).hex(),
        bundle=state.bundle,
        rootfs=_rootfs(state.bundle),
        owner=owner_name(procfs.outer_uid(proc, os.geteuid())),
        annotations=state.annotations,
        version=None,
        maker=identify(os.getpid(), proc),
        cgroup=_cgroup(context, state.pid),
        now=clock.now(),
        runtime=runtime,
    )


def _enter(context: Context, store: Store, state: HookState, process: Process) -> Record:
    """Commit what the hook tells; where that fails, nothing but a last record stays."""
    now = clock.now()
    runs = state.status == "running"
    happenings: tuple[Happening, ...] = ("created", "started") if runs else ("created",)
    status: Status = "running" if runs else "created"
    with store.locked(state.id) as held:
        spaces = procfs.namespaces(context.roots.proc, state.pid)
        linux = {"cgroup": held.record["linux"]["cgroup"], "namespaces": spaces}
        members: dict[str, object] = {"maker": None, "pid": state.pid, "process": process, "linux": linux}
        try:
            held.commit(advance(held.record, now=now, happenings=happenings, status=status, **members))
        except BaseException as fault:
            held.retire(failed(held.record, fault, now=now))
            raise
        record = held.record
    pidfd = open_pidfd(process, context.roots.proc)
    if pidfd is not None:
        hand_over(store.fds.root, record["instance"], process, pidfd)
        os.close(pidfd)
    return record


def _rootfs(bundle: str) -> str:
    """What the bundle's config.json calls the root; the bundle where it can't be read."""
    try:
        fd = os.open(f"{bundle}/config.json", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            config: Any = jsontext.decode(os.read(fd, _CONFIG_LIMIT_BYTES))
        finally:
            os.close(fd)
        path: str = config["root"]["path"]
        return os.path.join(bundle, path)
    except (OSError, jsontext.BadJson, LookupError, TypeError):
        return bundle


def _cgroup(context: Context, pid: int) -> Cgroup | None:
    from runtime.cgroups.hierarchy import membership  # what only a registration needs

    paths = membership(context.roots, pid)
    return {"version": 2 if "unified" in paths else 1, "paths": paths, "scope": None} if paths else None


def _make_way(context: Context, store: Store, container_id: str) -> None:
    """Retire what another life of that id has left, if it is a foreign one and has ended."""
    try:
        observed = look.observe_container(context, store, container_id)
    except NoSuchContainer:
        return
    if observed.status != "stopped" or not look.is_foreign(observed.record):
        raise ContainerExists(container_id)
    retire(context, store, container_id)


def unregister(context: Context, container_id: str) -> bool:
    """Remove the record of a foreign container that has ended; whether there was one.  Fault while it lives."""
    layout.check_id(container_id)
    store = open_store(context.roots.state, proc=context.roots.proc)
    if store is None:
        return False
    try:
        if not look.is_foreign(store.read(container_id)):
            return False  # one of ours: its own delete removes it
        retire(context, store, container_id)
    except NoSuchContainer:
        return False
    finally:
        store.close()
    return True


def retire(context: Context, store: Store, container_id: str) -> None:
    """Remove the record of a foreign container that is verified to have ended, and nothing else.  Fault."""
    with store.action(container_id):
        observed = look.observe_container(context, store, container_id)
        record = observed.record
        if not observed.verified or observed.status != "stopped":
            raise Fault(
                f'container "{container_id}" belongs to {record["runtime"]["name"]} and is {observed.status}',
                hint=f"end it with {record['runtime']['name']} first; only its record can be removed here",
            )
        with store.locked(container_id) as held:
            truth = look.judge(evidence.observer(context.roots.proc), store, held.record).truth
            held.retire(advance(truth, now=clock.now(), happenings=("deleted",)))
