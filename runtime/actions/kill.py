"""kill: a signal to the container's first process, or to all of its processes.  No lock, no record: a signal isn't an exit."""

from __future__ import annotations

import os

import _signal

from runtime.actions import look
from runtime.actions.identity import open_pidfd
from runtime.actions.status import refuse
from runtime.cgroups import manager
from runtime.errors import Fault, NotRunning, UsageFault
from runtime.kernel import process
from runtime.store.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.store.record import Record

SIGKILL = 9
LAST_SIGNAL = 64


def parse_signal(text: str) -> int:
    """The number that ``KILL``, ``SIGKILL``, ``sigkill`` or ``9`` names (signal(7)); UsageFault for anything else."""
    if text.isascii() and text.isdigit():
        number = int(text)
        if 0 <= number <= LAST_SIGNAL:
            return number
    else:
        name = text.upper()
        number = _by_name(name if name.startswith("SIG") else f"SIG{name}")
        if number:
            return number
    raise UsageFault(f'unknown signal "{text}"', hint="name one as in signal(7), such as TERM, SIGKILL or 9")


def _by_name(name: str) -> int:
    base, plus, offset = name.partition("+")
    if plus and base == "SIGRTMIN" and offset.isdigit() and _signal.SIGRTMIN + int(offset) <= _signal.SIGRTMAX:
        return int(_signal.SIGRTMIN) + int(offset)
    base, minus, offset = name.partition("-")
    if minus and base == "SIGRTMAX" and offset.isdigit() and _signal.SIGRTMAX - int(offset) >= _signal.SIGRTMIN:
        return int(_signal.SIGRTMAX) - int(offset)
    number = getattr(_signal, name, None)
    return int(number) if isinstance(number, int) and name not in {"SIG_DFL", "SIG_IGN"} else 0


def kill(context: Context, container_id: str, signal: int, *, everyone: bool = False) -> None:
    """Send ``signal``; raises NotRunning, NoSuchContainer, or Fault when the process can't be told for sure."""
    store = Store(context.roots.state, make=False, proc=context.roots.proc)
    try:
        observed = look.observe_container(context, store, container_id)
    finally:
        store.close()
    if not observed.verified:
        raise Fault(
            f'cannot signal container "{container_id}": its process lies in another pid or time namespace',
            hint="run this command in the namespaces that the container was created in",
        )
    if everyone:
        _signal_everyone(observed.record, signal)
        return
    refuse("kill", container_id, observed.status)
    _signal_first(context, container_id, observed.record, signal)


def _signal_first(context: Context, container_id: str, record: Record, signal: int) -> None:
    identity = record["process"]
    pidfd = open_pidfd(identity, context.roots.proc) if identity else None
    if pidfd is None:
        raise NotRunning(container_id)
    try:
        process.pidfd_send_signal(pidfd, signal)
        if signal == SIGKILL and record["linux"]["cgroup"]:
            manager.thaw(record["linux"]["cgroup"])  # on v1 a frozen process dies only once it is thawed
    except ProcessLookupError:
        raise NotRunning(container_id) from None
    finally:
        os.close(pidfd)


def _signal_everyone(record: Record, signal: int) -> None:
    """Every process of the container's cgroup, for containers that share the host's pid namespace."""
    cgroup = record["linux"]["cgroup"]
    if cgroup is None:
        raise Fault(
            f'cannot signal all processes of container "{record["id"]}": it has no cgroup of its own',
            hint="leave --all out, to signal its first process",
        )
    if signal == SIGKILL:
        manager.kill_all(cgroup)
        return
    for pid in manager.pids(cgroup):
        try:
            os.kill(pid, signal)
        except ProcessLookupError:
            continue  # it exited between the reading of the cgroup and the signal
