"""Capabilities: names, and the calls that set a thread's (capabilities(7))."""

from __future__ import annotations

import os
from _struct import pack, unpack

from runtime.kernel import numbers
from runtime.kernel.libc import address_of, buffer, syscall

# linux/capability.h, in the order of their numbers
NAMES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
)
NUMBERS = {name: number for number, name in enumerate(NAMES)}

_LINUX_CAPABILITY_VERSION_3 = 0x20080522
_PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
_PR_GET_SECUREBITS = 27
_PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4
_LOW = 0xFFFFFFFF


class CapabilityMasks(tuple[int, int, int]):
    """Effective, permitted and inheritable sets: bit n stands for the capability of number n."""

    __slots__ = ()


def last_cap(proc: str = "/proc") -> int:
    """The highest capability number that this kernel knows."""
    fd = os.open(f"{proc}/sys/kernel/cap_last_cap", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.read(fd, 16))
    finally:
        os.close(fd)


def get_capabilities() -> CapabilityMasks:
    """Our effective, permitted and inheritable sets."""
    header = pack("=Ii", _LINUX_CAPABILITY_VERSION_3, 0)
    memory = buffer(24)
    syscall(numbers.CAPGET, header, address_of(memory), text="capget")
    low = unpack("=6I", bytes(memory))
    return CapabilityMasks((low[0] | low[3] << 32, low[1] | low[4] << 32, low[2] | low[5] << 32))


def set_capabilities(effective: int, permitted: int, inheritable: int) -> None:
    """Set all three sets from masks; capset(2)."""
    syscall(numbers.CAPSET, *capability_structures(effective, permitted, inheritable), text="capset")


def capability_structures(effective: int, permitted: int, inheritable: int) -> tuple[bytes, bytes]:
    """The two arguments of capset(2), for the calling thread."""
    masks = (effective, permitted, inheritable)
    data = pack("=6I", *(mask & _LOW for mask in masks), *(mask >> 32 for mask in masks))
    return pack("=Ii", _LINUX_CAPABILITY_VERSION_3, 0), data


def in_bounding(cap: int) -> bool:
    """Whether the capability is in the bounding set; OSError EINVAL where the kernel doesn't know it."""
    return syscall(numbers.PRCTL, _PR_CAPBSET_READ, cap, text=f"prctl(PR_CAPBSET_READ, {cap})") == 1


def drop_bounding(cap: int) -> None:
    """Take the capability out of the bounding set, for good."""
    syscall(numbers.PRCTL, PR_CAPBSET_DROP, cap, text=f"prctl(PR_CAPBSET_DROP, {cap})")


def raise_ambient(cap: int) -> None:
    """Add to the ambient set; it must be permitted and inheritable."""
    syscall(numbers.PRCTL, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, text=f"prctl(PR_CAP_AMBIENT_RAISE, {cap})")


def clear_ambient() -> None:
    """Empty the ambient set."""
    syscall(numbers.PRCTL, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, text="prctl(PR_CAP_AMBIENT_CLEAR_ALL)")


def get_securebits() -> int:
    """The thread's securebits."""
    return syscall(numbers.PRCTL, _PR_GET_SECUREBITS, text="prctl(PR_GET_SECUREBITS)")


def set_securebits(bits: int) -> None:
    """Set the thread's securebits."""
    syscall(numbers.PRCTL, _PR_SET_SECUREBITS, bits, text="prctl(PR_SET_SECUREBITS)")
