"""Security modules: which are at work, and a process's own attributes under /proc/<pid>/attr (proc_pid_attr(5))."""

from __future__ import annotations

import os

from runtime.kernel import mount
from runtime.kernel.files import PROC_SUPER_MAGIC, statfs_type
from runtime.kernel.process import AT_FDCWD

SELINUX_MAGIC = 0xF97CFF8C  # linux/magic.h


def has_apparmor(sys: str = "/sys") -> bool:
    """Whether AppArmor confines programs here."""
    try:
        fd = os.open(f"{sys}/module/apparmor/parameters/enabled", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.read(fd, 1) == b"Y"
    finally:
        os.close(fd)


def has_selinux(sys: str = "/sys") -> bool:
    """Whether SELinux labels programs here."""
    try:
        fd = os.open(f"{sys}/fs/selinux", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return statfs_type(fd) == SELINUX_MAGIC
    finally:
        os.close(fd)


def open_own_attributes(proc: str = "/proc") -> int:
    """A CLOEXEC fd of our own attr directory, cut out of procfs, so that nothing else of it can be reached from there.

    OSError ENOTDIR where it doesn't lie on procfs (CVE-2019-16884, CVE-2025-52881).
    """
    flags = mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC
    fd = mount.open_tree(AT_FDCWD, f"{proc}/self/attr", flags)
    if statfs_type(fd) != PROC_SUPER_MAGIC:
        os.close(fd)
        raise NotADirectoryError(20, f"{proc}/self/attr does not lie on procfs")
    return fd


def has_attribute(attr_fd: int, name: str) -> bool:
    """Whether the kernel has that attribute."""
    try:
        os.stat(name, dir_fd=attr_fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def set_attribute(attr_fd: int, name: str, text: bytes) -> None:
    """Write one of our own attributes."""
    fd = os.open(name, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=attr_fd)
    try:
        os.write(fd, text)
    finally:
        os.close(fd)
