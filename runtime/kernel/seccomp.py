"""seccomp(2): its words as config.json has them, and the calls.  Needs no library; libseccomp.py makes the programs.

Names are libseccomp's (seccomp.h), values the kernel's (linux/seccomp.h, linux/audit.h, linux/elf-em.h).
"""

from __future__ import annotations

import errno
from _struct import pack

from runtime.kernel import numbers
from runtime.kernel.libc import address_of, buffer, syscall

SECCOMP_SET_MODE_FILTER = 1
SECCOMP_GET_ACTION_AVAIL = 2

SECCOMP_RET_KILL_PROCESS = 0x80000000
SECCOMP_RET_KILL_THREAD = 0x00000000
SECCOMP_RET_TRAP = 0x00030000
SECCOMP_RET_ERRNO = 0x00050000
SECCOMP_RET_USER_NOTIF = 0x7FC00000
SECCOMP_RET_TRACE = 0x7FF00000
SECCOMP_RET_LOG = 0x7FFC0000
SECCOMP_RET_ALLOW = 0x7FFF0000

SECCOMP_FILTER_FLAG_TSYNC = 1
SECCOMP_FILTER_FLAG_LOG = 2
SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4
SECCOMP_FILTER_FLAG_NEW_LISTENER = 8
SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 32

ACTIONS = {
    "SCMP_ACT_ALLOW": SECCOMP_RET_ALLOW,
    "SCMP_ACT_ERRNO": SECCOMP_RET_ERRNO,
    "SCMP_ACT_KILL": SECCOMP_RET_KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": SECCOMP_RET_KILL_PROCESS,
    "SCMP_ACT_KILL_THREAD": SECCOMP_RET_KILL_THREAD,
    "SCMP_ACT_LOG": SECCOMP_RET_LOG,
    "SCMP_ACT_NOTIFY": SECCOMP_RET_USER_NOTIF,
    "SCMP_ACT_TRACE": SECCOMP_RET_TRACE,
    "SCMP_ACT_TRAP": SECCOMP_RET_TRAP,
}

# enum scmp_compare
OPERATORS = {
    "SCMP_CMP_NE": 1,
    "SCMP_CMP_LT": 2,
    "SCMP_CMP_LE": 3,
    "SCMP_CMP_EQ": 4,
    "SCMP_CMP_GE": 5,
    "SCMP_CMP_GT": 6,
    "SCMP_CMP_MASKED_EQ": 7,
}

_64BIT = 0x80000000
_LE = 0x40000000
_N32 = 0x20000000
# AUDIT_ARCH_*; x32 has none of its own, and libseccomp's stands for x86_64 with X32_SYSCALL_BIT in the number
ARCHITECTURES = {
    "SCMP_ARCH_X86": 3 | _LE,
    "SCMP_ARCH_X86_64": 62 | _64BIT | _LE,
    "SCMP_ARCH_X32": 62 | _LE,
    "SCMP_ARCH_ARM": 40 | _LE,
    "SCMP_ARCH_AARCH64": 183 | _64BIT | _LE,
    "SCMP_ARCH_MIPS": 8,
    "SCMP_ARCH_MIPS64": 8 | _64BIT,
    "SCMP_ARCH_MIPS64N32": 8 | _64BIT | _N32,
    "SCMP_ARCH_MIPSEL": 8 | _LE,
    "SCMP_ARCH_MIPSEL64": 8 | _64BIT | _LE,
    "SCMP_ARCH_MIPSEL64N32": 8 | _64BIT | _LE | _N32,
    "SCMP_ARCH_PPC": 20,
    "SCMP_ARCH_PPC64": 21 | _64BIT,
    "SCMP_ARCH_PPC64LE": 21 | _64BIT | _LE,
    "SCMP_ARCH_S390": 22,
    "SCMP_ARCH_S390X": 22 | _64BIT,
    "SCMP_ARCH_PARISC": 15,
    "SCMP_ARCH_PARISC64": 15 | _64BIT,
    "SCMP_ARCH_RISCV64": 243 | _64BIT | _LE,
    "SCMP_ARCH_LOONGARCH64": 258 | _64BIT | _LE,
    "SCMP_ARCH_M68K": 4,
    "SCMP_ARCH_SH": 42 | _LE,
    "SCMP_ARCH_SHEB": 42,
}
X32_SYSCALL_BIT = 0x40000000

FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": SECCOMP_FILTER_FLAG_TSYNC,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": SECCOMP_FILTER_FLAG_SPEC_ALLOW,
    "SECCOMP_FILTER_FLAG_LOG": SECCOMP_FILTER_FLAG_LOG,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
}

BPF_MAXINSNS = 4096  # linux/bpf_common.h
INSTRUCTION_BYTES = 8


def knows_flags(flags: int) -> bool:
    """Whether this kernel's seccomp(2) takes ``flags``: only those it knows get as far as the missing program."""
    if flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV:
        flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER  # demanded since 5.19, where both are known
    try:
        syscall(numbers.SECCOMP, SECCOMP_SET_MODE_FILTER, flags, None, text="seccomp(SECCOMP_SET_MODE_FILTER)")
    except OSError as error:
        return error.errno == errno.EFAULT
    return True


def knows_action(action: int) -> bool:
    """Whether this kernel acts on ``action`` (SECCOMP_RET_*), and doesn't kill instead; Linux 4.14."""
    try:
        syscall(
            numbers.SECCOMP, SECCOMP_GET_ACTION_AVAIL, 0, pack("=I", action), text="seccomp(SECCOMP_GET_ACTION_AVAIL)"
        )
    except OSError:
        return False
    return True


def set_filter(program: bytes, flags: int) -> int:
    """Filter all our system calls from here on; the listener's CLOEXEC fd with NEW_LISTENER, otherwise 0.

    Needs no_new_privs or CAP_SYS_ADMIN in our user namespace.  seccomp(2), Linux 3.17.
    """
    memory = buffer(len(program))
    memory[:] = program
    return syscall(
        numbers.SECCOMP,
        SECCOMP_SET_MODE_FILTER,
        flags,
        program_of(address_of(memory), len(program)),
        text="seccomp(SECCOMP_SET_MODE_FILTER)",
    )


def program_of(address: int, size: int) -> bytes:
    """struct sock_fprog: a program of ``size`` bytes at ``address``."""
    return pack("@HP", size // INSTRUCTION_BYTES, address)


def instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """struct sock_filter."""
    return pack("=HBBI", code, if_true, if_false, operand)
