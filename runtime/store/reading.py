"""Records as files: read without a lock, and whole; what isn't a record of the root's owner is told by its name."""

from __future__ import annotations

import errno
import os
import stat

from runtime.errors import BadRecord
from runtime.kernel import files
from runtime.store import layout
from runtime.store.record import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from runtime.store.record import Record

    Taken = TypeVar("Taken")
    Name = TypeVar("Name", str, str | None)

RECORD_LIMIT_BYTES = 1 << 20
# how often one read may be overtaken by the end of a life and the beginning of the next
LIVES_BETWEEN = 100
_READ_FLAGS = os.O_RDONLY | os.O_NONBLOCK
_NOT_THE_RECORDS = (errno.ENOENT, errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def read_current(
    parent_fd: int, name: str, container_id: Name, take: Callable[[bytes, Name], Taken], owner: int | None = None
) -> Taken | None:
    """What ``take`` makes of the record in the directory ``name``, None where that is gone.

    BadRecord where it is there without one.  ``owner`` is that of ``parent_fd``, where that is known.
    """
    for _ in range(LIVES_BETWEEN):
        try:
            return read_as(parent_fd, f"{name}/{layout.STATE}", container_id, take, owner)
        except FileNotFoundError:
            if is_gone(parent_fd, name):
                return None  # or the next life has begun in between: then look again
    raise BadRecord(_shown(name), f"{_shown(name)}/{layout.STATE} is missing")


def read_own(dir_fd: int, container_id: str) -> Record:
    """The record of a directory that is open."""
    try:
        return read_as(dir_fd, layout.STATE, container_id, parse)
    except FileNotFoundError:
        raise BadRecord(container_id, f"{container_id}/{layout.STATE} is missing") from None


def read_as(
    dir_fd: int, path: str, container_id: Name, take: Callable[[bytes, Name], Taken], owner: int | None = None
) -> Taken:
    """What ``take`` makes of the record at ``path``; FileNotFoundError, or BadRecord for what isn't the root's owner's.

    Other than these, an OSError tells of us: that we have too many files open, say.
    """
    try:
        return take(_read_regular(dir_fd, path, owner), container_id)
    except OSError as error:
        if error.errno in _NOT_THE_RECORDS:
            raise
        raise BadRecord(_named(path, container_id), f"state.json can't be read: {error.strerror}") from None
    except BadRecord as fault:
        raise BadRecord(_named(path, container_id), fault.reason) from None


def _named(path: str, container_id: str | None) -> str:
    return _shown(container_id or path.split("/", 1)[0])


def _read_regular(dir_fd: int, path: str, owner: int | None) -> bytes:
    """The content of a regular file that belongs to ``owner``, or to that of ``dir_fd``; OSError, BadRecord."""
    fd = files.open_within(dir_fd, path, _READ_FLAGS)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise BadRecord(path, "state.json is not a regular file")
        if found.st_uid != (os.fstat(dir_fd).st_uid if owner is None else owner):
            raise BadRecord(path, f"state.json belongs to uid {found.st_uid}, and the root does not")
        if found.st_size > RECORD_LIMIT_BYTES:
            raise BadRecord(path, f"state.json is larger than {RECORD_LIMIT_BYTES >> 20} MiB")
        return _read_all(fd, found.st_size)
    finally:
        os.close(fd)


def _shown(name: str) -> str:
    """A name found in the root, for a message of one line: it may be anything that a directory can hold."""
    return name if name.isascii() and name.isprintable() else ascii(name)


def read_private(root_fd: int, path: str) -> bytes:
    """The content of one of a container's private files; OSError."""
    fd = files.open_within(root_fd, path, _READ_FLAGS)
    try:
        return _read_all(fd, os.fstat(fd).st_size)
    finally:
        os.close(fd)


def _read_all(fd: int, size: int) -> bytes:
    data = os.read(fd, size + 1)
    while len(data) < size and (chunk := os.read(fd, size - len(data))):
        data += chunk
    return data


def is_gone(root_fd: int, name: str) -> bool:
    """Whether nothing has that name in the directory ``root_fd``."""
    try:
        os.stat(name, dir_fd=root_fd, follow_symlinks=False)
    except FileNotFoundError:
        return True
    return False
