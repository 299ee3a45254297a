"""The gate from the side of ``start``: two FIFOs in the container's directory.

gate      the waiting process reads one byte of it; nobody holds it any more once the program runs
outcome   the waiting process holds it open for writing, and execve(2) closes it: end of file means "it runs";
          four bytes of errno, and words where there are some, mean that it does not.  It may be memory of that
          process which is read here, and zero until something fails: so nothing is read before the hang-up
"""

from __future__ import annotations

import errno
import os
import select

from runtime.errors import InitFault

GATE = "gate"
OUTCOME = "outcome"
_ERRNO_BYTES = 4
_MESSAGE_BYTES = 8192
# execve(2), of a file that is there and may be executed
_REASONS = {
    errno.ENOENT: "; what its first line or the program itself names to interpret it is missing",
    errno.ENOEXEC: "; it is no program of this machine's, and has no line #! with an interpreter",
}


def is_waiting(dir_fd: int) -> bool | None:
    """Whether somebody waits at the gate; None where there is no gate to ask."""
    try:
        os.close(os.open(GATE, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=dir_fd))
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ENXIO:
            return False
        raise
    return True


def open_gate(dir_fd: int, pidfd: int, program: str) -> None:
    """Let the process of ``pidfd`` execute ``program``; returns once it runs.  InitFault: it could not."""
    outcome = os.open(OUTCOME, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=dir_fd)
    try:
        _write_byte(dir_fd)
        poll = select.poll()
        poll.register(outcome, 0)  # its hang-up is told in any case
        poll.register(pidfd, select.POLLIN)
        poll.poll()
        read_outcome(outcome, program)
    finally:
        os.close(outcome)


def read_outcome(outcome: int, program: str) -> None:
    """Once ``outcome`` is hung up, or the process has ended: InitFault where ``program`` could not be executed."""
    os.set_blocking(outcome, False)
    _judge(b"".join(iter(lambda: _read_left(outcome), b"")), program)


def _write_byte(dir_fd: int) -> None:
    try:
        gate = os.open(GATE, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=dir_fd)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise InitFault("gate", error.errno, "the process that waits for start is gone") from None
        raise
    try:
        os.write(gate, b"\0")
    finally:
        os.close(gate)


def _read_left(outcome: int) -> bytes:
    try:
        return os.read(outcome, _MESSAGE_BYTES)
    except BlockingIOError:
        return b""  # the process has ended, and somebody else still holds the FIFO open: nobody will write any more


def _judge(told: bytes, program: str) -> None:
    """End of file without a fault means success, also where the program has ended since: it was executed."""
    number = int.from_bytes(told[:_ERRNO_BYTES], "little")
    words = told[_ERRNO_BYTES:].decode("utf-8", "replace")
    if not number and not words:
        return
    if not words:
        words = f'exec: "{program}": {os.strerror(number).lower()}{_REASONS.get(number, "")}'
    elif words.endswith(": "):
        words += os.strerror(number)
    raise InitFault("exec", number or None, words)
