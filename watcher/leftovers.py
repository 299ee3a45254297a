"""The private directories of watchers whose root is gone: a watcher that starts removes them.

    <run>/opencontainer/watcher/    ours, and nobody else may write there, or nothing is touched
      <digest>/                     ours too; no watcher holds its lock
        root                        a symbolic link to the root that it is for; the digest is of this very path
      <digest>.gone                 on its way out: whoever began that has died

The lock is taken before the root is looked for, and held until the directory has its other name.  Whoever waits for the
lock of a directory that has gone meanwhile makes a new one: instance.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
from typing import TYPE_CHECKING

from runtime.store import address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK = "instance.lock"
ROOT = "root"
GONE_SUFFIX = ".gone"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def name_root(private: Path, root: str) -> None:
    """Say in ``private`` which root it is for; whoever calls holds its lock.  OSError."""
    path = os.path.realpath(root)
    link = private / ROOT
    with contextlib.suppress(OSError):
        if os.readlink(link) == path:
            return
    link.unlink(missing_ok=True)
    link.symlink_to(path)


def sweep(private: Path) -> None:
    """Remove those beside ``private`` that nobody needs any more; what can't be removed stays."""
    with contextlib.suppress(OSError), _opened(os.fspath(private.parent)) as place:
        for name in os.listdir(place):
            if name == private.name or not _is_digest(name.removesuffix(GONE_SUFFIX)):
                continue
            with contextlib.suppress(OSError):
                if name.endswith(GONE_SUFFIX) or _put_aside(place, name):
                    shutil.rmtree(f"{name.removesuffix(GONE_SUFFIX)}{GONE_SUFFIX}", dir_fd=place)


def _is_digest(name: str) -> bool:
    return len(name) == address.DIGEST_DIGITS and not name.strip("0123456789abcdef")


@contextlib.contextmanager
def _opened(path: str, parent: int | None = None) -> Iterator[int]:
    """The fd of a directory that is ours alone to write.  PermissionError: it is not; OSError."""
    fd = os.open(path, _DIRECTORY, dir_fd=parent)
    try:
        found = os.fstat(fd)
        if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_MAY_WRITE:
            raise PermissionError(path)
        yield fd
    finally:
        os.close(fd)


def _put_aside(place: int, name: str) -> bool:
    """Whether the directory has another name now: its root is gone, and no watcher is at work."""
    with _opened(name, place) as directory:
        lock = os.open(LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError: it is somebody's
            root = os.readlink(ROOT, dir_fd=directory)
            if address.digest_of(root) != name or not _is_gone(root):
                return False
            os.rename(name, f"{name}{GONE_SUFFIX}", src_dir_fd=place, dst_dir_fd=place)
            return True
        finally:
            os.close(lock)


def _is_gone(root: str) -> bool:
    """Only where that is certain: a root that can't be looked at may be there."""
    try:
        os.stat(root)
    except (FileNotFoundError, NotADirectoryError):
        return True
    return False
