"""Programs of a few instructions, for filters under which no C library could start (x86_64)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BASE = 0x400000
_HEADERS_BYTES = 64 + 56
_EXIT_GROUP = 231
_SYSCALL = b"\x0f\x05"
_TRAP = b"\x0f\x0b"  # ud2: what is there to do where even exit_group is forbidden


def write_program(path: Path, code: bytes) -> None:
    """An ELF file that runs ``code``."""
    size = _HEADERS_BYTES + len(code)
    header = b"\x7fELF\2\1\1" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, _BASE + _HEADERS_BYTES, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    header += struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    path.write_bytes(header + code)
    path.chmod(0o755)


def exits_with(code: int) -> bytes:
    """exit_group(code)."""
    return _load_edi(code) + _exit()


def exits_with_errno_of(number: int) -> bytes:
    """exit_group(the errno of a system call without arguments that matter), 0 where it succeeds."""
    zeroed = b"\x31\xff\x31\xf6\x31\xd2"  # xor edi, edi; xor esi, esi; xor edx, edx
    call = b"\xb8" + number.to_bytes(4, "little") + _SYSCALL
    negated = b"\xf7\xd8\x89\xc7"  # neg eax; mov edi, eax
    positive = b"\x85\xff\x79\x02\x31\xff"  # test edi, edi; jns over; xor edi, edi
    return zeroed + call + negated + positive + _exit()


def _load_edi(value: int) -> bytes:
    return b"\xbf" + value.to_bytes(4, "little")


def _exit() -> bytes:
    return b"\xb8" + _EXIT_GROUP.to_bytes(4, "little") + _SYSCALL + _TRAP
