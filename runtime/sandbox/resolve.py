"""Paths inside the container's root, which its image and its neighbours control, opened so that none leads out of it.

Every component is resolved by the kernel with the root as its ``/`` (openat2(2), RESOLVE_IN_ROOT), and no magic link
of procfs is followed (CVE-2021-30465, CVE-2024-45310). What comes back is an O_PATH fd, and everything after works on
that fd: a path that is looked up twice can be two things.
"""

from __future__ import annotations

import errno
import os
import stat

from runtime.errors import InitFault
from runtime.kernel.files import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, openat2

IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
PLAIN = IN_ROOT | RESOLVE_NO_SYMLINKS
LINK_LIMIT = 40  # path_resolution(7)


def open_in_root(root_fd: int, path: str, *, flags: int = os.O_PATH, follows: bool = True) -> int:
    """An fd of ``path`` as the container would see it; without ``follows`` a symbolic link in it fails with ELOOP."""
    return openat2(root_fd, path.lstrip("/") or ".", flags, resolve=IN_ROOT if follows else PLAIN)


def make_directory(root_fd: int, path: str, mode: int = 0o755, *, links: int = 0) -> int:
    """An O_PATH fd of the directory ``path``; what is missing of it is made, the target of a dangling link too."""
    try:
        return open_in_root(root_fd, path, flags=os.O_PATH | os.O_DIRECTORY)
    except FileNotFoundError:
        pass
    parent, name = _split(path)
    parent_fd = make_directory(root_fd, parent, mode, links=links)
    try:
        try:
            os.mkdir(name, mode, dir_fd=parent_fd)
        except FileExistsError:
            return make_directory(root_fd, _target_of_link(parent_fd, parent, name, links), mode, links=links + 1)
        return openat2(parent_fd, name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, resolve=PLAIN)
    finally:
        os.close(parent_fd)


def make_file(root_fd: int, path: str, *, links: int = 0) -> int:
    """An O_PATH fd of the file ``path``, to mount something on; an empty one is made where there is none."""
    try:
        return open_in_root(root_fd, path)
    except FileNotFoundError:
        pass
    parent, name = _split(path)
    parent_fd = make_directory(root_fd, parent, links=links)
    try:
        try:
            made = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=parent_fd)
        except FileExistsError:
            return make_file(root_fd, _target_of_link(parent_fd, parent, name, links), links=links + 1)
        os.close(made)
        return openat2(parent_fd, name, os.O_PATH | os.O_NOFOLLOW, resolve=PLAIN)
    finally:
        os.close(parent_fd)


def _split(path: str) -> tuple[str, str]:
    """The parent of ``path``, and its last name."""
    parent, _, name = path.rstrip("/").rpartition("/")
    if name in ("", ".", ".."):
        raise OSError(errno.ENOENT, f"{path}: No such file or directory")
    return parent, name


def _target_of_link(parent_fd: int, parent: str, name: str, links: int) -> str:
    """Where the dangling symbolic link ``name`` leads, as a path from the root."""
    found = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        return f"{parent}/{name}"  # somebody made it at the same moment
    if links >= LINK_LIMIT:
        raise OSError(errno.ELOOP, f"{parent}/{name}: Too many levels of symbolic links")
    target = os.readlink(name, dir_fd=parent_fd)
    return target if target[:1] == "/" else f"{parent}/{target}"


def open_plain_directory(root_fd: int, path: str, step: str) -> int:
    """The directory ``path``, made if need be; InitFault where any component is a symbolic link.

    For /proc, /sys and /dev, where a link would lead what the container trusts, or our own writes, somewhere else
    (CVE-2023-27561, CVE-2026-41579).
    """
    os.close(make_directory(root_fd, path))
    try:
        return open_in_root(root_fd, path, flags=os.O_PATH | os.O_DIRECTORY, follows=False)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise InitFault(step, error.errno, f"{path} in the root file system is a symbolic link") from None
