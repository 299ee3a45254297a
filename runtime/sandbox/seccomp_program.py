"""Programs of seccomp(2), instruction by instruction: what is put in front of libseccomp's, and what one may decide.

Source: Documentation/networking/filter.rst and Documentation/userspace-api/seccomp_filter.rst of Linux.
"""

from __future__ import annotations

import errno
from _struct import iter_unpack

from runtime.kernel.seccomp import INSTRUCTION_BYTES, SECCOMP_RET_ERRNO, X32_SYSCALL_BIT, instruction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import NamedTuple
else:
    from runtime.values import NamedTuple

# struct seccomp_data
NUMBER_OFFSET = 0
ARCHITECTURE_OFFSET = 4

# linux/bpf_common.h, linux/filter.h
LD_W_ABS = 0x20
LD_IMM = 0x00
LDX_IMM = 0x01
ST = 0x02
STX = 0x03
JA = 0x05
JEQ_K = 0x15
JGT_K = 0x25
JGE_K = 0x35
JSET_K = 0x45
AND_K = 0x54
RET_K = 0x06
TAX = 0x07
_CONDITIONS = (JEQ_K, JGT_K, JGE_K, JSET_K)
_SILENT = (LDX_IMM, ST, STX, TAX)  # change nothing that is followed here


class Newest(NamedTuple):
    """The highest number of a call that a profile names, on one AUDIT_ARCH_*; None where it names none.

    ``x32`` is that of x86_64's calls with X32_SYSCALL_BIT, without that bit.
    """

    architecture: int
    number: int | None
    x32: int | None = None


def unknown_calls_prologue(newest: Sequence[Newest], *, x86_64: int) -> bytes:
    """Instructions that answer ENOSYS to calls newer than all that a profile names, and pass on to what follows.

    A C library tries a new call first, and an old one only after ENOSYS: a profile that is older than the library, and
    forbids what it doesn't name, would break programs with any other answer.  runc does the same.
    """
    made = b""
    for each in reversed(newest):  # from the end, so that the way to the filter behind it is known
        block = _block(each, x86_64)
        if block:
            block += instruction(JA, len(made) // INSTRUCTION_BYTES)
            made = instruction(JEQ_K, each.architecture, 0, len(block) // INSTRUCTION_BYTES) + block + made
    return instruction(LD_W_ABS, ARCHITECTURE_OFFSET) + made if made else b""


def _block(newest: Newest, x86_64: int) -> bytes:
    """For the calls of one architecture: ENOSYS above its newest; falls through for the others."""
    enosys = instruction(RET_K, SECCOMP_RET_ERRNO | errno.ENOSYS)
    load = instruction(LD_W_ABS, NUMBER_OFFSET)
    if newest.architecture != x86_64:
        if newest.number is None:
            return b""
        return load + instruction(JGT_K, newest.number, 0, 1) + enosys
    made = []
    if newest.number is not None:  # not for what has the bit, nor for -1, which a tracer writes to skip a call
        made += [instruction(JGE_K, X32_SYSCALL_BIT, 2, 0), instruction(JGT_K, newest.number, 0, 1), enosys]
    if newest.x32 is not None:
        last = X32_SYSCALL_BIT | newest.x32
        made += [instruction(JGE_K, 2 * X32_SYSCALL_BIT, 2, 0), instruction(JGT_K, last, 0, 1), enosys]
    return load + b"".join(made) if made else b""


def decisions(program: bytes, architecture: int, number: int) -> set[int]:
    """All that ``program`` may return for the call, whatever its arguments are: SECCOMP_RET_* with their data."""
    code = list(iter_unpack("=HBBI", program))
    known = {NUMBER_OFFSET: number, ARCHITECTURE_OFFSET: architecture}
    found: set[int] = set()
    waiting: list[tuple[int, int | None]] = [(0, None)]
    seen: set[tuple[int, int | None]] = set()
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        position, accumulator = place
        operation, if_true, if_false, operand = code[position]
        if operation == RET_K:
            found.add(operand)
        elif operation == JA:
            waiting.append((position + 1 + operand, accumulator))
        elif operation in _CONDITIONS:
            for taken in _outcomes(operation, accumulator, operand):
                waiting.append((position + 1 + (if_true if taken else if_false), accumulator))
        else:
            waiting.append((position + 1, _after(operation, operand, accumulator, known)))
    return found


def _outcomes(operation: int, accumulator: int | None, operand: int) -> Iterator[bool]:
    if accumulator is None:
        yield True
        yield False
    elif operation == JEQ_K:
        yield accumulator == operand
    elif operation == JGT_K:
        yield accumulator > operand
    elif operation == JGE_K:
        yield accumulator >= operand
    else:
        yield bool(accumulator & operand)


def _after(operation: int, operand: int, accumulator: int | None, known: dict[int, int]) -> int | None:
    """The accumulator after an instruction that doesn't jump; None where it depends on the arguments."""
    if operation == LD_W_ABS:
        return known.get(operand)
    if operation == LD_IMM:
        return operand
    if operation == AND_K:
        return None if accumulator is None else accumulator & operand
    return accumulator if operation in _SILENT else None
