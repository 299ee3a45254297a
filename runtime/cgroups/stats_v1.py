"""What the files of v1 cgroups count, in the shape of runc's ``events --stats``.  Pure.

``read`` answers the text of a controller's file, or None where there is none; ``names`` those of a controller's
directory.  Times are nanoseconds, sizes bytes, what nothing counts is absent.
Source: Documentation/admin-guide/cgroup-v1 of Linux.
"""

from __future__ import annotations

from runtime.cgroups import texts
from runtime.cgroups.stats_v2 import known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Read = Callable[[str, str], str | None]
    Names = Callable[[str], Iterable[str]]

TICK_NS = 10_000_000  # USER_HZ of cpuacct.stat is 100 on all machines that we run on
USAGE_ALL_COLUMNS = 3  # cpu user system
MEMORY_KINDS = {"usage": "memory", "swap": "memory.memsw", "kernel": "memory.kmem", "kernelTCP": "memory.kmem.tcp"}
CPUSET_NUMBERS = (
    *("cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page"),
    *("memory_spread_slab", "memory_pressure", "sched_load_balance", "sched_relax_domain_level"),
)
# the table, and the files that hold it: which one does depends on the I/O scheduler and on the kernel
BLKIO_TABLES = {
    "ioServiceBytesRecursive": (
        "blkio.bfq.io_service_bytes_recursive",
        "blkio.io_service_bytes_recursive",
        "blkio.throttle.io_service_bytes_recursive",
        "blkio.throttle.io_service_bytes",
    ),
    "ioServicedRecursive": (
        "blkio.bfq.io_serviced_recursive",
        "blkio.io_serviced_recursive",
        "blkio.throttle.io_serviced_recursive",
        "blkio.throttle.io_serviced",
    ),
    "ioQueueRecursive": ("blkio.bfq.io_queued_recursive", "blkio.io_queued_recursive"),
    "ioServiceTimeRecursive": ("blkio.bfq.io_service_time_recursive", "blkio.io_service_time_recursive"),
    "ioWaitTimeRecursive": ("blkio.bfq.io_wait_time_recursive", "blkio.io_wait_time_recursive"),
    "ioMergedRecursive": ("blkio.bfq.io_merged_recursive", "blkio.io_merged_recursive"),
    "ioTimeRecursive": ("blkio.bfq.time_recursive", "blkio.time_recursive"),
    "sectorsRecursive": ("blkio.bfq.sectors_recursive", "blkio.sectors_recursive"),
}


def collect(read: Read, names: Names) -> dict[str, Any]:
    """All that the cgroups count."""
    return {
        "cpu": _cpu(read),
        "cpuset": known(
            cpus=texts.cpu_list(read("cpuset", "cpuset.cpus")),
            mems=texts.cpu_list(read("cpuset", "cpuset.mems")),
            **{name: texts.number(read("cpuset", f"cpuset.{name}")) for name in CPUSET_NUMBERS},
        ),
        "memory": _memory(read),
        "pids": known(current=texts.number(read("pids", "pids.current")), limit=texts.number(read("pids", "pids.max"))),
        "blkio": known(**{table: _blkio(read, files) for table, files in BLKIO_TABLES.items()}),
        "hugetlb": _hugetlb(read, names("hugetlb")),
    }


def _cpu(read: Read) -> dict[str, Any]:
    ticks = texts.flat_keyed(read("cpuacct", "cpuacct.stat"))
    user, kernel = _by_mode(read("cpuacct", "cpuacct.usage_all"))
    counts = texts.flat_keyed(read("cpu", "cpu.stat"))

    def ns(key: str) -> int | None:
        return ticks[key] * TICK_NS if key in ticks else None

    return {
        "usage": known(
            total=texts.number(read("cpuacct", "cpuacct.usage")),
            percpu=texts.numbers(read("cpuacct", "cpuacct.usage_percpu")),
            percpu_kernel=kernel,
            percpu_user=user,
            kernel=ns("system"),
            user=ns("user"),
        ),
        "throttling": known(
            periods=counts.get("nr_periods"),
            throttledPeriods=counts.get("nr_throttled"),
            throttledTime=counts.get("throttled_time"),
        ),
    }


def _by_mode(text: str | None) -> tuple[list[int] | None, list[int] | None]:
    """Nanoseconds of each CPU in user mode and in the kernel."""
    if text is None:
        return None, None
    rows = [line.split() for line in text.split("\n")]
    rows = [row for row in rows if len(row) >= USAGE_ALL_COLUMNS and row[0].isdigit()]
    return [int(row[1]) for row in rows], [int(row[2]) for row in rows]


def _memory(read: Read) -> dict[str, Any]:
    raw = texts.flat_keyed(read("memory", "memory.stat"))
    kinds = {
        kind: known(
            limit=texts.number(read("memory", f"{prefix}.limit_in_bytes")),
            usage=texts.number(read("memory", f"{prefix}.usage_in_bytes")),
            max=texts.number(read("memory", f"{prefix}.max_usage_in_bytes")),
            failcnt=texts.number(read("memory", f"{prefix}.failcnt")),
        )
        for kind, prefix in MEMORY_KINDS.items()
    }
    return known(cache=raw.get("cache"), **kinds, raw=raw or None)


def _blkio(read: Read, files: Iterable[str]) -> list[dict[str, Any]] | None:
    """The first file with anything in it; else empty where there is one."""
    tables = [table for table in (texts.device_lines(read("blkio", file)) for file in files) if table is not None]
    return next((table for table in tables if table), tables[0] if tables else None)


def _hugetlb(read: Read, names: Iterable[str]) -> dict[str, Any]:
    """By page size; of what is reserved where the kernel counts that (Linux 5.7)."""
    sizes = sorted({name.split(".")[1] for name in names if name.startswith("hugetlb.")})
    found = {}
    for size in sizes:
        prefix = f"hugetlb.{size}"
        if read("hugetlb", f"{prefix}.rsvd.usage_in_bytes") is not None:
            prefix = f"{prefix}.rsvd"
        found[size] = known(
            usage=texts.number(read("hugetlb", f"{prefix}.usage_in_bytes")),
            max=texts.number(read("hugetlb", f"{prefix}.max_usage_in_bytes")),
            failcnt=texts.number(read("hugetlb", f"{prefix}.failcnt")),
        )
    return found
