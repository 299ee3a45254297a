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
    "prlimit64": 302,
    "setdomainname": 171,
    "rt_sigaction": 13,
    "write": 1,
    "fcntl": 72,
    "execve": 59,
    "openat": 257,
    "sendmsg": 46,
    "vmsplice": 278,
    "seccomp": 317,
    "sched_setattr": 314,
    "ioprio_set": 251,
    "set_mempolicy": 238,
    "personality": 135,
    "read": 0,
    "ioctl": 16,
    "sendto": 44,
    "clone": 56,
    "setsid": 112,
    "statx": 332,
    "signalfd4": 289,
    "close": 3,
    "recvmsg": 47,
    "exit_group": 231,
    "dup3": 292,
    "munmap": 11,
    "mmap": 9,
    "rt_sigprocmask": 14,
    "umask": 95,
    "socket": 41,
    "sethostname": 170,
    "fchown": 93,
    "chdir": 80,
    "fchdir": 81,
    "fchownat": 260,
    "symlinkat": 266,
    "mkdirat": 258,
    "mknodat": 259,
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
    "prlimit64": 261,
    "setdomainname": 162,
    "rt_sigaction": 134,
    "write": 64,
    "fcntl": 25,
    "execve": 221,
    "openat": 56,
    "sendmsg": 211,
    "vmsplice": 75,
    "seccomp": 277,
    "sched_setattr": 274,
    "ioprio_set": 30,
    "set_mempolicy": 237,
    "personality": 92,
    "read": 63,
    "ioctl": 29,
    "sendto": 206,
    "clone": 220,
    "setsid": 157,
    "statx": 291,
    "signalfd4": 74,
    "close": 57,
    "recvmsg": 212,
    "exit_group": 94,
    "dup3": 24,
    "munmap": 215,
    "mmap": 222,
    "rt_sigprocmask": 135,
    "umask": 166,
    "socket": 198,
    "sethostname": 161,
    "fchown": 55,
    "chdir": 49,
    "fchdir": 50,
    "fchownat": 54,
    "symlinkat": 36,
    "mkdirat": 34,
    "mknodat": 33,
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
PRLIMIT64 = _TABLE["prlimit64"]
SETDOMAINNAME = _TABLE["setdomainname"]
RT_SIGACTION = _TABLE["rt_sigaction"]
WRITE = _TABLE["write"]
FCNTL = _TABLE["fcntl"]
EXECVE = _TABLE["execve"]
OPENAT = _TABLE["openat"]
SENDMSG = _TABLE["sendmsg"]
VMSPLICE = _TABLE["vmsplice"]
SECCOMP = _TABLE["seccomp"]
SCHED_SETATTR = _TABLE["sched_setattr"]
IOPRIO_SET = _TABLE["ioprio_set"]
SET_MEMPOLICY = _TABLE["set_mempolicy"]
PERSONALITY = _TABLE["personality"]
READ = _TABLE["read"]
IOCTL = _TABLE["ioctl"]
SENDTO = _TABLE["sendto"]
CLONE = _TABLE["clone"]
SETSID = _TABLE["setsid"]
STATX = _TABLE["statx"]
SETGROUPS = _TABLE["setgroups"]
SETRESUID = _TABLE["setresuid"]
SETRESGID = _TABLE["setresgid"]
SIGNALFD4 = _TABLE["signalfd4"]
MKNODAT = _TABLE["mknodat"]
MKDIRAT = _TABLE["mkdirat"]
SYMLINKAT = _TABLE["symlinkat"]
FCHOWNAT = _TABLE["fchownat"]
FCHDIR = _TABLE["fchdir"]
CHDIR = _TABLE["chdir"]
FCHOWN = _TABLE["fchown"]
SETHOSTNAME = _TABLE["sethostname"]
SOCKET = _TABLE["socket"]
UMASK = _TABLE["umask"]
RT_SIGPROCMASK = _TABLE["rt_sigprocmask"]
MMAP = _TABLE["mmap"]
MUNMAP = _TABLE["munmap"]
DUP3 = _TABLE["dup3"]
CLOSE = _TABLE["close"]
RECVMSG = _TABLE["recvmsg"]
EXIT_GROUP = _TABLE["exit_group"]

OPEN_TREE = 428
MOVE_MOUNT = 429
FSOPEN = 430
FSCONFIG = 431
FSMOUNT = 432
FSPICK = 433
CLONE3 = 435
CLOSE_RANGE = 436
OPENAT2 = 437
FACCESSAT2 = 439
MOUNT_SETATTR = 442
STATMOUNT = 457
