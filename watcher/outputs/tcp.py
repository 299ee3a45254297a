"""The TCP sockets that the watcher serves if asked to: on this machine alone, unless the word for more was given.

Whoever reaches such a port reads all that the watcher tells, annotations too; there is no encryption and no password.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from typing import TYPE_CHECKING, NamedTuple

from runtime.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCAL = "localhost"
HIGHEST_PORT = 65535


class Address(NamedTuple):
    """An IP address, and a port; 0 is one that is free."""

    host: str
    port: int


def parse_address(text: str, *, allow_remote: bool) -> Address:
    """``127.0.0.1:9440``, ``[::1]:9440``, ``localhost:9440`` or a bare port.  Fault."""
    name, _, port = text.rpartition(":")
    host = {"": "127.0.0.1", LOCAL: "127.0.0.1"}.get(name, name.removeprefix("[").removesuffix("]"))
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise Fault(f"{text!r} is no address to listen on", hint="write it as 127.0.0.1:9440 or [::1]:9440") from None
    if not (port.isascii() and port.isdigit() and int(port) <= HIGHEST_PORT):
        raise Fault(f"{text!r} has no port", hint="write it as 127.0.0.1:9440 or [::1]:9440")
    if not address.is_loopback and not allow_remote:
        raise Fault(
            f"{text} could be reached from other machines, where everybody could read everything",
            hint="listen on 127.0.0.1, or say --allow-remote if you mean it",
        )
    return Address(host, int(port))


@contextlib.contextmanager
def listening(address: Address) -> Iterator[socket.socket]:
    """A listening, non-blocking socket.  Fault."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen()
        except OSError as error:
            raise Fault(
                f"{shown(address)} can't be listened on: {error.strerror}", hint="name another with --listen"
            ) from error
        listener.setblocking(False)
        yield listener


def shown(address: Address | tuple[str, int]) -> str:
    """As people write it."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
