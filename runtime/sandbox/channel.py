"""The messages between a command and the process that it makes in a container: one SOCK_SEQPACKET pair.

create, and the first process of a new container:

    parent                                   child
      go {+ fds: the states that hooks and the listener of notifications get, if any} -->
                                                        its identity is on disk, its id maps are written, limits set
                          <-- root {namespace, mount, path}  only in a mount namespace that others share
      proceed             -->                           what is about to be mounted there is on disk
                          <-- mounted                   only where the parent has hooks to run then
      proceed             -->
                          <-- console {} + fd           the terminal's master
                          <-- ready {namespaces}
                          <-- fault {step, errno, detail}  or  hook {pointer, path, outcome, output}
                          <-- end of file               the stub was executed, or all is over

exec, and the process between (join.py), from which the program's process is cloned:

    parent                                   child
                          <-- console {} + fd           the terminal's master
                          <-- fault {step, errno, detail}
                          <-- ready                     its sender is the process that will be the program's
      go                  -->                           its identity is on disk
                          <-- listener {} + fd          whom SCMP_ACT_NOTIFY tells gets it from the parent
                          <-- end of file               the program was executed, or all is over

A message is its kind and fields, each behind its length in four bytes. The states go as memfds, since they hold the
annotations, and those may be longer than a packet. End of file in the child means that its maker is dead: it exits.
"""

from __future__ import annotations

import _socket
import errno
import os
from _struct import pack, unpack_from

from runtime.errors import OUT_OF_MEMORY, Fault, HookFault, InitFault
from runtime.kernel.files import MFD_CLOEXEC, let_go, memfd_create
from runtime.kernel.sockets import receive_fds, send_fds, tell_senders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

GO = b"go"
ROOT = b"root"
MOUNTED = b"mounted"
PROCEED = b"proceed"
CONSOLE = b"console"
READY = b"ready"
LISTENER = b"listener"
FAULT = b"fault"
HOOK = b"hook"

ALIVE_BUT_UNHEARD = 1  # what a first process exits with whose maker is dead
MESSAGE_LIMIT_BYTES = 65536
FIELD_LIMIT_BYTES = 8192
FDS_LIMIT = 3


class Channel:
    """One end; ``closed`` once nobody can speak any more."""

    def __init__(self, connection: _socket.socket) -> None:
        self._connection = connection

    def fileno(self) -> int:
        """The fd, for the list of those to keep."""
        return self._connection.fileno()

    def send(self, kind: bytes, *fields: bytes, fds: Sequence[int] = ()) -> None:
        """Send one message; OSError where the other end is gone."""
        message = encode(kind, *fields)
        if fds:
            send_fds(self._connection, message, fds)
        else:
            self._connection.send(message)

    def send_bytes(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Send what is no message, for a reader that knows; OSError as above."""
        send_fds(self._connection, data, fds)

    def receive_bytes(self) -> tuple[bytes, list[int], int]:
        """What isn't, its fds, and its sender as below; empty at end of file."""
        return receive_fds(self._connection, MESSAGE_LIMIT_BYTES, FDS_LIMIT)

    def receive(self) -> tuple[bytes, list[bytes], list[int]]:
        """The next message: kind, fields, CLOEXEC fds; an empty kind at end of file."""
        kind, fields, fds, _ = self.receive_of()
        return kind, fields, fds

    def receive_of(self) -> tuple[bytes, list[bytes], list[int], int]:
        """The same, and the pid of its sender where the pair tells senders."""
        data, fds, sender = receive_fds(self._connection, MESSAGE_LIMIT_BYTES, FDS_LIMIT)
        parts = _split(data)
        return (parts[0], parts[1:], fds, sender) if parts else (b"", [], fds, sender)

    def close(self) -> None:
        """Close this end; closing it twice is fine."""
        self._connection.close()

    def let_go(self) -> None:
        """The same, whatever close(2) answers."""
        if self._connection.fileno() >= 0:
            let_go(self._connection.detach())


def encode(kind: bytes, *fields: bytes) -> bytes:
    """A message as it is sent; what is too long is cut."""
    parts = (part[:FIELD_LIMIT_BYTES] for part in (kind, *fields))
    return b"".join(pack("=I", len(part)) + part for part in parts)


def make_pair(*, tells_senders: bool = False) -> tuple[Channel, Channel]:
    """Two connected ends, of which the first can tell who sent a message."""
    mine, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC, 0)
    if tells_senders:
        tell_senders(mine)
    return Channel(mine), Channel(theirs)


def _split(data: bytes) -> list[bytes]:
    parts = []
    offset = 0
    while offset < len(data):
        (length,) = unpack_from("=I", data, offset)
        offset += 4
        parts.append(data[offset : offset + length])
        offset += length
    return parts


def hold(text: bytes) -> int:
    """A memfd that holds ``text``, at its start."""
    fd = memfd_create("state", MFD_CLOEXEC)
    view = memoryview(text)
    while view:
        view = view[os.write(fd, view) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def read_held(fd: int) -> bytes:
    """What a memfd holds; closes it."""
    try:
        return os.pread(fd, os.fstat(fd).st_size, 0)
    finally:
        os.close(fd)


def tell_fault(channel: Channel, fault: BaseException, step: str) -> None:
    """Send what happened in ``step``; the parent raises the same."""
    if isinstance(fault, HookFault):
        channel.send(HOOK, *(text.encode() for text in (fault.pointer, fault.path, fault.outcome, fault.output)))
        return
    if isinstance(fault, MemoryError):
        fault = OSError(errno.ENOMEM, OUT_OF_MEMORY)
    number = getattr(fault, "errno", None) or 0
    if isinstance(fault, InitFault):
        step, detail = fault.step, fault.detail
    elif isinstance(fault, OSError):
        detail = f"{step}: {fault.strerror or fault}"
    else:
        detail = f"{step}: {fault}" if isinstance(fault, Fault) else f"{step}: {type(fault).__name__}: {fault}"
    channel.send(FAULT, step.encode(), b"%d" % number, detail.encode("utf-8", "replace"))


def carry_out(
    steps: Sequence[tuple[str, Callable[[Any], None]]], subject: object, parent: Channel, code: int
) -> NoReturn:
    """Take each step with ``subject``; tell ``parent`` what fails, and end the process with ``code``."""
    current = steps[0][0]
    try:
        for name, step in steps:
            current = name
            step(subject)
    except BaseException as fault:  # whatever it is, the parent must hear of it, and this process must end
        try:
            tell_fault(parent, fault, current)
        finally:
            os._exit(code)
    os._exit(code)


def fault_of(kind: bytes, fields: list[bytes]) -> Fault:
    """The fault that a ``fault`` or ``hook`` message tells."""
    texts = [field.decode("utf-8", "replace") for field in fields]
    if kind == HOOK:
        return HookFault(*texts)
    return InitFault(texts[0], int(texts[1]) or None, texts[2])
