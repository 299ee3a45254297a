"""ps: the processes of a container, by their pids here, and what ps(1) says about them."""

from __future__ import annotations

import os

from runtime.actions import look
from runtime.cgroups import manager
from runtime.errors import Fault
from runtime.kernel import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from runtime.actions.context import Context
    from runtime.store.record import Record

PS_PATHS = ("/usr/bin/ps", "/bin/ps", "/usr/local/bin/ps")  # callers pass no PATH
PID_COLUMN = "PID"
NOT_EXECUTED = 127
READ_BYTES = 65536


def pids_of(context: Context, container_id: str) -> list[int]:
    """All processes of the container, in ascending order; none of one that has stopped."""
    observed = look.observe_once(context, container_id)
    look.demand_here(observed, "list the processes of")
    if observed.status == "stopped":
        return []
    cgroup = observed.record["linux"]["cgroup"]
    return manager.pids(cgroup) if cgroup else _by_namespace(context.roots.proc, observed.record)


def _by_namespace(proc: str, record: Record) -> list[int]:
    """Of a container without a cgroup of its own: what is in its pid namespace."""
    inner = record["linux"]["namespaces"].get("pid")
    if inner is None or inner == procfs.namespace_inode(proc, "self", "pid"):
        raise Fault(
            f'the processes of container "{record["id"]}" can\'t be told from others: it has neither a cgroup nor a '
            "pid namespace of its own"
        )
    found = (int(name) for name in os.listdir(proc) if name.isascii() and name.isdigit())
    return sorted(pid for pid in found if procfs.namespace_inode(proc, pid, "pid") == inner)


def table_of(context: Context, container_id: str, words: Sequence[str]) -> str:
    """What ``ps`` with the arguments ``words`` prints about the container's processes, with its head line."""
    pids = pids_of(context, container_id)
    return select_lines(_run_ps(words), pids)


def select_lines(printed: str, pids: Collection[int]) -> str:
    """The head line of ``printed``, and the lines of ``pids``.  Fault: there is no column that tells."""
    head, *lines = printed.splitlines() or [""]
    columns = head.split()
    if PID_COLUMN not in columns:
        raise Fault(f"what ps prints has no column {PID_COLUMN}", hint="name options that show it, such as -ef")
    place = columns.index(PID_COLUMN)
    wanted = {str(pid) for pid in pids}
    # only the last column holds spaces
    chosen = [
        line
        for line in lines
        if (fields := line.split(None, len(columns) - 1))[place : place + 1] and fields[place] in wanted
    ]
    return "".join(f"{line}\n" for line in (head, *chosen))


def _run_ps(words: Sequence[str]) -> str:
    path = next((path for path in PS_PATHS if os.path.exists(path)), None)
    if path is None:
        raise Fault(
            "ps is needed for a table, and is not installed", hint="apt install procps, or choose --format json"
        )
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        pid = os.posix_spawn(path, ["ps", *words], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writing, 1)])
    finally:
        os.close(writing)
    try:
        printed = b"".join(iter(lambda: os.read(reading, READ_BYTES), b""))
    finally:
        os.close(reading)
        _, status = os.waitpid(pid, 0)
    if status:
        raise Fault(f"ps {' '.join(words)} failed", hint="it says above why; name other options for it")
    return printed.decode("utf-8", "surrogateescape")
