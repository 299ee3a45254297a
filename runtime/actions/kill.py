"""kill: a signal to the first process, or to all processes.  No lock, no record: a signal isn't an exit."""

from __future__ import annotations

from runtime.actions import look
from runtime.actions.identity import open_pidfd
from runtime.actions.status import refuse
from runtime.cgroups import manager
from runtime.errors import Fault, NotRunning, UsageFault
from runtime.kernel import process, procfs
from runtime.kernel.files import let_go

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal

    from runtime.actions.context import Context
    from runtime.store.record import Record
else:
    import _signal

SIGKILL = 9
NAMESPACE_INIT = 1  # with it ends its pid namespace
LAST_SIGNAL = 64
MOST_DIGITS = 3


def parse_signal(text: str) -> int:
    """The number that ``KILL``, ``SIGKILL``, ``sigkill`` or ``9`` names (signal(7)); UsageFault for anything else."""
    number = _number(text)
    if number is not None:
        if number <= LAST_SIGNAL:
            return number
    elif text.isascii():
        name = text.upper()
        found = _by_name(name if name.startswith("SIG") else f"SIG{name}")
        if found:
            return found
    raise UsageFault(f'unknown signal "{text}"', hint="name one as in signal(7), such as TERM, SIGKILL or 9")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def _by_name(name: str) -> int:
    """0 for a name that no signal has; the constants of sigprocmask(2) and signal(2), SIG_*, are none."""
    base, plus, text = name.partition("+")
    offset = _number(text)
    if plus and base == "SIGRTMIN" and offset is not None and _signal.SIGRTMIN + offset <= _signal.SIGRTMAX:
        return int(_signal.SIGRTMIN) + offset
    base, minus, text = name.partition("-")
    offset = _number(text)
    if minus and base == "SIGRTMAX" and offset is not None and _signal.SIGRTMAX - offset >= _signal.SIGRTMIN:
        return int(_signal.SIGRTMAX) - offset
    number = getattr(_signal, name, None)
    return int(number) if isinstance(number, int) and not name.startswith("SIG_") else 0


def kill(context: Context, container_id: str, signal: int, *, everyone: bool = False) -> None:
    """Send ``signal`` to the first process, or to ``everyone``.

    SIGKILL goes to everyone as well where the first process isn't process 1 of its pid namespace, and so takes nobody
    along (pid_namespaces(7)); runc does the same.  NotRunning, NoSuchContainer; Fault when the process can't be told
    for sure.
    """
    observed = look.observe_once(context, container_id)
    look.demand_verified(observed, "signal")
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
        leaves_others = signal == SIGKILL and procfs.innermost_pid(context.roots.proc, record["pid"]) != NAMESPACE_INIT
        process.pidfd_send_signal(pidfd, signal)
        cgroup = record["linux"]["cgroup"]
        if leaves_others and cgroup:
            manager.kill_all(cgroup, signal)
        elif signal == SIGKILL and cgroup and cgroup["version"] == 1:
            manager.thaw(cgroup)  # there a frozen process dies only once it is thawed
    except ProcessLookupError:
        raise NotRunning(container_id) from None
    finally:
        let_go(pidfd)


def _signal_everyone(record: Record, signal: int) -> None:
    """Every process of the container's cgroup, for containers that share the host's pid namespace."""
    cgroup = record["linux"]["cgroup"]
    if cgroup is None:
        raise Fault(
            f'cannot signal all processes of container "{record["id"]}": it has no cgroup of its own',
            hint="leave --all out, to signal its first process",
        )
    manager.kill_all(cgroup, signal)
