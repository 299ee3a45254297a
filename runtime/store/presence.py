"""Whether a watcher is at work for a root, told without asking it.

The watcher holds an exclusive flock on ``<root>/.watcher`` (0600, so that no mere reader can hold or fake it) for as
long as it commits exits there.  The kernel drops the lock with the process, however that ends.  Beside it lies the
socket ``.pidfds`` (handover.py), which it makes anew when it starts.
"""

from __future__ import annotations

import errno
import fcntl
import os

from runtime.store import layout, lock

NAME = ".watcher"
_MODE = 0o600
# not for writing, or the file system could not be remounted read-only as long as a watcher is at work
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
ASKING_WAIT_S = 10.0  # asking takes microseconds: who takes as long as that hangs
_NOBODY = (errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.EISDIR)


def watcher_at_work(root_fd: int) -> bool:
    """Whether a watcher commits exits in this root; False also where we may not look, since then we can't commit.

    What isn't a file of its name belongs to no watcher either: it never stands in the way of an answer.
    """
    try:
        fd = os.open(NAME, _FLAGS | os.O_NONBLOCK, dir_fd=root_fd)
    except OSError as error:
        if error.errno in _NOBODY:
            return False
        raise
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def has_come_since(root_fd: int, container_fd: int) -> bool:
    """Whether a watcher has come after the container was made, and so got nothing from whoever made it."""
    try:
        came = os.stat(layout.PIDFDS, dir_fd=root_fd, follow_symlinks=False).st_mtime_ns
    except OSError:
        return False
    return came > os.stat(layout.ACTION, dir_fd=container_fd).st_mtime_ns


def announce(root_fd: int, *, wait_s: float = ASKING_WAIT_S) -> int:
    """The fd that says so, to be kept open by the watcher; waits out those who are just asking.

    OSError, with who holds it, where somebody hangs in that.
    """
    fd = os.open(NAME, _FLAGS | os.O_CREAT, _MODE, dir_fd=root_fd)
    try:
        os.fchmod(fd, _MODE)
        if not lock.flock(fd, fcntl.LOCK_EX, wait_s, in_turn=True):
            pid = lock.holder(root_fd, ".", NAME)
            raise OSError(errno.EWOULDBLOCK, f"{f'process {pid}' if pid else 'somebody'} holds {NAME}")
    except BaseException:
        os.close(fd)
        raise
    return fd
