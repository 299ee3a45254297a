"""The signals' dispositions and the mask, as execve(2) hands them on; and signals that are read instead of caught."""

from __future__ import annotations

import os
from _struct import iter_unpack, pack

from runtime.kernel import numbers
from runtime.kernel.libc import syscall
from runtime.kernel.process import reset_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Iterable
else:
    import _signal

# sys/signalfd.h
SFD_NONBLOCK = os.O_NONBLOCK
SFD_CLOEXEC = os.O_CLOEXEC
_SIGINFO_FORMAT = "=I124x"  # struct signalfd_siginfo: the number, and what nobody asks for here
_SIGINFO_BYTES = 128
_MOST_AT_ONCE = 64

LIBC_SIGNALS = (32, 33)  # nptl(7): no valid signals for us, and yet a caller can have left them ignored


def reset_signals() -> None:
    """Every signal to its default and none blocked: execve(2) keeps what Python (SIGPIPE) or a caller ignores."""
    for number in changed_signals():
        _signal.signal(number, _signal.SIG_DFL)
    for own in LIBC_SIGNALS:
        reset_signal(own)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())


def changed_signals() -> list[int]:
    """Those that aren't at their default."""
    kept = (_signal.SIGKILL, _signal.SIGSTOP)
    changed = (each for each in _signal.valid_signals() if _signal.getsignal(each) != _signal.SIG_DFL)
    return [each for each in changed if each not in kept]


def signalfd(wanted: Iterable[int]) -> int:
    """A non-blocking CLOEXEC fd that the signals ``wanted`` are read from while they are blocked; signalfd(2)."""
    mask = pack("=Q", sum(1 << (number - 1) for number in wanted))
    return syscall(numbers.SIGNALFD4, -1, mask, len(mask), SFD_NONBLOCK | SFD_CLOEXEC, text="signalfd")


def take_signals(fd: int) -> list[int]:
    """The numbers of those that wait to be read from a ``signalfd``, which are gone after this; none is fine too."""
    try:
        data = os.read(fd, _MOST_AT_ONCE * _SIGINFO_BYTES)
    except BlockingIOError:
        return []
    return [number for (number,) in iter_unpack(_SIGINFO_FORMAT, data)]
