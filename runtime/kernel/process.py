"""Processes and namespaces: clone, pidfds, setns, exec by fd, prctl."""

from __future__ import annotations

import errno
import fcntl
import os
from _struct import pack, unpack_from

from runtime.kernel import numbers
from runtime.late import Late

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Sequence
    from typing import NamedTuple

    from runtime.kernel import libc
else:
    import _signal

    from runtime.values import NamedTuple

    libc = Late("runtime.kernel.libc")  # who opens a pidfd and asks how it ended makes no such call

# linux/sched.h
CLONE_NEWTIME = 0x00000080
CLONE_VM = 0x00000100
CLONE_PIDFD = 0x00001000
CLONE_PARENT = 0x00008000
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
CLONE_INTO_CGROUP = 0x200000000

SIGCHLD = 17

# linux/close_range.h, fcntl.h
CLOSE_RANGE_CLOEXEC = 4
AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_SYMLINK_NOFOLLOW = 0x100
AT_RECURSIVE = 0x8000

# linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_GET_DUMPABLE = 3
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39

# linux/pidfd.h (Linux 6.13; the exit since 6.15)
PIDFD_INFO_EXIT = 1 << 3
_PIDFD_INFO_FORMAT_BYTES = 64
# struct sigaction and sigset_t of the kernel, which are not those of libc (signal(7))
_KERNEL_SIGACTION_BYTES = 32
_SIGSET_BYTES = 8
_PIDFD_GET_INFO = 3 << 30 | _PIDFD_INFO_FORMAT_BYTES << 16 | 0xFF << 8 | 11
_EXIT_CODE_OFFSET = 60


class PidfdExit(NamedTuple):
    """How a process ended: ``code`` is 128 + ``signal`` where a signal ended it, and ``signal`` None where none did."""

    code: int
    signal: int | None


def clone3(flags: int, *, exit_signal: int = SIGCHLD, cgroup_fd: int | None = None) -> int:
    """Fork with ``flags``: the child's pid, and 0 in the child, which must end in execve or os._exit.

    clone3(2), Linux 5.3; ``cgroup_fd`` (CLONE_INTO_CGROUP) needs 5.7.
    """
    arguments = clone3_arguments(flags, exit_signal=exit_signal, cgroup_fd=cgroup_fd)
    flags |= 0 if cgroup_fd is None else CLONE_INTO_CGROUP
    return libc.syscall(numbers.CLONE3, arguments, len(arguments), text=f"clone3(0x{flags:x})")


def clone3_arguments(flags: int, *, exit_signal: int, cgroup_fd: int | None) -> bytes:
    """The structure that clone3(2) takes."""
    if cgroup_fd is not None:
        flags |= CLONE_INTO_CGROUP
    return pack("=11Q", flags, 0, 0, 0, exit_signal, 0, 0, 0, 0, 0, cgroup_fd or 0)


def pidfd_open(pid: int, flags: int = 0) -> int:
    """A CLOEXEC fd of the process; pidfd_open(2), Linux 5.3."""
    try:
        return os.pidfd_open(pid, flags)
    except OSError as error:
        raise OSError(error.errno, f"pidfd_open({pid}): {error.strerror}") from None


def pidfd_send_signal(pidfd: int, signal: int) -> None:
    """Send ``signal`` to exactly that process; pidfd_send_signal(2), Linux 5.1."""
    try:
        _signal.pidfd_send_signal(pidfd, signal)
    except OSError as error:
        raise OSError(error.errno, f"pidfd_send_signal({signal}): {error.strerror}") from None


def pidfd_exit_info(pidfd: int) -> PidfdExit | None:
    """How the process of ``pidfd`` ended, once it was reaped; None while it wasn't, and before Linux 6.15."""
    memory = bytearray(_PIDFD_INFO_FORMAT_BYTES)
    memory[0:8] = pack("=Q", PIDFD_INFO_EXIT)
    try:
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, memory, True)
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EINVAL, errno.ESRCH):
            return None
        raise
    (mask,) = unpack_from("=Q", memory, 0)
    if not mask & PIDFD_INFO_EXIT:
        return None
    (status,) = unpack_from("=i", memory, _EXIT_CODE_OFFSET)
    return exit_of(status)


def exit_of(status: int) -> PidfdExit:
    """What a wait status, or the last field of /proc/<pid>/stat, says."""
    signal = status & 0x7F
    if signal:
        return PidfdExit(128 + signal, signal)
    return PidfdExit(status >> 8 & 0xFF, None)


def reset_signal(number: int) -> None:
    """Set the signal to its default; also 32 and 33, which libc keeps for itself and lets nobody set.  sigaction(2)."""
    default = bytes(_KERNEL_SIGACTION_BYTES)  # SIG_DFL is 0, and so are no flags, no restorer, an empty mask
    libc.syscall(numbers.RT_SIGACTION, number, default, None, _SIGSET_BYTES, text=f"sigaction({number})")


def setns(fd: int, nstype: int) -> None:
    """Enter the namespace of ``fd``, which must be of ``nstype``; setns(2)."""
    libc.syscall(numbers.SETNS, fd, nstype, text=f"setns(0x{nstype:x})")


def unshare(flags: int) -> None:
    """Leave the namespaces in ``flags`` for new ones; unshare(2)."""
    libc.syscall(numbers.UNSHARE, flags, text=f"unshare(0x{flags:x})")


def execveat(dir_fd: int, path: bytes, argv: Sequence[bytes], env: Sequence[bytes], flags: int) -> None:
    """Execute; returns only by raising.  execveat(2)."""
    argv_vector, argv_kept = libc.pointers(list(argv))
    env_vector, env_kept = libc.pointers(list(env))
    shown = path.decode("utf-8", "replace") or f"fd {dir_fd}"
    libc.syscall(
        numbers.EXECVEAT,
        dir_fd,
        path,
        libc.address_of(argv_vector),
        libc.address_of(env_vector),
        flags,
        text=f"execve({shown})",
    )
    del argv_kept, env_kept


def execve(path: bytes, argv: Sequence[bytes], env: Sequence[bytes]) -> None:
    """Execute; returns only by raising.  execve(2), with as little as can be done before it."""
    argv_vector, argv_kept = libc.pointers(list(argv))
    env_vector, env_kept = libc.pointers(list(env))
    libc.syscall(numbers.EXECVE, path, libc.address_of(argv_vector), libc.address_of(env_vector), text="execve")
    del argv_kept, env_kept


def close_range(first: int, last: int, flags: int = 0) -> None:
    """Close, or with CLOSE_RANGE_CLOEXEC mark, all fds from ``first`` to ``last``; close_range(2), Linux 5.9."""
    libc.syscall(numbers.CLOSE_RANGE, first, last, flags, text=f"close_range({first}, {last})")


def set_dumpable(is_dumpable: bool) -> None:
    """Whether others of the same user may ptrace us and open our /proc files; prctl(2)."""
    _prctl(PR_SET_DUMPABLE, int(is_dumpable), "PR_SET_DUMPABLE")


def set_no_new_privs() -> None:
    """From here on execve grants nothing; can't be taken back."""
    _prctl(PR_SET_NO_NEW_PRIVS, 1, "PR_SET_NO_NEW_PRIVS")


def set_keepcaps(keeps: bool) -> None:
    """Whether the permitted capabilities survive a change from uid 0 to another."""
    _prctl(PR_SET_KEEPCAPS, int(keeps), "PR_SET_KEEPCAPS")


def set_child_subreaper(is_subreaper: bool) -> None:
    """Whether orphaned descendants become our children."""
    _prctl(PR_SET_CHILD_SUBREAPER, int(is_subreaper), "PR_SET_CHILD_SUBREAPER")


def set_pdeathsig(signal: int) -> None:
    """The signal that we get when our parent ends; 0 for none."""
    _prctl(PR_SET_PDEATHSIG, signal, "PR_SET_PDEATHSIG")


def set_name(name: str) -> None:
    """The name that ps shows, at most 15 bytes."""
    memory = libc.buffer(16)
    text = name.encode()[:15]
    memory[: len(text)] = text
    _prctl(PR_SET_NAME, libc.address_of(memory), "PR_SET_NAME")


def _prctl(option: int, value: int, name: str) -> None:
    libc.syscall(numbers.PRCTL, option, value, text=f"prctl({name})")


def kill_if_alive(pid: int, signal: int) -> None:
    """kill(2), where having ended already is fine."""
    try:
        os.kill(pid, signal)
    except ProcessLookupError:
        return  # it ended before the signal
