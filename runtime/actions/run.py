"""run: create and start in one command; in the foreground also the wait, the exit code and the delete."""

from __future__ import annotations

import os

from runtime.actions import create, delete, start
from runtime.errors import Fault, NoSuchContainer
from runtime.kernel import clock, process
from runtime.sandbox import console, relay
from runtime.store.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.actions.create import Made, Request


def run(
    context: Context,
    container_id: str,
    request: Request,
    *,
    detach: bool = False,
    keep: bool = False,
    no_subreaper: bool = False,
) -> int:
    """The exit code of the container's program, 128 plus the signal's number if one ended it; 0 when detached."""
    if not detach and not no_subreaper:
        process.set_child_subreaper(True)  # processes that the container leaves behind come to us, who reap
    made = create.make(context, container_id, request._replace(keeps_terminal=not detach))
    try:
        return _carry_on(context, container_id, made, detach=detach, keep=keep)
    finally:
        os.close(made.pidfd)
        if made.master_fd is not None:
            os.close(made.master_fd)


def _carry_on(context: Context, container_id: str, made: Made, *, detach: bool, keep: bool) -> int:
    try:
        start.start(context, container_id)
    except BaseException as fault:
        _remove(context, container_id, fault)
        raise
    if detach:
        return 0
    ended = relay.wait_foreground(made.record["pid"], made.pidfd, master_fd=made.master_fd)
    _record_exit(context, container_id, made, ended)
    if not keep:
        delete.delete(context, container_id, force=True)
    return ended.code


def _record_exit(context: Context, container_id: str, made: Made, ended: relay.WaitResult) -> None:
    now = clock.now()
    store = Store(context.roots.state, make=False, proc=context.roots.proc)
    try:
        store.commit_exit(
            container_id,
            made.record["instance"],
            exit={"code": ended.code, "signal": ended.signal, "oomKilled": None},
            finished=now,
            precision="exact",
            now=now,
        )
    except NoSuchContainer:
        pass  # somebody deleted it by force while we waited; .deleted has the code
    finally:
        store.close()


def _remove(context: Context, container_id: str, fault: BaseException) -> None:
    try:
        delete.delete(context, container_id, force=True)
    except (Fault, OSError) as error:
        fault.add_note(f"while deleting the container: {error}")
