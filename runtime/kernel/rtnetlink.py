"""Network devices and their addresses, by messages to the kernel (netlink(7), rtnetlink(7)).

    request    header {length, type, flags, sequence, 0}, then ifinfomsg or ifaddrmsg, then attributes
    attribute  {length, type}, its value, up to the next multiple of four
    answer     an error, 0 for success; for a dump a message for each thing, in as many packets as it takes, then `done`

Each namespace has its own devices, and a socket belongs to the one that it was made in.
"""

from __future__ import annotations

import _socket
import os
from _struct import pack, unpack_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NamedTuple
else:
    from runtime.values import NamedTuple

# linux/netlink.h, linux/rtnetlink.h
NETLINK_ROUTE = 0
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_REQUEST = 0x001
NLM_F_ACK = 0x004
NLM_F_EXCL = 0x200
NLM_F_DUMP = 0x300
NLM_F_CREATE = 0x400
RTM_NEWLINK = 16
RTM_GETLINK = 18
RTM_NEWADDR = 20
RTM_GETADDR = 22
RT_SCOPE_UNIVERSE = 0
# linux/if_link.h, linux/if_addr.h, linux/if.h
IFLA_IFNAME = 3
IFLA_NET_NS_FD = 28
IFA_ADDRESS = 1
IFA_LOCAL = 2
IFA_BROADCAST = 4
IFA_FLAGS = 8
IFA_RT_PRIORITY = 9
IFA_F_NODAD = 0x02
IFA_F_HOMEADDRESS = 0x10
IFA_F_PERMANENT = 0x80
IFA_F_MANAGETEMPADDR = 0x100
IFA_F_NOPREFIXROUTE = 0x200
IFF_UP = 1

_KEPT_ATTRIBUTES = (IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_RT_PRIORITY)  # the label holds the device's old name
_KEPT_FLAGS = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE
_HEADER_BYTES = 16
_INFO_BYTES = 16
_ADDRESS_BYTES = 8
_PACKET_BYTES = 1 << 18


class Link(NamedTuple):
    """A network device of the socket's namespace."""

    ifindex: int
    name: str
    is_up: bool


class Address(NamedTuple):
    """An address of a device, with those of its attributes that mean the same on any device."""

    ifindex: int
    family: int
    prefix: int
    scope: int
    flags: int
    attributes: tuple[tuple[int, bytes], ...]


def open_netlink() -> _socket.socket:
    """A socket to the devices of the network namespace that we are in."""
    flags = _socket.SOCK_RAW | _socket.SOCK_CLOEXEC
    return _socket.socket(_socket.AF_NETLINK, flags, NETLINK_ROUTE)


def links(connection: _socket.socket) -> list[Link]:
    """All devices."""
    found = []
    for kind, body in _dump(connection, RTM_GETLINK, pack("=BxHiII", 0, 0, 0, 0, 0)):
        if kind == RTM_NEWLINK:
            ifindex, flags = unpack_from("=iI", body, 4)
            names = dict(parse_attributes(body[_INFO_BYTES:]))
            found.append(Link(ifindex, os.fsdecode(names[IFLA_IFNAME].rstrip(b"\0")), bool(flags & IFF_UP)))
    return found


def addresses(connection: _socket.socket, ifindex: int) -> list[Address]:
    """All addresses of the device."""
    found = []
    for kind, body in _dump(connection, RTM_GETADDR, pack("=4BI", 0, 0, 0, 0, 0)):
        if kind == RTM_NEWADDR:
            each = parse_address(body)
            if each.ifindex == ifindex:
                found.append(each)
    return found


def parse_address(body: bytes) -> Address:
    """An ifaddrmsg with its attributes."""
    family, prefix, flags, scope, ifindex = unpack_from("=4BI", body, 0)
    attributes = dict(parse_attributes(body[_ADDRESS_BYTES:]))
    if IFA_FLAGS in attributes:
        (flags,) = unpack_from("=I", attributes[IFA_FLAGS], 0)
    kept = tuple((kind, attributes[kind]) for kind in _KEPT_ATTRIBUTES if kind in attributes)
    return Address(ifindex, family, prefix, scope, flags, kept)


def parse_attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of each attribute."""
    offset = 0
    while offset + 4 <= len(data):
        length, kind = unpack_from("=HH", data, offset)
        if length < 4:
            return
        yield kind, data[offset + 4 : offset + length]
        offset += length + 3 & ~3


def move_link(connection: _socket.socket, ifindex: int, name: str, netns_fd: int) -> None:
    """Move the device into the network namespace, where it is called ``name``; ``%d`` in it becomes a number."""
    attributes = attribute(IFLA_NET_NS_FD, pack("=I", netns_fd)) + attribute(IFLA_IFNAME, os.fsencode(name) + b"\0")
    _ask(connection, RTM_NEWLINK, pack("=BxHiII", 0, 0, ifindex, 0, 0) + attributes)


def set_link_up(connection: _socket.socket, ifindex: int) -> None:
    """Let the device send and receive."""
    _ask(connection, RTM_NEWLINK, pack("=BxHiII", 0, 0, ifindex, IFF_UP, IFF_UP))


def add_address(connection: _socket.socket, ifindex: int, address: Address) -> None:
    """Give the address, which another device had, to this one."""
    attributes = b"".join(attribute(kind, value) for kind, value in address.attributes)
    flags = address.flags & _KEPT_FLAGS
    body = pack("=4BI", address.family, address.prefix, flags & 0xFF, address.scope, ifindex)
    attributes += attribute(IFA_FLAGS, pack("=I", flags))
    _ask(connection, RTM_NEWADDR, body + attributes, flags=NLM_F_CREATE | NLM_F_EXCL)


def attribute(kind: int, value: bytes) -> bytes:
    """An attribute, filled up to a multiple of four bytes."""
    return pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def _ask(connection: _socket.socket, kind: int, body: bytes, *, flags: int = 0) -> None:
    """A request that is answered by success or an OSError."""
    _send(connection, kind, flags | NLM_F_ACK, body)
    for _ in _answers(connection):
        continue


def _dump(connection: _socket.socket, kind: int, body: bytes) -> Iterator[tuple[int, bytes]]:
    _send(connection, kind, NLM_F_DUMP, body)
    return _answers(connection)


def _send(connection: _socket.socket, kind: int, flags: int, body: bytes) -> None:
    connection.send(pack("=IHHII", _HEADER_BYTES + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body)


def _answers(connection: _socket.socket) -> Iterator[tuple[int, bytes]]:
    """Type and body of each message, up to the one that ends them.  OSError."""
    while True:
        packet = connection.recv(_PACKET_BYTES)
        offset = 0
        while offset + _HEADER_BYTES <= len(packet):
            length, kind = unpack_from("=IH", packet, offset)
            body = packet[offset + _HEADER_BYTES : offset + length]
            if kind in (NLMSG_ERROR, NLMSG_DONE):
                (result,) = unpack_from("=i", body, 0) if len(body) >= 4 else (0,)
                if result < 0:
                    raise OSError(-result, os.strerror(-result))
                return
            yield kind, body
            offset += length + 3 & ~3
