"""Lists of system calls, for the stub to carry out (stub.py): data, put together by whoever thinks.

The stub knows nothing but how to make system calls in a row.  One list goes with its image: the last calls between the
gate and the program (last_calls.py).  Where a container's first process needs no interpreter to be set up, a longer one
is read from its maker and carried out before the gate (first_calls.py).

    DATA  +0   failure   errno of the call that failed, 0 while none has
          +8   told      how many bytes of it are written to OUTCOME
          +16  scratch   what calls return and nobody needs
          +24  program   the address of its path, which a call may have kept here; 0: what the stub was told
          +32  calls
          ...  what the arguments point to

    call  number      -1: the end, the program is executed; LOOK: no call, its result is what lies at the address in
                      the first argument, as far as the mask in the second one reaches
          arguments   six
          indirect    bit n: argument n is the address where the argument lies
          at least    a result below it is a failure, which ends it all
          at most     with a greater one this process ends with 0: clone has made another, which goes on
          keep at     where the result goes, with ``more`` added
          instead     the result with which it goes on at ``other``: an errno, negative, that is to be expected
          next        where it goes on in all other cases
          words       and their length, for OUTCOME where it fails
"""

from __future__ import annotations

import errno
import os
from _struct import Struct, pack_into

from runtime.kernel.libc import address_of, buffer, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

FAILURE = 0
TOLD = 8
SCRATCH = 16
PROGRAM = 24
CALLS = 32
ERRNO_BYTES = 4
LOOK = -2
ALL_BITS = -1
ANY_RESULT = (1 << 63) - 1
NO_RESULT = -1 << 63
WHATEVER = -1 << 62  # as the least result: a failure is none
_CALL = Struct("=q6qQqqQqqQQQQ")
_pack = _CALL.pack
CALL_BYTES = _CALL.size
_END = _pack(-1, *(0,) * 16)
_OTHER, _NEXT = 104, 112
_SLOT = bytes(8)
_PADDING = tuple(bytes(-length % 8) for length in range(8))


class Kept(int):
    """The address at which a call keeps its result, in place of one of the first three arguments: that result."""


class Calls:
    """A list under construction: its calls will lie at ``calls_at``, what they point to at ``texts_at``.

    ``base`` is the address of DATA.  What ``add`` returns stands for that call.
    """

    def __init__(self, base: int, calls_at: int, texts_at: int) -> None:
        self.base = base
        self._scratch = base + SCRATCH
        self._calls_at = calls_at
        self._texts_at = texts_at
        self._calls = bytearray()
        self._texts = bytearray()

    def here(self) -> int:
        """The address of the call that is added next."""
        return self._calls_at + len(self._calls)

    def hold(self, content: bytes) -> int:
        """The address at which ``content`` will lie."""
        texts = self._texts
        address = self._texts_at + len(texts)
        texts += content
        texts += _PADDING[len(content) % 8]
        return address

    def add(
        self,
        number: int,
        first: int = 0,
        second: int = 0,
        third: int = 0,
        fourth: int = 0,
        fifth: int = 0,
        sixth: int = 0,
        *,
        at_least: int = 0,
        at_most: int = ANY_RESULT,
        keep_at: int = 0,
        more: int = 0,
        instead: int = NO_RESULT,
        words: str = "",
    ) -> int:
        """Append a call; one that returns less than ``at_least`` ends it all, told with ``words``.

        More than ``at_most`` ends this process in silence: another one goes on.
        """
        encoded = words.encode()
        calls = self._calls
        added = len(calls)
        calls += _pack(
            number,
            first,
            second,
            third,
            fourth,
            fifth,
            sixth,
            (type(first) is Kept) | (type(second) is Kept) << 1 | (type(third) is Kept) << 2,
            at_least,
            at_most,
            keep_at or self._scratch,
            more,
            instead,
            0,
            self._calls_at + added + CALL_BYTES,
            self.hold(encoded) if encoded else 0,
            len(encoded),
        )
        return added

    def keep(self, number: int, *arguments: int) -> Kept:
        """The same, and what stands for the result in later calls."""
        kept = self.slot()
        self.add(number, *arguments, keep_at=kept)
        return kept

    def slot(self) -> Kept:
        """Where several calls may keep their results."""
        return Kept(self.hold(_SLOT))

    def lead(self, call: int, place: int) -> None:
        """Let a call go on at the address ``place`` where it returns what it is to expect."""
        pack_into("=Q", self._calls, call + _OTHER, place)

    def follow(self, call: int, place: int) -> None:
        """Let a call go on at the address ``place`` in all other cases."""
        pack_into("=Q", self._calls, call + _NEXT, place)

    def argument_of_next(self, index: int, *, after: int = 0) -> int:
        """The address of an argument of the call that is added next, or ``after`` it: where a result may be kept."""
        return self.here() + CALL_BYTES * after + 8 * (1 + index)

    def calls(self) -> bytes:
        """As they have to lie at ``calls_at``."""
        return bytes(self._calls)

    def texts(self) -> bytes:
        """As they have to lie at ``texts_at``."""
        return bytes(self._texts)


class StubCalls(Calls):
    """The list that goes with the stub's image, for memory that will lie at ``base``."""

    LIMIT = 28
    _TEXTS = CALLS + LIMIT * CALL_BYTES

    def __init__(self, base: int) -> None:
        super().__init__(base, base + CALLS, base + self._TEXTS)
        self.told = ERRNO_BYTES

    def data(self) -> bytes:
        """All of it, as it has to lie at ``base``."""
        calls = self.calls() + _END
        if len(calls) > self.LIMIT * CALL_BYTES:
            raise ValueError("the list of calls is full")
        memory = bytearray(self._TEXTS)
        pack_into("=QQQQ", memory, 0, 0, self.told, 0, 0)
        memory[CALLS : CALLS + len(calls)] = calls
        return bytes(memory) + self.texts()


def carry_out(build: Callable[[int], bytes]) -> None:
    """Make the calls of the list that ``build`` puts together for an address, one after the other, as the stub does.

    For machines that the stub has no code for; what the filter does to this interpreter is up to the filter.  OSError,
    its text the words of the call.
    """
    size = len(build(0))
    memory = buffer(size)
    base = address_of(memory)
    memory[:] = build(base)
    place = CALLS
    while True:
        number, *rest = _CALL.unpack_from(memory, place)
        if number < 0:
            return
        _make_call(memory, base, number, rest)
        place += CALL_BYTES


def _make_call(memory: Any, base: int, number: int, rest: Sequence[int]) -> None:
    arguments = rest[:6]
    _, at_least, at_most, keep_at, _, _, _, _, words_at, length = rest[6:]
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
