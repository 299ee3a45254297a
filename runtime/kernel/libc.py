"""libc through ``_ctypes`` alone: raw system calls that Python has no function for.

``import ctypes`` costs half of an interpreter's start; its C half costs nothing, and a binding of one function
needs twenty lines of it.
"""

from __future__ import annotations

import _ctypes
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Long(_ctypes._SimpleCData):  # type: ignore[type-arg]
    _type_ = "l"


class _Pointer(_ctypes._SimpleCData):  # type: ignore[type-arg]
    _type_ = "P"


class _Char(_ctypes._SimpleCData):  # type: ignore[type-arg]
    _type_ = "c"


class _Function(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
    _restype_ = _Long


_syscall: Any = _Function(_ctypes.dlsym(_ctypes.dlopen(None, 0), "syscall"))  # type: ignore[arg-type]
_syscall.argtypes = (_Long, *(_Pointer,) * 6)


def syscall(number: int, *arguments: int | bytes | None, text: str) -> int:
    """The result of system call ``number``; on failure an OSError whose text is the call ``text`` and its reason.

    bytes are passed as a pointer to them (NUL-terminated as Python keeps them), None as NULL.
    """
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    result: int = _syscall(number, *padded)
    if result == -1:
        code = _ctypes.get_errno()
        raise OSError(code, f"{text}: {os.strerror(code)}")
    return result


def buffer(size: int) -> Any:
    """``size`` zeroed bytes that the kernel may write to; ``bytes(...)`` reads them."""
    return (_Char * size)()


def address_of(memory: Any) -> int:
    """The address of what ``buffer`` gave; valid as long as that is referenced."""
    address: int = _ctypes.addressof(memory)
    return address


def pointers(texts: list[bytes]) -> tuple[Any, list[Any]]:
    """A NULL-terminated vector of pointers to ``texts``, and what must be referenced while it is used."""
    kept = [_copy(text) for text in texts]
    vector = (_Pointer * (len(texts) + 1))(*(address_of(each) for each in kept))
    return vector, kept


def _copy(text: bytes) -> Any:
    memory: Any = (_Char * (len(text) + 1))()
    memory[: len(text)] = text
    return memory
