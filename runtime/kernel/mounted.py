"""What the kernel tells of a mount: what identifies it, and where it lies."""

from __future__ import annotations

from _struct import pack, unpack_from

from runtime.kernel import numbers
from runtime.kernel.libc import address_of, buffer, syscall
from runtime.kernel.process import AT_EMPTY_PATH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from runtime.values import NamedTuple

# linux/stat.h
STATX_INO = 0x100
STATX_MNT_ID = 0x1000
STATX_MNT_ID_UNIQUE = 0x4000
_STATX_BYTES = 256
_INODE_OFFSET = 32
_DEVICE_OFFSET = 136
_MOUNT_OFFSET = 144

# linux/mount.h
STATMOUNT_MNT_POINT = 0x10
_REQUEST_BYTES = 24
_ANSWER_BYTES = 512 + 4096 + 1
_POINT_OFFSET = 108
_TEXTS_OFFSET = 512


class Mounted(NamedTuple):
    """A mount by its number, and by what its root is.

    ``is_unique``: the number is no other mount's until the next boot (Linux 6.8); otherwise the kernel gives it away
    again once the mount is gone, and the root's device and inode have to tell more.
    """

    number: int
    is_unique: bool
    device: int
    inode: int


def mounted_at(fd: int) -> Mounted:
    """The mount that the fd of its root is on; statx(2), Linux 5.8."""
    memory = buffer(_STATX_BYTES)
    wanted = STATX_INO | STATX_MNT_ID | STATX_MNT_ID_UNIQUE
    syscall(numbers.STATX, fd, b"", AT_EMPTY_PATH, wanted, address_of(memory), text=f"statx({fd})")
    found = bytes(memory)
    (mask,) = unpack_from("=I", found, 0)
    (inode,) = unpack_from("=Q", found, _INODE_OFFSET)
    major, minor = unpack_from("=2I", found, _DEVICE_OFFSET)
    (number,) = unpack_from("=Q", found, _MOUNT_OFFSET)
    return Mounted(number, bool(mask & STATX_MNT_ID_UNIQUE), major << 32 | minor, inode)


def mount_point(number: int) -> str | None:
    """Where the mount of that unique number lies in our mount namespace, seen from our root; None where it doesn't.

    statmount(2), Linux 6.8; OSError ENOSYS before.
    """
    request = pack("=2I2Q", _REQUEST_BYTES, 0, number, STATMOUNT_MNT_POINT)
    memory = buffer(_ANSWER_BYTES)
    try:
        syscall(numbers.STATMOUNT, request, address_of(memory), _ANSWER_BYTES, 0, text=f"statmount({number})")
    except FileNotFoundError:
        return None
    answer = bytes(memory)
    (offset,) = unpack_from("=I", answer, _POINT_OFFSET)
    start = _TEXTS_OFFSET + offset
    return answer[start : answer.index(b"\0", start)].decode("utf-8", "surrogateescape")
