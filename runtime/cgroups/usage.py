"""What a container uses, in the few numbers that are asked for again and again.

    v1   cpuacct.usage, cpuacct.stat, memory.usage_in_bytes, memory.stat, memory.limit_in_bytes, pids.current
    v2   cpu.stat, memory.current, memory.stat, memory.max, pids.current

Cheaper than ``stats``, which reads all that is counted.  The working set is the memory in use without the file cache
that the kernel could take back at once (inactive_file), as the kubelet and cAdvisor count it.
Source: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst, cgroup-v1/cpuacct.rst of Linux.
"""

from __future__ import annotations

from runtime.cgroups import texts
from runtime.cgroups.events import oom_kills_in
from runtime.cgroups.stats import UNIFIED, Directories

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NamedTuple

    Read = Callable[[str], str | None]
else:
    from runtime.values import NamedTuple

NS, USEC = 1e-9, 1e-6
TICK_S = 0.01  # USER_HZ of cpuacct.stat is 100 on all machines that we run on
# what v1 shows where there is no limit: the largest multiple of a page in a signed long
V1_UNLIMITED = 1 << 62


class Usage(NamedTuple):
    """Seconds of CPU, bytes, and numbers; None for what nothing counts.  An unlimited memory is None too."""

    cpu_s: float | None
    cpu_user_s: float | None
    cpu_system_s: float | None
    memory_bytes: int | None
    working_set_bytes: int | None
    memory_limit_bytes: int | None
    tasks: int | None
    oom_kills: int | None


def read_usage(cgroup: Mapping[str, Any]) -> Usage | None:
    """What it uses now; None where its cgroups have gone.  CgroupFault: the record names no cgroup."""
    with Directories(cgroup["paths"]) as directories:
        is_v1 = cgroup["version"] == 1
        counting = "memory" if is_v1 else UNIFIED
        if not directories.is_there(counting, "cpuacct", "pids"):
            return None
        fd = directories.fd(counting)
        kills = None if fd is None else oom_kills_in(fd, counting)
        return of_v1(directories.read, kills) if is_v1 else of_v2(lambda file: directories.read(UNIFIED, file), kills)


def of_v1(read: Callable[[str, str], str | None], kills: int | None) -> Usage:
    """From the files of v1: ``read`` takes a controller and a file's name, and answers None where there is none."""
    ticks = texts.flat_keyed(read("cpuacct", "cpuacct.stat"))
    total = texts.number(read("cpuacct", "cpuacct.usage"))
    used = texts.number(read("memory", "memory.usage_in_bytes"))
    inactive = texts.flat_keyed(read("memory", "memory.stat")).get("total_inactive_file", 0)
    limit = texts.number(read("memory", "memory.limit_in_bytes"))
    return Usage(
        cpu_s=None if total is None else total * NS,
        cpu_user_s=_scaled(ticks.get("user"), TICK_S),
        cpu_system_s=_scaled(ticks.get("system"), TICK_S),
        memory_bytes=used,
        working_set_bytes=None if used is None else max(0, used - inactive),
        memory_limit_bytes=None if limit is None or limit >= V1_UNLIMITED else limit,
        tasks=texts.number(read("pids", "pids.current")),
        oom_kills=kills,
    )


def of_v2(read: Read, kills: int | None) -> Usage:
    """From the files of v2: ``read`` takes a file's name, and answers None where there is none."""
    cpu = texts.flat_keyed(read("cpu.stat"))
    used = texts.number(read("memory.current"))
    inactive = texts.flat_keyed(read("memory.stat")).get("inactive_file", 0)
    return Usage(
        cpu_s=_scaled(cpu.get("usage_usec"), USEC),
        cpu_user_s=_scaled(cpu.get("user_usec"), USEC),
        cpu_system_s=_scaled(cpu.get("system_usec"), USEC),
        memory_bytes=used,
        working_set_bytes=None if used is None else max(0, used - inactive),
        memory_limit_bytes=texts.number(read("memory.max")),
        tasks=texts.number(read("pids.current")),
        oom_kills=kills,
    )


def _scaled(value: int | None, unit: float) -> float | None:
    return None if value is None else value * unit
