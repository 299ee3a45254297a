"""What network interfaces have sent and received (/proc/<pid>/net/dev, proc_pid_net(5))."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from runtime.values import NamedTuple

LOOPBACK = "lo"
_READ_BYTES = 65536
# columns behind the name
_RECEIVED, _SENT = 0, 8
_COLUMNS = 12


class Counters(NamedTuple):
    """One direction of an interface."""

    bytes: int
    packets: int
    errors: int
    dropped: int


class Interface(NamedTuple):
    """An interface, seen from its network namespace."""

    name: str
    received: Counters
    sent: Counters


def parse_net_dev(text: str) -> list[Interface]:
    """All interfaces of a /proc/<pid>/net/dev; its two lines of headings are passed over."""
    found = []
    for line in text.split("\n"):
        name, colon, rest = line.rpartition(":")  # a name may hold colons itself
        columns = rest.split()
        if not colon or len(columns) < _COLUMNS or not all(column.isdigit() for column in columns):
            continue
        values = [int(column) for column in columns]
        received, sent = (Counters(*values[start : start + 4]) for start in (_RECEIVED, _SENT))
        found.append(Interface(name.strip(), received, sent))
    return found


def interfaces(proc: str, pid: int) -> list[Interface] | None:
    """Those of the process's network namespace; None where it is gone or may not be looked at."""
    try:
        fd = os.open(f"{proc}/{pid}/net/dev", os.O_RDONLY | os.O_CLOEXEC)
        try:
            chunks = []
            while chunk := os.read(fd, _READ_BYTES):
                chunks.append(chunk)
        finally:
            os.close(fd)
    except OSError:
        return None
    return parse_net_dev(b"".join(chunks).decode("utf-8", "surrogateescape"))
