"""The parent's side of a first process, whichever way it is made (listed.py, forked.py).

complete    one that was begun with a list
go, serve   the conversation that channel.py draws, until the child waits at the gate
"""

from __future__ import annotations

import os
import select

from runtime.errors import InitFault
from runtime.kernel import process, procfs
from runtime.kernel.files import let_go
from runtime.sandbox import channel, listed
from runtime.sandbox.rootfs import root_mount_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NamedTuple

    from runtime.sandbox.channel import Channel
    from runtime.sandbox.listed import Listed
    from runtime.sandbox.plan import InitPlan
    from runtime.sandbox.rootfs import RootMount
else:
    from runtime.values import NamedTuple

SIGKILL = 9


class Child(NamedTuple):
    """The first process: our child, the pidfd and the channel owned by the caller.

    ``is_listed``: it was never an interpreter, and can't tell a fault.
    """

    pid: int
    pidfd: int
    channel: Channel
    is_listed: bool = False


def complete(begun: Listed, plan: InitPlan) -> Child:
    """The first process that ``listed.begin`` has begun, with what there was not then.  OSError, ListFailed."""
    try:
        pid = begun.complete(plan)
    except BaseException:
        begun.give_up()
        raise
    try:
        return Child(pid, process.pidfd_open(pid), begun.channel, is_listed=True)
    except BaseException:
        abandon(pid)
        begun.channel.let_go()
        raise


def abandon(pid: int) -> None:
    """End a child that nobody knows of yet; it can't be another's pid, since we haven't reaped it."""
    os.kill(pid, SIGKILL)
    os.waitpid(pid, 0)


def go(child: Child, *, hook_state: bytes, process_state: bytes = b"") -> None:
    """Let the child go on; the states are what createContainer and startContainer hooks, and the listener, read."""
    fds = [channel.hold(state) for state in (hook_state, process_state)] if hook_state or process_state else []
    try:
        _say(child, channel.GO, fds)
    finally:
        let_go(*fds)


def _say(child: Child, kind: bytes, fds: Sequence[int] = ()) -> None:
    try:
        child.channel.send(kind, fds=fds)
    except (BrokenPipeError, ConnectionResetError):
        return  # it is dead; serve tells how


def serve(
    child: Child,
    *,
    on_root: Callable[[RootMount], None],
    on_mounted: Callable[[], None],
    on_console: Callable[[int], None],
) -> dict[str, int]:
    """Answer the child until it waits at the gate; the inodes of its namespaces.  InitFault, HookFault, ListFailed."""
    spaces: dict[str, int] | None = None
    while True:
        try:
            kind, fields, fds = child.channel.receive()
        except ConnectionResetError:
            continue  # told once: it ended with our word unread, and what it said before that comes next
        if kind == channel.ROOT:
            on_root(root_mount_of(fields))
            _say(child, channel.PROCEED)
        elif kind == channel.MOUNTED:
            on_mounted()
            _say(child, channel.PROCEED)
        elif kind == channel.CONSOLE:
            on_console(fds[0])
        elif kind == channel.READY:
            spaces = _spaces(fields[0]) if fields else procfs.namespaces("/proc", child.pid)
        elif kind:
            raise channel.fault_of(kind, fields)
        else:
            break
    if spaces is None or _has_ended(child):
        if child.is_listed and _status(child) == (os.CLD_EXITED, listed.FAILED):
            raise listed.ListFailed
        raise InitFault("first process", None, _how_it_ended(child))
    return spaces


def _has_ended(child: Child) -> bool:
    poll = select.poll()
    poll.register(child.pidfd, select.POLLIN)
    return bool(poll.poll(0))


def _how_it_ended(child: Child) -> str:
    """Words for a first process that died without a message, which the kernel's OOM killer is the usual cause of."""
    code, status = _status(child)
    if code != os.CLD_EXITED:
        return f"the container's first process was killed by signal {status}: is its memory limit too low?"
    return f"the container's first process ended with status {status} before it was ready"


def _status(child: Child) -> tuple[int, int]:
    """How it ended, and the status or signal; it is left to be reaped."""
    result = os.waitid(os.P_PIDFD, child.pidfd, os.WEXITED | os.WNOWAIT)
    return (result.si_code, result.si_status) if result else (os.CLD_EXITED, 0)


def _spaces(text: bytes) -> dict[str, int]:
    return {name.decode(): int(inode) for name, _, inode in (each.partition(b"=") for each in text.split())}
