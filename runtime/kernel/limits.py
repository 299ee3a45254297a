"""Resource limits of a process (getrlimit(2))."""

from __future__ import annotations

from _struct import pack

from runtime.kernel import numbers
from runtime.kernel.libc import syscall

# include/uapi/asm-generic/resource.h
NUMBERS = {
    "RLIMIT_CPU": 0,
    "RLIMIT_FSIZE": 1,
    "RLIMIT_DATA": 2,
    "RLIMIT_STACK": 3,
    "RLIMIT_CORE": 4,
    "RLIMIT_RSS": 5,
    "RLIMIT_NPROC": 6,
    "RLIMIT_NOFILE": 7,
    "RLIMIT_MEMLOCK": 8,
    "RLIMIT_AS": 9,
    "RLIMIT_LOCKS": 10,
    "RLIMIT_SIGPENDING": 11,
    "RLIMIT_MSGQUEUE": 12,
    "RLIMIT_NICE": 13,
    "RLIMIT_RTPRIO": 14,
    "RLIMIT_RTTIME": 15,
}
_ALL_BITS = (1 << 64) - 1


def set_limit(resource: int, soft: int, hard: int) -> None:
    """Set both limits of this process; -1, or 2**64 - 1, is no limit.  prlimit(2)."""
    limits = limit_structure(soft, hard)
    syscall(numbers.PRLIMIT64, 0, resource, limits, None, text=f"prlimit({resource}, {soft}, {hard})")


def limit_structure(soft: int, hard: int) -> bytes:
    """Both as prlimit(2) takes them."""
    return pack("=2Q", soft & _ALL_BITS, hard & _ALL_BITS)
