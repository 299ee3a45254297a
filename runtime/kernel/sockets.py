"""File descriptors over Unix sockets (unix(7), SCM_RIGHTS)."""

from __future__ import annotations

import _socket
import errno
import os
from _struct import pack, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATH_LIMIT_BYTES = 107  # of a socket's address, unix(7)
MSG_NOSIGNAL = 0x4000  # bits/socket.h
MSG_CMSG_CLOEXEC = 0x40000000  # recvmsg(2)
SO_PASSCRED = 16  # asm-generic/socket.h
SCM_CREDENTIALS = 2  # linux/socket.h
_FD_BYTES = 4
_UCRED_BYTES = 12


def connect_path(path: str) -> _socket.socket:
    """A CLOEXEC stream socket, connected to ``path``, which may be longer than an address is."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        encoded = os.fsencode(path)
        if len(encoded) <= PATH_LIMIT_BYTES:
            connection.connect(encoded)
        else:
            node = os.open(encoded, os.O_PATH | os.O_CLOEXEC)
            try:
                connection.connect(f"/proc/self/fd/{node}")
            finally:
                os.close(node)
        return connection
    except BaseException:
        connection.close()
        raise


def send_fds(connection: _socket.socket, data: bytes, fds: Sequence[int]) -> None:
    """Send ``data``, not empty, with ``fds``."""
    rights = pack(f"={len(fds)}i", *fds)
    connection.sendmsg([data], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])


def tell_senders(connection: _socket.socket) -> None:
    """Have each message that arrives from now on tell whose it is: see ``receive_fds``."""
    connection.setsockopt(_socket.SOL_SOCKET, SO_PASSCRED, 1)


def receive_fds(connection: _socket.socket, size: int, max_fds: int) -> tuple[bytes, list[int], int]:
    """At most ``size`` bytes, ``max_fds`` CLOEXEC fds that came with them, and the sender's pid; OSError EMSGSIZE.

    The pid is that of our pid namespace, and 0 where it has none there, or nobody asked for it (``tell_senders``).
    """
    room = _socket.CMSG_SPACE(max_fds * _FD_BYTES) + _socket.CMSG_SPACE(_UCRED_BYTES)
    data, ancillary, flags, _ = connection.recvmsg(size, room, _socket.MSG_CMSG_CLOEXEC)
    fds: list[int] = []
    sender = 0
    for level, kind, payload in ancillary:
        if level != _socket.SOL_SOCKET:
            continue
        if kind == _socket.SCM_RIGHTS:
            count = len(payload) // _FD_BYTES
            fds += unpack(f"={count}i", payload[: count * _FD_BYTES])
        elif kind == SCM_CREDENTIALS:
            sender = unpack("=3i", payload)[0]
    # CMSG_SPACE rounds up: the kernel may find room for one fd more than was asked for
    if len(fds) > max_fds or flags & (_socket.MSG_CTRUNC | _socket.MSG_TRUNC):
        for fd in fds:
            os.close(fd)
        raise OSError(errno.EMSGSIZE, "recvmsg: the message was larger than expected")
    return data, fds, sender


def message_structures(hold: Callable[[bytes], int], data: bytes) -> tuple[int, int]:
    """The addresses of a struct msghdr for ``data`` with one fd, and of that fd, put into memory by ``hold``."""
    vector = hold(pack("@PN", hold(data), len(data)))
    head = pack("@Nii", _socket.CMSG_LEN(_FD_BYTES), _socket.SOL_SOCKET, _socket.SCM_RIGHTS)
    control = hold(head + bytes(_socket.CMSG_SPACE(_FD_BYTES) - len(head)))
    header = pack("@PIPNPNi", 0, 0, vector, 1, control, _socket.CMSG_SPACE(_FD_BYTES), 0)
    return hold(header), control + len(head)


def receiving_structures(hold: Callable[[bytes], int], room: int, size: int, fds: int) -> int:
    """The address of a struct msghdr that receives ``size`` bytes at the address ``room``, and so many fds."""
    control = _socket.CMSG_SPACE(fds * _FD_BYTES)
    vector = hold(pack("@PN", room, size))
    return hold(pack("@PIPNPNi", 0, 0, vector, 1, hold(bytes(control)), control, 0))
