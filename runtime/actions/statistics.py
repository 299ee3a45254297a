"""events of one container: what it uses, and when it is out of memory, as runc's command of that name tells it.

    {"type": "stats", "id": ID, "data": {"cpu": ..., "memory": ..., ...}}
    {"type": "oom", "id": ID}

What nothing counts is absent or null, never 0.  schemas/stats.schema.json has the shape.
"""

from __future__ import annotations

import os
import select
import time

from runtime.actions import look
from runtime.actions.identity import open_pidfd
from runtime.cgroups.oom import watch_oom
from runtime.cgroups.stats import read_stats
from runtime.errors import CgroupFault, NotRunning
from runtime.kernel import netdev, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from runtime.actions.context import Context
    from runtime.cgroups.oom import OomWatch
    from runtime.store.record import Record

    Show = Callable[[dict[str, Any]], None]

ALIVE = ("created", "running", "paused")


def statistics(context: Context, container_id: str) -> dict[str, Any]:
    """What the container uses now.  NotRunning; CgroupFault: nothing counts it."""
    return _stats_event(context, _living(context, container_id))


def follow(context: Context, container_id: str, *, interval_s: float, show: Show, output_fd: int | None) -> None:
    """Show statistics at once and after each interval, and each time that it is out of memory, until it has ended.

    Returns also when whoever reads ``output_fd`` has gone.
    """
    record = _living(context, container_id)
    pidfd = open_pidfd(record["process"], context.roots.proc) if record["process"] else None
    if pidfd is None:
        raise NotRunning(container_id)
    watch = watch_oom(record["linux"]["cgroup"])
    try:
        _follow(context, record, pidfd, watch, interval_s, show, output_fd)
    finally:
        if watch is not None:
            watch.__exit__()
        os.close(pidfd)


def _follow(
    context: Context,
    record: Record,
    pidfd: int,
    watch: OomWatch | None,
    interval_s: float,
    show: Show,
    output_fd: int | None,
) -> None:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    if watch is not None:
        poll.register(watch.fd, watch.events)
    if output_fd is not None:
        poll.register(output_fd, 0)  # POLLERR and POLLHUP come unasked when the reader closes its end
    due = time.monotonic()
    while True:
        left_s = due - time.monotonic()
        if left_s <= 0:
            due += interval_s * (1 + -left_s // interval_s)  # what was missed while we slept is not made up for
            _show_stats(context, record, pidfd, show)
            continue
        ready = {fd for fd, _ in poll.poll(left_s * 1000)}
        for _ in range(watch.read() if watch is not None else 0):
            show({"type": "oom", "id": record["id"]})
        if pidfd in ready or output_fd in ready:
            return


def _show_stats(context: Context, record: Record, pidfd: int, show: Show) -> None:
    try:
        event = _stats_event(context, record)
    except NotRunning:
        return  # it has just ended, which the pidfd tells
    show(event)


def _living(context: Context, container_id: str) -> Record:
    observed = look.observe_once(context, container_id)
    look.demand_here(observed, "tell the statistics of")
    if observed.status not in ALIVE:
        raise NotRunning(container_id)
    return observed.record


def _stats_event(context: Context, record: Record) -> dict[str, Any]:
    cgroup = record["linux"]["cgroup"]
    if cgroup is None:
        raise CgroupFault(
            f'container "{record["id"]}" has no cgroup of its own, so nothing counts what it uses',
            hint="have a cgroup delegated to you (systemd: Delegate=yes) before you create it",
        )
    counted = read_stats(cgroup)
    if counted is None:
        raise NotRunning(record["id"])
    data = {**counted, "intel_rdt": {}, "network_interfaces": _interfaces(context.roots.proc, record)}
    return {"type": "stats", "id": record["id"], "data": data}


def _interfaces(proc: str, record: Record) -> list[dict[str, Any]] | None:
    """Those of the container's own network namespace; None where it uses ours, or where they can't be seen."""
    process = record["process"]
    own = record["linux"]["namespaces"].get("net")
    if process is None or own is None or own == procfs.namespace_inode(proc, "self", "net"):
        return None
    found = netdev.interfaces(proc, process["pid"])
    if found is None or procfs.start_time(proc, process["pid"]) != process["startTime"]:
        return None  # read first and compared after: what was read is the process's own
    return [_shape(interface) for interface in found if interface.name != netdev.LOOPBACK]


def _shape(interface: netdev.Interface) -> dict[str, Any]:
    """The names of runc's Go struct."""
    shaped: dict[str, Any] = {"Name": interface.name}
    for prefix, counters in (("Rx", interface.received), ("Tx", interface.sent)):
        for name, value in counters._asdict().items():
            shaped[f"{prefix}{name.title()}"] = value
    return shaped
