"""The two locks of a container: flock(2) on regular files of mode 0600 that live and leave with its directory.

Whoever has taken one compares device and inode with a fresh stat of the path: the directory may have been retired,
and another life of the id begun, while he waited.  A fork passes a lock on, so every child closes it first.

Nobody waits without a limit, since a holder may hang (stopped, frozen, or on a file system that does).  Waiting tries
again after a pause that grows from 1 to 50 ms: a timer signal would have to displace the caller's handlers, and the
wait is for a command that takes milliseconds or hangs.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time

from runtime.errors import NoSuchContainer
from runtime.kernel import files

_FIRST_PAUSE_S = 0.001
_LONGEST_PAUSE_S = 0.05
_LONG_S = 1.0  # nobody holds it for as long in his turn, on a machine of its own
_TURNS = 6
_CHUNK_BYTES = 1 << 16


def take(parent_fd: int, name: str, lock_name: str, *, wait_s: float, in_turn: bool = False) -> int | None:
    """The fd of the lock ``<name>/<lock_name>`` below ``parent_fd``, taken; None when ``wait_s`` passed first.

    ``wait_s`` 0 tries once; ``in_turn`` as flock below.  NoSuchContainer when the directory isn't there.
    """
    path = f"{name}/{lock_name}"
    while True:
        fd = _open(parent_fd, path, name)
        try:
            if not flock(fd, fcntl.LOCK_EX, wait_s, in_turn=in_turn):
                os.close(fd)
                return None
            if _is_current(parent_fd, path, fd):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _open(parent_fd: int, path: str, name: str) -> int:
    try:
        return files.open_within(parent_fd, path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise NoSuchContainer(name) from None
        raise


def flock(fd: int, operation: int, wait_s: float, *, in_turn: bool = False) -> bool:
    """flock(2), shared or exclusive; False when ``wait_s`` passed first.

    ``in_turn``: that is told only of one who held it all that time.  Where many hold it for a moment, one after the
    other, on a machine that is busy enough, whoever tries again and again meets one each time: so he goes on trying.
    """
    began = time.monotonic()
    seen, next_look = None, began + (_LONG_S if in_turn else wait_s)
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            fcntl.flock(fd, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            now = time.monotonic()
            if now >= next_look or not wait_s:
                found = _holder_of(fd) if in_turn and wait_s else None
                is_hanging = found is not None and found == seen
                if not in_turn or is_hanging or now - began >= _TURNS * wait_s:  # at once, where that is nothing
                    return False
                seen, next_look = found, now + wait_s
            time.sleep(min(pause_s, next_look - now))
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        else:
            return True


def _is_current(parent_fd: int, path: str, fd: int) -> bool:
    try:
        fresh = os.stat(path, dir_fd=parent_fd, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return False  # retired while we waited: the next round says so, or finds the id's next life
    held = os.fstat(fd)
    return (fresh.st_dev, fresh.st_ino) == (held.st_dev, held.st_ino)


def holder(parent_fd: int, name: str, lock_name: str, proc: str = "/proc") -> int | None:
    """The pid that /proc/locks names as the lock's holder; None where it names none that we can see."""
    try:
        return _named(os.stat(f"{name}/{lock_name}", dir_fd=parent_fd, follow_symlinks=False), proc)
    except OSError:
        return None  # it is for a message only


def _holder_of(fd: int) -> int | None:
    try:
        return _named(os.fstat(fd), "/proc")
    except OSError:
        return None


def _named(found: os.stat_result, proc: str) -> int | None:
    text = _read_locks(f"{proc}/locks")
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    for line in text.splitlines():
        fields = line.split()
        if len(fields) > 5 and fields[5] == place and fields[1] == "FLOCK":
            return int(fields[4]) if int(fields[4]) > 0 else None
    return None


def _read_locks(path: str) -> str:
    """All of /proc/locks, which a read gives out by a page at a time."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    chunks = []
    try:
        while chunk := os.read(fd, _CHUNK_BYTES):
            chunks.append(chunk)
    finally:
        os.close(fd)
    return b"".join(chunks).decode()
