"""libseccomp through ``_ctypes`` alone: rules by name to a program for seccomp(2).

Loaded by the first call, since only a config with linux.seccomp pays for it.  Failures are OSErrors, the library's
negative results their errno.  Source: seccomp_init(3), seccomp_rule_add(3), seccomp_export_bpf(3).
"""

from __future__ import annotations

import _ctypes
import os
from _struct import pack, unpack

from runtime.kernel.files import MFD_CLOEXEC, memfd_create
from runtime.kernel.libc import buffer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NamedTuple
else:
    from runtime.values import NamedTuple

LIBRARY = "libseccomp.so.2"
PACKAGE = "libseccomp2"

# enum scmp_filter_attr
SCMP_FLTATR_ACT_BADARCH = 2
SCMP_FLTATR_CTL_OPTIMIZE = 8
OPTIMIZE_BINARY_TREE = 2

_NR_SCMP_ERROR = -1
_VERSION_BYTES = 12


class Comparison(NamedTuple):
    """struct scmp_arg_cmp: an argument, by its number, against ``first``.

    Of SCMP_CMP_MASKED_EQ ``first`` is the mask, and ``second`` what has to be left of the argument.
    """

    argument: int
    operator: int
    first: int
    second: int


class _Int(_ctypes._SimpleCData):  # type: ignore[type-arg]
    _type_ = "i"


class _Unsigned(_ctypes._SimpleCData):  # type: ignore[type-arg]
    _type_ = "I"


class _Pointer(_ctypes._SimpleCData):  # type: ignore[type-arg]
    _type_ = "P"


class _IntFunction(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL
    _restype_ = _Int


class _PointerFunction(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL
    _restype_ = _Pointer


class _Library:
    """The functions that are used, bound."""

    def __init__(self) -> None:
        self.handle = _ctypes.dlopen(LIBRARY, os.RTLD_NOW)
        self.version = self._bind(_PointerFunction, "seccomp_version")
        self.init = self._bind(_PointerFunction, "seccomp_init", _Unsigned)
        self.release = self._bind(_IntFunction, "seccomp_release", _Pointer)
        self.arch_native = self._bind(_IntFunction, "seccomp_arch_native")
        self.arch_exist = self._bind(_IntFunction, "seccomp_arch_exist", _Pointer, _Unsigned)
        self.arch_add = self._bind(_IntFunction, "seccomp_arch_add", _Pointer, _Unsigned)
        self.attr_set = self._bind(_IntFunction, "seccomp_attr_set", _Pointer, _Int, _Unsigned)
        self.resolve = self._bind(_IntFunction, "seccomp_syscall_resolve_name", _Pointer)
        self.resolve_arch = self._bind(_IntFunction, "seccomp_syscall_resolve_name_arch", _Unsigned, _Pointer)
        self.rule_add = self._bind(
            _IntFunction, "seccomp_rule_add_array", _Pointer, _Unsigned, _Int, _Unsigned, _Pointer
        )
        self.export = self._bind(_IntFunction, "seccomp_export_bpf", _Pointer, _Int)

    def _bind(self, kind: Any, name: str, *arguments: type) -> Any:
        function = kind(_ctypes.dlsym(self.handle, name))
        function.argtypes = arguments
        return function


_loaded: _Library | None = None


def _library() -> _Library:
    global _loaded  # noqa: PLW0603 - the one handle of this process
    if _loaded is None:
        _loaded = _Library()
    return _loaded


def version() -> tuple[int, int, int]:
    """The library's version; OSError where it isn't installed."""
    memory = (buffer(_VERSION_BYTES).__class__).from_address(_library().version())
    major, minor, micro = unpack("=3I", bytes(memory))
    return major, minor, micro


def native_architecture() -> int:
    """This machine's, in the terms of seccomp.ARCHITECTURES."""
    return int(_library().arch_native()) & 0xFFFFFFFF


def system_call(name: str) -> int | None:
    """The number that ``name`` has in a rule, or None; negative (not -1) where it is another architecture's."""
    number = int(_library().resolve(name.encode()))
    return None if number == _NR_SCMP_ERROR else number


def system_call_of(architecture: int, name: str) -> int | None:
    """The real number of ``name`` on ``architecture``, or None where that has no such call."""
    number = int(_library().resolve_arch(architecture, name.encode()))
    return None if number < 0 else number


class Filter:
    """A filter under construction, for this machine's architecture to begin with; released by ``with``."""

    def __init__(self, default_action: int) -> None:
        self._library = _library()
        self._context = self._library.init(default_action)
        if not self._context:
            raise OSError(22, f"seccomp_init(0x{default_action:x}): Invalid argument")

    def __enter__(self) -> Filter:
        return self

    def __exit__(self, *_: object) -> None:
        self._library.release(self._context)

    def add_architecture(self, architecture: int) -> None:
        """Let the rules hold for ``architecture`` too; that it is there already is fine."""
        if self._library.arch_exist(self._context, architecture) != 0:
            _check(self._library.arch_add(self._context, architecture), f"seccomp_arch_add(0x{architecture:x})")

    def set_attribute(self, attribute: int, value: int) -> None:
        """Set SCMP_FLTATR_*."""
        _check(self._library.attr_set(self._context, attribute, value), f"seccomp_attr_set({attribute}, {value})")

    def add_rule(self, action: int, number: int, comparisons: Sequence[Comparison] = ()) -> None:
        """``action`` for calls of ``number`` of which all ``comparisons`` hold."""
        data = b"".join(pack("=IIQQ", *comparison) for comparison in comparisons)
        result = self._library.rule_add(self._context, action, number, len(comparisons), data)
        _check(result, f"seccomp_rule_add(0x{action:x}, {number})")

    def export(self) -> bytes:
        """The program for seccomp(2)."""
        fd = memfd_create("seccomp", MFD_CLOEXEC)
        try:
            _check(self._library.export(self._context, fd), "seccomp_export_bpf")
            return os.pread(fd, os.fstat(fd).st_size, 0)
        finally:
            os.close(fd)


def _check(result: int, text: str) -> None:
    if result < 0:
        raise OSError(-result, f"{text}: {os.strerror(-result)}")
