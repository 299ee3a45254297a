"""One watcher for each root, and a place of its own for it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from typing import TYPE_CHECKING

import filelock

from runtime.errors import BadRoot, Fault
from runtime.store.layout import is_trusted
from runtime.store.presence import announce, watcher_at_work
from runtime.store.store import Store
from watcher import leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watcher.config import Settings

EX_TEMPFAIL = 75  # sysexits.h
DIRECTORY_MODE = 0o700
LOCK_MODE = 0o600
# who removes the directory of a root that was gone holds its lock for some system calls
TRIES = 5
PAUSE_S = 0.05


class AlreadyFollowed(Fault):
    """Another watcher is at work for the root."""

    exit_status = EX_TEMPFAIL

    def __init__(self, root: str) -> None:
        super().__init__(f"another runf-watcher follows {root}", hint="one is enough: ask that one")


@contextlib.contextmanager
def single_instance(settings: Settings) -> Iterator[None]:
    """Hold the lock in the private directory, which the kernel lets go with the process.  AlreadyFollowed, Fault."""
    try:
        lock = _locked(settings.private)
        leftovers.name_root(settings.private, settings.root)
    except filelock.Timeout:
        raise AlreadyFollowed(settings.root) from None
    except OSError as error:
        raise Fault(
            f"the watcher's directory {settings.private} can't be used: {error.strerror}",
            hint="set XDG_RUNTIME_DIR to a directory of yours",
        ) from error
    try:
        leftovers.sweep(settings.private)
        yield
    finally:
        lock.release()


def _locked(private: Path) -> filelock.BaseFileLock:
    """The lock, taken; another watcher may be about to remove the directory, or have done it.  Timeout, OSError."""
    for tried in range(TRIES):
        private.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        try:
            private.chmod(DIRECTORY_MODE)
            lock = filelock.FileLock(private / leftovers.LOCK, mode=LOCK_MODE)
            lock.acquire(timeout=0)
        except (filelock.Timeout, FileNotFoundError):
            if tried == TRIES - 1:
                raise
            time.sleep(PAUSE_S)
            continue
        if _is_held(private):
            return lock
        lock.release()
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(private))


def _is_held(private: Path) -> bool:
    """Whether the lock file that lies there is the one that we hold."""
    try:
        fd = os.open(private / leftovers.LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


@contextlib.contextmanager
def open_root(settings: Settings) -> Iterator[Store]:
    """The root, made where there is none; announced as watched unless we only read.  AlreadyFollowed, BadRoot."""
    with contextlib.closing(Store(settings.root, make=True)) as store:
        if settings.read_only:
            yield store
            return
        with _announced(store):
            yield store


@contextlib.contextmanager
def _announced(store: Store) -> Iterator[None]:
    """Commands leave it to us to record exits from now on."""
    reason = is_trusted(store.root)
    if reason is not None:
        raise BadRoot(
            f"the state root {store.root} could be somebody else's work: {reason}",
            hint="--read-only follows it without writing there",
        )
    if watcher_at_work(store.fds.root):
        raise AlreadyFollowed(store.root)  # another user's, or one with another private directory
    try:
        presence = announce(store.fds.root)
    except OSError as error:
        raise BadRoot(
            f"the state root {store.root} can't be written: {error.strerror}",
            hint="--read-only follows it without writing there",
        ) from error
    try:
        yield
    finally:
        os.close(presence)
