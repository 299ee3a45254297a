"""run: create and start in one command; in the foreground also the wait, the exit code and the delete."""

from __future__ import annotations

from runtime.actions import create
from runtime.errors import BadRecord, ContainerBusy, Fault, NoSuchContainer
from runtime.kernel import clock, process
from runtime.kernel.files import let_go
from runtime.late import Late, load
from runtime.sandbox import relay
from runtime.store.store import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runtime.actions import delete, notify, oomkills, start
    from runtime.actions.beginning import Made, Request, Warn
    from runtime.actions.context import Context
    from runtime.actions.notify import Proxy
    from runtime.spec.config import Config
    from runtime.store.record import Exit, Record
    from runtime.store.store import Action, Store
else:
    notify = Late("runtime.actions.notify")
    # what follows is loaded while the first process is on its way: `_load_what_follows`
    delete, oomkills, start = (Late(f"runtime.actions.{name}") for name in ("delete", "oomkills", "start"))

UNKNOWN_CODE = 255  # nobody can tell how the program ended: an error all the same


def run(
    context: Context,
    container_id: str,
    request: Request,
    *,
    detach: bool = False,
    keep: bool = False,
    no_subreaper: bool = False,
    warn: Warn | None = None,
) -> int:
    """The exit code of the container's program, 128 plus the signal's number if one ended it; 0 when detached."""

    def begin(asked: Request) -> tuple[Made, Proxy | None]:
        return _begin(context, container_id, asked, warn)

    manners = {"detach": detach, "keep": keep, "no_subreaper": no_subreaper}
    return supervise(context, container_id, request, begin, warn=warn, **manners)


def supervise(
    context: Context,
    container_id: str,
    request: Request,
    begin: Callable[[Request], tuple[Made, Proxy | None]],
    *,
    warn: Warn | None,
    detach: bool,
    keep: bool,
    no_subreaper: bool,
) -> int:
    """What `run` does with whatever ``begin`` gets to run: detached nothing more, else wait for it as its parent.

    ``begin`` comes back with the socket too by which the program tells that it is ready, where there is one.
    """
    if detach:
        made, proxy = begin(request)
        if proxy:
            notify.wait_until_ready(context, proxy, made.record)
        let_go(made.pidfd)
        return 0
    if not no_subreaper:
        process.set_child_subreaper(True)  # processes that the container leaves behind come to us, who reap
    held = relay.hold_signals()
    try:
        made, proxy = begin(request._replace(keeps_terminal=request.console_socket is None))
    except BaseException:
        relay.release_signals(held)
        raise
    try:
        ended = _wait(context, made, proxy)
    finally:
        relay.release_signals(held)
        _let_go(made)
    failures = _conclude(context, container_id, made, ended, keep=keep)
    if warn and failures:
        warn([str(failure) for failure in failures])
    return UNKNOWN_CODE if ended.code is None else ended.code


def _wait(context: Context, made: Made, proxy: Proxy | None) -> relay.WaitResult:
    """As its parent; where that fails nothing of it stays, since nobody would relay its signals, or tell its end."""
    try:
        return relay.wait_foreground(
            made.record["pid"],
            made.pidfd,
            master_fd=made.master_fd,
            beside=(proxy.fd, proxy.pass_on) if proxy else None,
        )
    except BaseException as fault:
        _remove(context, made, fault)
        raise


def _conclude(
    context: Context, container_id: str, made: Made, ended: relay.WaitResult, *, keep: bool
) -> Sequence[Fault]:
    """Record the exit, and delete the container unless it is to be kept; what is only worth a warning."""
    try:
        _record_exit(context, container_id, made, ended)
        if keep:
            return []
        return delete.delete(context, container_id, force=True, instance=made.record["instance"])
    except ContainerBusy as busy:
        return [busy]  # somebody holds it and hangs: it stays, and we know the code all the same


def _begin(context: Context, container_id: str, request: Request, warn: Warn | None) -> tuple[Made, Proxy | None]:
    """Create and start, with the socket by which it tells that it is ready; where that fails, nothing of it stays."""
    begun: list[Made] = []
    proxy: Proxy | None = None

    def begin(store: Store, action: Action, made: Made, config: Config) -> None:
        nonlocal proxy
        begun.append(made)
        if made.master_fd is not None:
            relay.pass_size_on(made.master_fd)
        proxy = notify.open_proxy(context, container_id, request.notify_socket) if request.notify_socket else None
        start.start_made(context, store, action, made.pidfd, config)

    try:
        made = create.make(context, container_id, request, warn=warn, meanwhile=_load_what_follows, then=begin)
    except BaseException as fault:
        for each in begun:
            _let_go(each)
            _remove(context, each, fault)
        raise
    return made, proxy


def _load_what_follows() -> None:
    for each in (start, delete, oomkills):
        load(each)


def _let_go(made: Made) -> None:
    let_go(made.pidfd, *(() if made.master_fd is None else (made.master_fd,)))


def _record_exit(context: Context, container_id: str, made: Made, ended: relay.WaitResult) -> None:
    """We are the parent, so we know; where somebody deleted it while we waited, its last record learns the code."""
    now = clock.now()
    store = open_store(context.roots.state, proc=context.roots.proc)
    if store is None:
        return
    try:
        exit: Exit = {"code": ended.code, "signal": ended.signal, "oomKilled": None}
        store.commit_exit(
            container_id,
            made.record["instance"],
            process=made.record["process"],
            exit=_tell_kills(store, made.record, exit),
            finished=now,
            precision="exact",
            now=now,
        )
    finally:
        store.close()


def _tell_kills(store: Store, record: Record, exit: Exit) -> Exit:
    """Commit what the out-of-memory killer did; the exit, and whether that was so."""
    try:
        with store.locked(record["id"]) as held:
            if held.record["instance"] == record["instance"]:
                following = oomkills.with_kills(held.record, now=clock.now())
                if following is not None:
                    held.commit(following)
                return oomkills.judged(exit, held.record)
    except (NoSuchContainer, BadRecord):
        pass  # somebody deleted it while we waited
    return exit


def _remove(context: Context, made: Made, fault: BaseException) -> None:
    try:
        for failure in delete.delete(context, made.record["id"], force=True, instance=made.record["instance"]):
            fault.add_note(str(failure))
    except (Fault, OSError) as error:
        fault.add_note(f"while deleting the container: {error}")
