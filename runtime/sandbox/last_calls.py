"""The system calls between the gate and the program's execve(2), as a list that the stub carries out.

What must come last can't be left to an interpreter: a filter of system calls may forbid what it needs for its next
step, and a security label has to hold for the program, not for the stub. So the list is data, appended to the stub's
image, and the stub knows nothing but how to make system calls in a row.

    order    call                  why there
    close    fcntl                 what the stub was given for this list becomes FD_CLOEXEC
    label    openat, write         before the filter, which may forbid either
    capset                         CAP_SYS_ADMIN leaves the inheritable set, so that execve(2) takes it (confinement.py)
    vmsplice                       a failure behind the filter can be told by a store into memory (see tells_by_memory)
    seccomp                        from here on the profile decides
    sendmsg                        the listener's fd, to whom SCMP_ACT_NOTIFY tells
    execve                         the stub's own

    DATA  +0   failure   errno of the call that failed, 0 while none has
          +8   told      how many bytes of it are written to OUTCOME
          +16  scratch   what calls return and nobody needs
          +24  calls     number, six arguments, the least result that is success, the most with which this process
                         goes on (else it ends with 0: clone has made another, which does), where the result goes,
                         words and their length for OUTCOME; the last has a negative number
          ...  what the arguments point to
"""

from __future__ import annotations

import errno
import os
from _struct import pack, pack_into, unpack_from

from runtime.kernel import numbers
from runtime.kernel.capabilities import capability_structures
from runtime.kernel.libc import address_of, buffer, syscall
from runtime.kernel.sockets import MSG_NOSIGNAL, message_structures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from runtime.kernel import seccomp
    from runtime.sandbox.lsm import Label
    from runtime.sandbox.seccomp import Filter
else:
    from runtime.late import Late

    seccomp = Late("runtime.kernel.seccomp")  # compiling a filter has loaded it

FAILURE = 0
TOLD = 8
SCRATCH = 16
CALLS = 24
CALL_BYTES = 96
CALLS_LIMIT = 20
ERRNO_BYTES = 4
ANY_RESULT = (1 << 63) - 1
# fcntl.h
O_WRONLY_CLOEXEC = 0o2000001
F_SETFD = 2
FD_CLOEXEC = 1
_BLOBS = CALLS + CALLS_LIMIT * CALL_BYTES


class LastCalls:
    """A list under construction, for memory that will lie at ``base``."""

    def __init__(self, base: int) -> None:
        self._base = base
        self._calls: list[bytes] = []
        self._blobs = b""
        self._told = ERRNO_BYTES

    def hold(self, content: bytes) -> int:
        """The address at which ``content`` will lie."""
        address = self._base + _BLOBS + len(self._blobs)
        self._blobs += content + bytes(-len(content) % 8)
        return address

    def add(
        self,
        number: int,
        *arguments: int,
        at_least: int = 0,
        at_most: int = ANY_RESULT,
        keep_at: int | None = None,
        words: str = "",
    ) -> None:
        """Append a call; one that returns less than ``at_least`` ends it all, told with ``words``.

        More than ``at_most`` ends this process in silence: another one goes on.
        """
        if len(self._calls) == CALLS_LIMIT - 1:
            raise ValueError("the list of last calls is full")
        encoded = words.encode()
        six = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
        self._calls.append(
            pack(
                "=q6qqqQQQ",
                number,
                *six,
                at_least,
                at_most,
                self._base + SCRATCH if keep_at is None else keep_at,
                self.hold(encoded) if encoded else 0,
                len(encoded),
            )
        )

    def argument_of_next(self, index: int, *, after: int = 0) -> int:
        """The address of an argument of the call that is added next, or ``after`` it: where a result may be kept."""
        return self._base + CALLS + CALL_BYTES * (len(self._calls) + after) + 8 * (1 + index)

    def close_on_exec(self, fd: int) -> None:
        """Let the program not have ``fd``, which the list needs and the stub had to be given."""
        self.add(numbers.FCNTL, fd, F_SETFD, FD_CLOEXEC, words="exec: a file descriptor can't be kept back: ")

    def tell_by_memory(self, outcome_fd: int) -> None:
        """Let the reader of ``outcome_fd`` see the errno of a failure that comes later, without a further call.

        vmsplice(2) puts the memory itself into the pipe, not a copy of it.
        """
        vector = self.hold(pack("=QQ", self._base + FAILURE, ERRNO_BYTES))
        self.add(numbers.VMSPLICE, outcome_fd, vector, 1, 0, at_least=ERRNO_BYTES, words="exec: no word can be kept: ")
        self._told = 0

    def data(self) -> bytes:
        """All of it, as it has to lie at ``base``."""
        memory = bytearray(_BLOBS)
        pack_into("=QQQ", memory, 0, 0, self._told, 0)
        calls = b"".join((*self._calls, pack("=q", -1)))
        memory[CALLS : CALLS + len(calls)] = calls
        return bytes(memory) + self._blobs


def add_label(calls: LastCalls, label: Label, attr_fd: int) -> None:
    """Have ``label`` hold from the next execve(2) on; ``attr_fd`` is /proc/<pid>/attr of the process itself.

    It is opened here since the kernel lets only the program write that has opened the file.
    """
    path = calls.hold(label.attribute.encode() + b"\0")
    told = f"{label.place} can't be set: "
    calls.add(
        numbers.OPENAT, attr_fd, path, O_WRONLY_CLOEXEC, 0, keep_at=calls.argument_of_next(0, after=1), words=told
    )
    text = calls.hold(label.text)
    calls.add(numbers.WRITE, -1, text, len(label.text), at_least=len(label.text), words=told)


def add_capabilities(calls: LastCalls, held: int, inheritable: int) -> None:
    """Set both, effective and permitted, to ``held``; what isn't ``inheritable`` leaves the ambient set as well."""
    header, sets = (calls.hold(each) for each in capability_structures(held, held, inheritable))
    calls.add(numbers.CAPSET, header, sets, words="capabilities: CAP_SYS_ADMIN can't be given up: ")


def add_filter(calls: LastCalls, made: Filter, *, listener_fd: int | None = None, state: bytes = b"") -> None:
    """Load the filter; with a listener, send its fd with ``state`` over the connected socket ``listener_fd``."""
    program = calls.hold(seccomp.program_of(calls.hold(made.program), len(made.program)))
    told = "config.json#/linux/seccomp: the filter can't be loaded: "
    if made.listener is None or listener_fd is None:
        calls.add(numbers.SECCOMP, seccomp.SECCOMP_SET_MODE_FILTER, made.flags, program, words=told)
        return
    header, fd_at = message_structures(calls.hold, state)
    calls.add(numbers.SECCOMP, seccomp.SECCOMP_SET_MODE_FILTER, made.flags, program, keep_at=fd_at, words=told)
    told = f"config.json#/linux/seccomp/listenerPath: nothing can be sent to {made.listener.path}: "
    calls.add(numbers.SENDMSG, listener_fd, header, MSG_NOSIGNAL, at_least=len(state), words=told)


def carry_out(build: Callable[[int], bytes]) -> None:
    """Make the calls of the list that ``build`` puts together for an address, as the stub does.

    For machines that the stub has no code for; what the filter does to this interpreter is up to the filter.  OSError,
    its text the words of the call.
    """
    size = len(build(0))
    memory = buffer(size)
    base = address_of(memory)
    memory[:] = build(base)
    place = CALLS
    while True:
        number, *rest = unpack_from("=q6qqqQQQ", memory, place)
        if number < 0:
            return
        _make_call(memory, base, number, rest)
        place += CALL_BYTES


def _make_call(memory: Any, base: int, number: int, rest: list[int]) -> None:
    *arguments, at_least, at_most, keep_at, words_at, length = rest
    try:
        result = syscall(number, *arguments, text="")
    except OSError as error:
        start = words_at - base
        words = bytes(memory[start : start + length]).decode() if length else ""
        raise OSError(error.errno, words) from None
    if result < at_least:
        raise OSError(errno.EIO, "less was done than asked for")
    if result > at_most:
        os._exit(0)
    pack_into("=q", memory, keep_at - base, result)
