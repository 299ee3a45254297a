"""What was mounted for a container whose mount namespace others share, and taking it away again.

Everything lies beneath one mount, the root's.  Before the first process attaches it, the container's private file
``mount`` tells what identifies it:

    number, isUnique   the kernel's number of the mount, no other's until the next boot (Linux 6.8)
    device, inode      of its root; they tell it from others where the number isn't unique
    path               where to look for it on kernels that don't tell
    namespace, bootId  the mount namespace's inode, and the boot in which these numbers mean something

Only a mount that is all of this is unmounted, and with it what lies beneath, whoever mounted that.  It is looked for in
our own mount namespace, the one that config.json joins, and those of all processes; a namespace that is in none of
these places has gone, and its mounts with it.
"""

from __future__ import annotations

import errno
import os

from runtime import jsontext
from runtime.errors import Fault
from runtime.kernel import procfs
from runtime.kernel.mounted import Mounted
from runtime.sandbox.detaching import detach
from runtime.sandbox.rootfs import RootMount
from runtime.spec.fields import namespace_paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.spec.config import Config


# what says nothing about a place, since nothing could be opened
OUR_OWN_WANT = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EIO)


def note(root: RootMount, proc: str) -> bytes:
    """What the file ``mount`` holds."""
    number, is_unique, device, inode = root.mounted
    return jsontext.encode(
        {
            "number": number,
            "isUnique": is_unique,
            "device": device,
            "inode": inode,
            "path": root.path,
            "namespace": root.namespace,
            "bootId": procfs.boot_id(proc),
        }
    ).encode("utf-8", "surrogateescape")


def unmount(noted: bytes, config: Config | None, proc: str) -> None:
    """Take away what ``noted`` tells of, if it is there.  Fault: it is, and can't be."""
    root = _read(noted, proc)
    if root is None:
        return
    is_found, namespace_fd = _find_namespace(root.namespace, config, proc)
    if not is_found:
        return
    try:
        detach(root, namespace_fd)
    except OSError as error:
        told = f"the container's root, mounted at {root.path}, can't be unmounted: {error.strerror}"
        hint = "unmount what was mounted over it first" if error.errno == errno.EBUSY else ""
        raise Fault(told, hint=hint) from error
    finally:
        if namespace_fd is not None:
            os.close(namespace_fd)


def _read(noted: bytes, proc: str) -> RootMount | None:
    """None where it was not written to its end, so that nothing was mounted, or is of another boot."""
    try:
        found = jsontext.decode(noted)
        if found["bootId"] != procfs.boot_id(proc):
            return None
        mounted = Mounted(int(found["number"]), bool(found["isUnique"]), int(found["device"]), int(found["inode"]))
        return RootMount(int(found["namespace"]), mounted, str(found["path"]))
    except (jsontext.BadJson, KeyError, TypeError, ValueError):
        return None


def _find_namespace(inode: int, config: Config | None, proc: str) -> tuple[bool, int | None]:
    """Whether the mount namespace is there, and its fd unless it is our own."""
    own = os.stat(f"{proc}/self/ns/mnt")
    if own.st_ino == inode:
        return True, None
    joined = namespace_paths(config).get("mount") if config is not None else None
    places = [joined] if joined else []
    places += [f"{proc}/{name}/ns/mnt" for name in os.listdir(proc) if name.isdecimal()]
    for place in places:
        fd = _open_if_it_is(place, own.st_dev, inode)
        if fd is not None:
            return True, fd
    return False, None


def _open_if_it_is(place: str, device: int, inode: int) -> int | None:
    try:
        fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in OUR_OWN_WANT:
            raise
        return None
    found = os.fstat(fd)
    if (found.st_dev, found.st_ino) == (device, inode):
        return fd
    os.close(fd)
    return None
