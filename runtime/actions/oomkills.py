"""What the out-of-memory killer did to a container, told in its record: each kill is one happening, once.

``linux.oomKills`` is how many have been told; the kernel's counters say how many there were.
"""

from __future__ import annotations

from runtime.cgroups.events import oom_kills
from runtime.store.record import advance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.store.record import Exit, Record

# so many happenings of one commit: a storm of kills must not push a life's other happenings out of its record
AT_ONCE = 16


def with_kills(record: Record, *, now: str) -> Record | None:
    """The next generation, in which all kills are told; None where nothing is new, or nothing counts them."""
    kills = oom_kills(record["linux"]["cgroup"])
    told = record["linux"].get("oomKills", 0)
    if kills is None or kills <= told:
        return None
    happenings = ("oom",) * min(kills - told, AT_ONCE)
    return advance(record, now=now, happenings=happenings, linux={**record["linux"], "oomKills": kills})  # type: ignore[arg-type]


def judged(exit: Exit, record: Record) -> Exit:
    """The exit, and whether the killer struck in the container's cgroup, by ``record`` or where that still counts."""
    if record["linux"].get("oomKills", 0) > 0:
        return {**exit, "oomKilled": True}
    kills = oom_kills(record["linux"]["cgroup"])
    return {**exit, "oomKilled": None if kills is None else kills > 0}
