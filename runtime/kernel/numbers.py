"""System call numbers: the table of x86_64, and the generic one that newer architectures share.

Source: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of Linux; from 424 on they agree.
"""

from __future__ import annotations

import os

_X86_64 = {
    "mount": 165,
    "umount2": 166,
    "pivot_root": 155,
    "prctl": 157,
    "capget": 125,
    "capset": 126,
    "setns": 308,
    "unshare": 272,
    "execveat": 322,
    "memfd_create": 319,
    "renameat2": 316,
    "keyctl": 250,
    "bpf": 321,
    "fstatfs": 138,
    "statfs": 137,
    "setgroups": 116,
    "setresuid": 117,
    "setresgid": 119,
}
_GENERIC = {
    "mount": 40,
    "umount2": 39,
    "pivot_root": 41,
    "prctl": 167,
    "capget": 90,
    "capset": 91,
    "setns": 268,
    "unshare": 97,
    "execveat": 281,
    "memfd_create": 279,
    "renameat2": 276,
    "keyctl": 219,
    "bpf": 280,
    "fstatfs": 44,
    "statfs": 43,
    "setgroups": 159,
    "setresuid": 147,
    "setresgid": 149,
}
_TABLE = _X86_64 if os.uname().machine == "x86_64" else _GENERIC

MOUNT = _TABLE["mount"]
UMOUNT2 = _TABLE["umount2"]
PIVOT_ROOT = _TABLE["pivot_root"]
PRCTL = _TABLE["prctl"]
CAPGET = _TABLE["capget"]
CAPSET = _TABLE["capset"]
SETNS = _TABLE["setns"]
UNSHARE = _TABLE["unshare"]
EXECVEAT = _TABLE["execveat"]
MEMFD_CREATE = _TABLE["memfd_create"]
RENAMEAT2 = _TABLE["renameat2"]
KEYCTL = _TABLE["keyctl"]
BPF = _TABLE["bpf"]
STATFS = _TABLE["statfs"]
FSTATFS = _TABLE["fstatfs"]

PIDFD_SEND_SIGNAL = 424
OPEN_TREE = 428
MOVE_MOUNT = 429
FSOPEN = 430
FSCONFIG = 431
FSMOUNT = 432
PIDFD_OPEN = 434
CLONE3 = 435
CLOSE_RANGE = 436
OPENAT2 = 437
MOUNT_SETATTR = 442
