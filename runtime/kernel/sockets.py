"""File descriptors over Unix sockets (unix(7), SCM_RIGHTS)."""

from __future__ import annotations

import os

import _socket
from _struct import pack, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_FD_BYTES = 4


def send_fds(connection: _socket.socket, data: bytes, fds: Sequence[int]) -> None:
    """Send ``data``, not empty, with ``fds``."""
    rights = pack(f"={len(fds)}i", *fds)
    connection.sendmsg([data], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])


def receive_fds(connection: _socket.socket, size: int, max_fds: int) -> tuple[bytes, list[int]]:
    """At most ``size`` bytes and the CLOEXEC fds that came with them; OSError where the kernel cut either."""
    data, ancillary, flags, _ = connection.recvmsg(
        size, _socket.CMSG_SPACE(max_fds * _FD_BYTES), _socket.MSG_CMSG_CLOEXEC
    )
    fds: list[int] = []
    for level, kind, payload in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            count = len(payload) // _FD_BYTES
            fds += unpack(f"={count}i", payload[: count * _FD_BYTES])
    if flags & (_socket.MSG_CTRUNC | _socket.MSG_TRUNC):
        for fd in fds:
            os.close(fd)
        raise OSError(90, "recvmsg: the message was cut")
    return data, fds
