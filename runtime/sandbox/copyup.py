"""tmpcopyup: a tmpfs begins with what lay in the directory that it covers.

    directory, file      made anew, with owner, mode, times and extended attributes
    symbolic link        made anew, leading wherever it led
    device, FIFO         made anew where mknod(2) is allowed, and left out where it isn't
    socket, other mount  left out: the one is dead without its server, the other is no part of the directory

Names come from the image, so each is opened by its directory's fd, and no link is followed.
"""

from __future__ import annotations

import errno
import os
import stat

from runtime.errors import InitFault
from runtime.kernel.files import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV, openat2

HERE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
PRIVATE = 0o700  # until owner and mode are those of the original
CHUNK_BYTES = 1 << 20
DEPTH_LIMIT = 256  # each level holds two fds open


def copy_up(covered: int, mounted: int) -> None:
    """Copy the directory of the fd ``covered`` with all that is in it to that of ``mounted``.  OSError, InitFault."""
    source = os.open(".", READ | os.O_DIRECTORY, dir_fd=covered)
    try:
        target = os.open(".", READ | os.O_DIRECTORY, dir_fd=mounted)
        try:
            _copy_members(source, target, 0)
        finally:
            os.close(target)
    finally:
        os.close(source)


def _copy_members(source: int, target: int, depth: int) -> None:
    if depth > DEPTH_LIMIT:
        raise InitFault("mounts", errno.ELOOP, f"tmpcopyup: directories are nested deeper than {DEPTH_LIMIT}")
    for name in os.listdir(source):
        found = os.stat(name, dir_fd=source, follow_symlinks=False)
        kind = stat.S_IFMT(found.st_mode)
        if kind in (stat.S_IFDIR, stat.S_IFREG):
            _copy_opened(source, target, name, depth)
        elif kind == stat.S_IFLNK:
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
            os.chown(name, found.st_uid, found.st_gid, dir_fd=target, follow_symlinks=False)
        elif kind != stat.S_IFSOCK:
            _copy_node(target, name, found)


def _copy_opened(source: int, target: int, name: str, depth: int) -> None:
    try:
        original = openat2(source, name, READ, resolve=HERE)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return  # another mount lies there
        raise
    try:
        found = os.fstat(original)  # what was opened, whatever the name has become since
        if stat.S_ISDIR(found.st_mode):
            os.mkdir(name, PRIVATE, dir_fd=target)
            copy = os.open(name, READ | os.O_DIRECTORY, dir_fd=target)
        elif stat.S_ISREG(found.st_mode):
            copy = os.open(name, MAKE, PRIVATE, dir_fd=target)
        else:
            return
        try:
            if stat.S_ISDIR(found.st_mode):
                _copy_members(original, copy, depth + 1)
            else:
                _copy_content(original, copy)
            _copy_attributes(original, copy, found)
        finally:
            os.close(copy)
    finally:
        os.close(original)


def _copy_content(original: int, copy: int) -> None:
    while os.sendfile(copy, original, None, CHUNK_BYTES):
        pass


def _copy_attributes(original: int, copy: int, found: os.stat_result) -> None:
    """Owner first: a change of owner takes set-uid bits and file capabilities away."""
    os.fchown(copy, found.st_uid, found.st_gid)
    os.fchmod(copy, stat.S_IMODE(found.st_mode))
    for name in _names_of_attributes(original):
        try:
            os.setxattr(copy, name, os.getxattr(original, name))
        except OSError:
            continue  # a file system's own, which tmpfs doesn't know or we may not set
    os.utime(copy, ns=(found.st_atime_ns, found.st_mtime_ns))


def _names_of_attributes(original: int) -> list[str]:
    try:
        return os.listxattr(original)
    except OSError:
        return []  # a file system without any


def _copy_node(target: int, name: str, found: os.stat_result) -> None:
    try:
        os.mknod(name, found.st_mode, found.st_rdev, dir_fd=target)
    except PermissionError:
        return
    os.chown(name, found.st_uid, found.st_gid, dir_fd=target, follow_symlinks=False)
