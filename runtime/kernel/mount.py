"""Mounts: the classic calls, and those on file descriptors (Linux 5.2 and later)."""

from __future__ import annotations

from _struct import pack

from runtime.kernel import numbers
from runtime.kernel.libc import syscall

# linux/mount.h
MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_SYNCHRONOUS = 16
MS_REMOUNT = 32
MS_MANDLOCK = 64
MS_DIRSYNC = 128
MS_NOSYMFOLLOW = 256
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_SILENT = 32768
MS_POSIXACL = 1 << 16
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MS_I_VERSION = 1 << 23
MS_STRICTATIME = 1 << 24
MS_LAZYTIME = 1 << 25

MNT_FORCE = 1
MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8

OPEN_TREE_CLONE = 1
OPEN_TREE_CLOEXEC = 0o2000000
MOVE_MOUNT_F_EMPTY_PATH = 0x04
MOVE_MOUNT_T_EMPTY_PATH = 0x40

MOUNT_ATTR_RDONLY = 0x01
MOUNT_ATTR_NOSUID = 0x02
MOUNT_ATTR_NODEV = 0x04
MOUNT_ATTR_NOEXEC = 0x08
MOUNT_ATTR__ATIME = 0x70
MOUNT_ATTR_RELATIME = 0x00
MOUNT_ATTR_NOATIME = 0x10
MOUNT_ATTR_STRICTATIME = 0x20
MOUNT_ATTR_NODIRATIME = 0x80
MOUNT_ATTR_IDMAP = 0x00100000
MOUNT_ATTR_NOSYMFOLLOW = 0x00200000

FSOPEN_CLOEXEC = 1
FSMOUNT_CLOEXEC = 1
FSPICK_CLOEXEC = 1
FSPICK_EMPTY_PATH = 8
FSCONFIG_SET_FLAG = 0
FSCONFIG_SET_STRING = 1
FSCONFIG_SET_FD = 5
FSCONFIG_CMD_CREATE = 6
FSCONFIG_CMD_RECONFIGURE = 7

ATTRIBUTES_BYTES = 32


def mount(source: str | None, target: str, fstype: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    syscall(
        numbers.MOUNT,
        _path(source),
        _path(target),
        _path(fstype),
        flags,
        _path(data),
        text=f"mount({fstype or source or 'none'}, {target})",
    )


def umount2(target: str, flags: int = 0) -> None:
    """umount2(2)."""
    syscall(numbers.UMOUNT2, _path(target), flags, text=f"umount({target})")


def pivot_root(new_root: str, put_old: str) -> None:
    """pivot_root(2)."""
    syscall(numbers.PIVOT_ROOT, _path(new_root), _path(put_old), text=f"pivot_root({new_root})")


def open_tree(dir_fd: int, path: str, flags: int) -> int:
    """An fd of a mount, with OPEN_TREE_CLONE of a detached copy; open_tree(2), Linux 5.2."""
    return syscall(numbers.OPEN_TREE, dir_fd, _path(path), flags, text=f"open_tree({path or dir_fd})")


def move_mount(from_dir_fd: int, from_path: str, to_dir_fd: int, to_path: str, flags: int) -> None:
    """Attach or move a mount; move_mount(2), Linux 5.2."""
    syscall(
        numbers.MOVE_MOUNT,
        from_dir_fd,
        _path(from_path),
        to_dir_fd,
        _path(to_path),
        flags,
        text=f"move_mount({to_path or to_dir_fd})",
    )


def mount_setattr(
    dir_fd: int,
    path: str,
    flags: int,
    *,
    attr_set: int = 0,
    attr_clr: int = 0,
    propagation: int = 0,
    userns_fd: int = 0,
) -> None:
    """Change mount attributes, with AT_RECURSIVE of the whole tree; mount_setattr(2), Linux 5.12."""
    syscall(
        numbers.MOUNT_SETATTR,
        dir_fd,
        _path(path),
        flags,
        attributes_structure(attr_set, attr_clr, propagation, userns_fd),
        ATTRIBUTES_BYTES,
        text=f"mount_setattr({path or dir_fd})",
    )


def attributes_structure(attr_set: int = 0, attr_clr: int = 0, propagation: int = 0, userns_fd: int = 0) -> bytes:
    """What mount_setattr(2) takes."""
    return pack("=4Q", attr_set, attr_clr, propagation, userns_fd)


def fsopen(fstype: str, flags: int = FSOPEN_CLOEXEC) -> int:
    """A new file system context; fsopen(2), Linux 5.2."""
    return syscall(numbers.FSOPEN, _path(fstype), flags, text=f"fsopen({fstype})")


def fsconfig_set_string(fd: int, key: str, value: str) -> None:
    """Set an option with a value."""
    syscall(numbers.FSCONFIG, fd, FSCONFIG_SET_STRING, _path(key), _path(value), 0, text=f"fsconfig({key}={value})")


def fsconfig_set_flag(fd: int, key: str) -> None:
    """Set an option without a value."""
    syscall(numbers.FSCONFIG, fd, FSCONFIG_SET_FLAG, _path(key), None, 0, text=f"fsconfig({key})")


def fsconfig_create(fd: int) -> None:
    """Make the file system."""
    syscall(numbers.FSCONFIG, fd, FSCONFIG_CMD_CREATE, None, None, 0, text="fsconfig(create)")


def fspick(mounted: int) -> int:
    """A context that changes the file system of the mount at the fd; fspick(2), Linux 5.2."""
    return syscall(numbers.FSPICK, mounted, b"", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH, text="fspick")


def fsconfig_reconfigure(fd: int) -> None:
    """Change the file system."""
    syscall(numbers.FSCONFIG, fd, FSCONFIG_CMD_RECONFIGURE, None, None, 0, text="fsconfig(reconfigure)")


def fsmount(fd: int, attributes: int = 0) -> int:
    """A detached mount of a made context; fsmount(2)."""
    return syscall(numbers.FSMOUNT, fd, FSMOUNT_CLOEXEC, attributes, text="fsmount")


def _path(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogateescape")
