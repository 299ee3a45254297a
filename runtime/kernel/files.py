"""Files: openat2, renames that fail where something is, sealed memory, preallocation, file system types."""

from __future__ import annotations

import fcntl
import os
from _struct import pack, unpack_from

from runtime.kernel import numbers
from runtime.late import Late

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.kernel import libc
else:
    libc = Late("runtime.kernel.libc")  # a command that only reads makes no such call

# linux/openat2.h
RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

# fcntl.h: relative to the working directory; absolute paths need no directory fd
AT_FDCWD = -100

# linux/fs.h
RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2

# linux/memfd.h, linux/fcntl.h
MFD_CLOEXEC = 1
MFD_ALLOW_SEALING = 2
MFD_NOEXEC_SEAL = 8
MFD_EXEC = 16
F_ADD_SEALS = 1033
F_GET_SEALS = 1034
F_SEAL_SEAL = 1
F_SEAL_SHRINK = 2
F_SEAL_GROW = 4
F_SEAL_WRITE = 8
F_SEAL_FUTURE_WRITE = 16

# linux/magic.h
PROC_SUPER_MAGIC = 0x9FA0
SYSFS_MAGIC = 0x62656572
DEVPTS_SUPER_MAGIC = 0x1CD1
CGROUP_SUPER_MAGIC = 0x27E0EB
CGROUP2_SUPER_MAGIC = 0x63677270
CGROUPFS = (CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC)
NSFS_MAGIC = 0x6E736673
PIPEFS_MAGIC = 0x50495045
OVERLAYFS_SUPER_MAGIC = 0x794C7630

_STATFS_BYTES = 120
_DIRECTORY_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPENAT2_TRIES = 256


def openat2(dir_fd: int, path: str, flags: int, mode: int = 0, resolve: int = 0) -> int:
    """open(2) with a say in how ``path`` is resolved (RESOLVE_*); the fd is CLOEXEC.  openat2(2), Linux 5.6.

    A ``..`` under RESOLVE_BENEATH or RESOLVE_IN_ROOT fails with EAGAIN if anything on the whole host is renamed or
    mounted at that moment, so it is tried again; an attacker who renames without end wins a failure, nothing else.
    """
    how = pack("=3Q", flags | os.O_CLOEXEC, mode, resolve)
    encoded = path.encode("utf-8", "surrogateescape")
    tries = _OPENAT2_TRIES if resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT) else 1
    while True:
        tries -= 1
        try:
            return libc.syscall(numbers.OPENAT2, dir_fd, encoded, how, len(how), text=f"openat2({path})")
        except BlockingIOError:
            if not tries:
                raise


def open_within(dir_fd: int, path: str, flags: int) -> int:
    """open(2) of ``path``, one name or two, in the directory ``dir_fd``: no symbolic link is followed.  CLOEXEC.

    What openat2 does with RESOLVE_NO_SYMLINKS, but that a link in the place of the first name is ENOTDIR.
    """
    head, slash, name = path.partition("/")
    if not slash:
        return os.open(head, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
    directory = os.open(head, _DIRECTORY_FLAGS, dir_fd=dir_fd)
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    finally:
        os.close(directory)


def is_named(fd: int, path: str) -> bool:
    """Whether no link was followed on the way to ``fd``: the kernel names it as we did.  False without a /proc."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}") == path
    except OSError:
        return False


def renameat2(old_dir_fd: int, old: str, new_dir_fd: int, new: str, flags: int = 0) -> None:
    """rename(2) with RENAME_NOREPLACE or RENAME_EXCHANGE."""
    libc.syscall(
        numbers.RENAMEAT2,
        old_dir_fd,
        os.fsencode(old),
        new_dir_fd,
        os.fsencode(new),
        flags,
        text=f"rename({old}, {new})",
    )


def memfd_create(name: str, flags: int) -> int:
    """An fd of anonymous memory; memfd_create(2)."""
    return libc.syscall(numbers.MEMFD_CREATE, name.encode(), flags, text=f"memfd_create({name})")


def seal(fd: int, seals: int) -> None:
    """Forbid for good what the F_SEAL_* in ``seals`` say."""
    fcntl.fcntl(fd, F_ADD_SEALS, seals)


def fallocate(fd: int, length: int) -> None:
    """Reserve ``length`` bytes of real blocks."""
    os.posix_fallocate(fd, 0, length)


def let_go(*fds: int) -> None:
    """Close what nothing was written through: it is closed whatever close(2) answers, and the work is done."""
    for fd in fds:
        try:
            os.close(fd)
        except OSError:
            continue


def statfs_type(fd: int) -> int:
    """The magic number of the file system that ``fd`` lies on (statfs(2), f_type)."""
    memory = libc.buffer(_STATFS_BYTES)
    libc.syscall(numbers.FSTATFS, fd, libc.address_of(memory), text=f"fstatfs({fd})")
    (magic,) = unpack_from("=q", bytes(memory), 0)
    return int(magic) & 0xFFFFFFFF
