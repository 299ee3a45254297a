"""What to write into a cgroup's file, to have it as it was before another write.  Pure.

the file holds                 what is restored
one value                      what was read
a line for each device or key  the line of the device that was written to; where there was none, no limit for it
memory.oom_control             the one member of it that can be written
"""

from __future__ import annotations

OOM_CONTROL = "memory.oom_control"
OOM_MEMBER = "oom_kill_disable"
# files with a line for each key, and what takes a key's line away again
KEYED = {
    "io.max": "rbps=max wbps=max riops=max wiops=max",
    "io.weight": "default",
    "io.bfq.weight": "default",
    "io.latency": "target=0",
    "rdma.max": "hca_handle=max hca_object=max",
    "misc.max": "max",
    "dmem.max": "max",
    "net_prio.ifpriomap": "0",
}
DEVICE_SUFFIX = "_device"  # blkio.throttle.read_bps_device and its like of v1
NOTHING = "\n"  # an empty write would not reach the kernel


def value_before(file: str, value: str, text: str | None) -> str | None:
    """What undoes the write of ``value`` into ``file``, which read ``text`` before; None where nothing does."""
    if text is None:
        return None
    if file == OOM_CONTROL:
        return _line(text, OOM_MEMBER).partition(" ")[2] or None
    if file in KEYED or file.endswith(DEVICE_SUFFIX):
        key = value.split(" ", 1)[0]
        return _line(text, key) or f"{key} {KEYED.get(file, '0')}"
    return text.strip() or NOTHING


def _line(text: str, key: str) -> str:
    """The line of ``text`` that begins with ``key``; empty where none does."""
    return next((line for line in text.split("\n") if line.split(" ", 1)[0] == key), "")
