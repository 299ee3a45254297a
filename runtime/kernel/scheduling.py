"""Who gets the CPU, the disk and the memory first: sched(7), ioprio_set(2), set_mempolicy(2), personality(2)."""

from __future__ import annotations

from _struct import pack

from runtime.kernel import numbers
from runtime.kernel.libc import syscall

# linux/sched.h
POLICIES = {
    "SCHED_OTHER": 0,
    "SCHED_FIFO": 1,
    "SCHED_RR": 2,
    "SCHED_BATCH": 3,
    "SCHED_ISO": 4,  # a number that Linux keeps free, and refuses
    "SCHED_IDLE": 5,
    "SCHED_DEADLINE": 6,
}
SCHED_FLAGS = {
    "SCHED_FLAG_RESET_ON_FORK": 0x01,
    "SCHED_FLAG_RECLAIM": 0x02,
    "SCHED_FLAG_DL_OVERRUN": 0x04,
    "SCHED_FLAG_KEEP_POLICY": 0x08,
    "SCHED_FLAG_KEEP_PARAMS": 0x10,
    "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
    "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
}
# linux/ioprio.h
IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
IOPRIO_WHO_PROCESS = 1
_IOPRIO_CLASS_SHIFT = 13
# linux/mempolicy.h
MEMORY_MODES = {
    "MPOL_DEFAULT": 0,
    "MPOL_PREFERRED": 1,
    "MPOL_BIND": 2,
    "MPOL_INTERLEAVE": 3,
    "MPOL_LOCAL": 4,
    "MPOL_PREFERRED_MANY": 5,
    "MPOL_WEIGHTED_INTERLEAVE": 6,
}
MEMORY_FLAGS = {
    "MPOL_F_STATIC_NODES": 1 << 15,
    "MPOL_F_RELATIVE_NODES": 1 << 14,
    "MPOL_F_NUMA_BALANCING": 1 << 13,
}
NODES_LIMIT = 1024  # the largest CONFIG_NODES_SHIFT
CPUS_LIMIT = 8192  # the largest CONFIG_NR_CPUS
# linux/personality.h
PERSONALITIES = {"LINUX": 0x0000, "LINUX32": 0x0008}

_SCHED_ATTR_BYTES = 56  # SCHED_ATTR_SIZE_VER1: with the two values of utilization clamping, Linux 5.3
_WORD_BITS = 64


def sched_attributes(
    policy: int,
    *,
    flags: int = 0,
    nice: int = 0,
    priority: int = 0,
    runtime: int = 0,
    deadline: int = 0,
    period: int = 0,
) -> bytes:
    """A struct sched_attr; the times in nanoseconds."""
    return pack("=2IQiI3Q2I", _SCHED_ATTR_BYTES, policy, flags, nice, priority, runtime, deadline, period, 0, 0)


def sched_setattr(pid: int, attributes: bytes) -> None:
    """Set how the process is scheduled, 0 for ourselves.  sched_setattr(2)."""
    syscall(numbers.SCHED_SETATTR, pid, attributes, 0, text=f"sched_setattr({pid})")


def ioprio_value(io_class: int, level: int) -> int:
    """What ioprio_set(2) takes."""
    return io_class << _IOPRIO_CLASS_SHIFT | level


def ioprio_set(pid: int, value: int) -> None:
    """Set the I/O priority of the process, 0 for ourselves, which its children will have.  ioprio_set(2)."""
    syscall(numbers.IOPRIO_SET, IOPRIO_WHO_PROCESS, pid, value, text=f"ioprio_set({pid})")


def set_mempolicy(mode: int, nodes: tuple[int, ...]) -> None:
    """Set where our memory comes from, from here on and through execve(2).  set_mempolicy(2)."""
    if not nodes:
        syscall(numbers.SET_MEMPOLICY, mode, None, 0, text="set_mempolicy")
        return
    words = [0] * (max(nodes) // _WORD_BITS + 1)
    for node in nodes:
        words[node // _WORD_BITS] |= 1 << node % _WORD_BITS
    mask = pack(f"={len(words)}Q", *words)
    # the kernel takes one bit less than it is told (see BUGS of the page)
    syscall(numbers.SET_MEMPOLICY, mode, mask, len(words) * _WORD_BITS + 1, text="set_mempolicy")


def personality(persona: int) -> None:
    """Set our execution domain, which execve(2) keeps.  personality(2)."""
    syscall(numbers.PERSONALITY, persona, text=f"personality(0x{persona:x})")
