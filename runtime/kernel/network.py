"""Network devices: bringing up the loopback of a new network namespace (netdevice(7))."""

from __future__ import annotations

import _socket
import fcntl
from _struct import pack, unpack_from

# linux/sockios.h, net/if.h
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
_NAME_BYTES = 16
_REQUEST_BYTES = 40


def loopback_up() -> None:
    """Set ``lo`` up in the network namespace that we are in."""
    connection = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC, 0)
    try:
        request = bytearray(_REQUEST_BYTES)
        request[:2] = b"lo"
        fcntl.ioctl(connection.fileno(), SIOCGIFFLAGS, request)
        (flags,) = unpack_from("=H", request, _NAME_BYTES)
        request[_NAME_BYTES : _NAME_BYTES + 2] = pack("=H", flags | IFF_UP)
        fcntl.ioctl(connection.fileno(), SIOCSIFFLAGS, request)
    finally:
        connection.close()


def request_up(name: str) -> bytes:
    """What SIOCSIFFLAGS takes to set up a device of which nothing else has been set."""
    return (name.encode().ljust(_NAME_BYTES, b"\0") + pack("=H", IFF_UP)).ljust(_REQUEST_BYTES, b"\0")
