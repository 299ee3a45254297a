"""Unmounting a container's root in a mount namespace that others share.

A process of its own enters that namespace: of what it finds there it trusts nothing but the kernel's number of the
mount, imports nothing, and can't be looked into.  The mount is opened without following symbolic links, compared, and
detached by what was opened, so that no other is ever struck.

Source: umount2(2), statmount(2), setns(2).
"""

from __future__ import annotations

import errno
import os

from runtime.kernel import mount, process
from runtime.kernel.files import RESOLVE_NO_SYMLINKS, openat2
from runtime.kernel.mounted import mount_point, mounted_at
from runtime.sandbox import gate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from runtime.sandbox.rootfs import RootMount

FIRST_FD = 3


def detach(root: RootMount, namespace_fd: int | None) -> None:
    """Detach the mount, and what lies beneath, in the namespace of the fd or in our own; it may be gone.

    OSError EBUSY: it is there, and something else is mounted over it.
    """
    pid = process.clone3(0)
    if pid == 0:
        _detach_and_exit(root, namespace_fd)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code:
        number = code if code > 0 else errno.EINTR
        raise OSError(number, os.strerror(number))


def _detach_and_exit(root: RootMount, namespace_fd: int | None) -> NoReturn:
    code = errno.EIO
    try:
        process.set_dumpable(False)
        gate.close_imports()
        gate.close_fds(FIRST_FD, () if namespace_fd is None else (namespace_fd,))
        if namespace_fd is not None:
            process.setns(namespace_fd, process.CLONE_NEWNS)
        code = _detach(root)
    except OSError as error:
        code = error.errno or errno.EIO
    finally:
        os._exit(code)


def _detach(root: RootMount) -> int:
    """0 when it is gone, or the number of the error."""
    is_there, path = _look_up(root)
    if path is None:
        return 0
    try:
        fd = openat2(process.AT_FDCWD, path, os.O_PATH | os.O_DIRECTORY, resolve=RESOLVE_NO_SYMLINKS)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
        return errno.EBUSY if is_there else 0
    if mounted_at(fd) != root.mounted:
        return errno.EBUSY if is_there else 0
    os.fchdir(fd)
    mount.umount2(".", mount.MNT_DETACH)
    return 0


def _look_up(root: RootMount) -> tuple[bool, str | None]:
    """Whether the kernel says that it is there, and where to look for it; no place where the kernel knows none."""
    if root.mounted.is_unique:
        try:
            path = mount_point(root.mounted.number)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EPERM):
                raise
            return False, root.path  # a sandbox around us forbids the call: the path has to do
        return path is not None, path
    return False, root.path
