"""What the files of a v2 cgroup count, in the shape of runc's ``events --stats``.  Pure.

``read`` answers a file's text, or None where the cgroup has no such file; ``names`` are those of its directory.
Times are nanoseconds, sizes bytes, what nothing counts is absent.  An unlimited amount is UNLIMITED, as runc has it.
Source: Documentation/admin-guide/cgroup-v2.rst of Linux.
"""

from __future__ import annotations

from runtime.cgroups import texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Read = Callable[[str], str | None]

UNLIMITED = (1 << 64) - 1
USEC = 1000  # nanoseconds
# keys of io.stat: the table of v1 that has the like of it, and the operation there
IO_TABLES = {
    "rbytes": ("ioServiceBytesRecursive", "Read"),
    "wbytes": ("ioServiceBytesRecursive", "Write"),
    "rios": ("ioServicedRecursive", "Read"),
    "wios": ("ioServicedRecursive", "Write"),
}


def known(**members: Any) -> dict[str, Any]:
    """``members`` without those that nothing tells."""
    return {name: value for name, value in members.items() if value is not None}


def collect(read: Read, names: Iterable[str]) -> dict[str, Any]:
    """All that the cgroup counts."""
    return {
        "cpu": _cpu(read),
        "cpuset": known(
            cpus=texts.cpu_list(read("cpuset.cpus.effective")), mems=texts.cpu_list(read("cpuset.mems.effective"))
        ),
        "memory": _memory(read),
        "pids": known(current=texts.number(read("pids.current")), limit=texts.number(read("pids.max"))),
        "blkio": _io(read),
        "hugetlb": _hugetlb(read, names),
    }


def limit(text: str | None) -> int | None:
    """A limit: UNLIMITED for ``max``, None where there is no file."""
    return UNLIMITED if text is not None and text.strip() == texts.MAX else texts.number(text)


def _cpu(read: Read) -> dict[str, Any]:
    counts = texts.flat_keyed(read("cpu.stat"))

    def ns(key: str) -> int | None:
        return counts[key] * USEC if key in counts else None

    return known(
        usage=known(total=ns("usage_usec"), kernel=ns("system_usec"), user=ns("user_usec")),
        throttling=known(
            periods=counts.get("nr_periods"),
            throttledPeriods=counts.get("nr_throttled"),
            throttledTime=ns("throttled_usec"),
        ),
        psi=texts.pressure(read("cpu.pressure")),
    )


def _memory(read: Read) -> dict[str, Any]:
    raw = texts.flat_keyed(read("memory.stat"))
    events = texts.flat_keyed(read("memory.events"))
    usage = known(
        limit=limit(read("memory.max")),
        usage=texts.number(read("memory.current")),
        max=texts.number(read("memory.peak")),
        failcnt=events.get("max"),
    )
    return known(
        cache=raw.get("file"),
        usage=usage,
        swap=_swap(read, usage),
        kernel=known(usage=raw.get("kernel")),
        raw=raw or None,
        psi=texts.pressure(read("memory.pressure")),
    )


def _swap(read: Read, memory: dict[str, Any]) -> dict[str, Any]:
    """Memory and swap together, as v1 counts them."""
    used, most = texts.number(read("memory.swap.current")), limit(read("memory.swap.max"))
    if used is None or most is None or "usage" not in memory or "limit" not in memory:
        return {}
    is_unlimited = UNLIMITED in (most, memory["limit"])
    return {"limit": UNLIMITED if is_unlimited else most + memory["limit"], "usage": used + memory["usage"]}


def _io(read: Read) -> dict[str, Any]:
    text = read("io.stat")
    tables: dict[str, list[dict[str, Any]]] = {}
    if text is not None:
        tables = {table: [] for table, _ in IO_TABLES.values()}
    for (major, minor), counts in texts.nested_keyed(text):
        for key, (table, operation) in IO_TABLES.items():
            if key in counts:
                tables[table].append({"major": major, "minor": minor, "op": operation, "value": counts[key]})
    return known(**tables, psi=texts.pressure(read("io.pressure")))


def _hugetlb(read: Read, names: Iterable[str]) -> dict[str, Any]:
    """By page size; of what is reserved where the kernel counts that (Linux 5.7)."""
    sizes = sorted(name.split(".")[1] for name in names if name.startswith("hugetlb.") and name.endswith(".events"))
    return {
        size: known(
            usage=_first(read, f"hugetlb.{size}.rsvd.current", f"hugetlb.{size}.current"),
            failcnt=texts.flat_keyed(read(f"hugetlb.{size}.events")).get("max"),
        )
        for size in sizes
    }


def _first(read: Read, *files: str) -> int | None:
    return next((found for found in (texts.number(read(file)) for file in files) if found is not None), None)
