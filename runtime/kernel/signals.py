"""The signals' dispositions and the mask, as execve(2) hands them on."""

from __future__ import annotations

from runtime.kernel.process import reset_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal

LIBC_SIGNALS = (32, 33)  # nptl(7): no valid signals for us, and yet a caller can have left them ignored


def reset_signals() -> None:
    """Every signal to its default and none blocked: execve(2) keeps what Python (SIGPIPE) or a caller ignores."""
    for number in _signal.valid_signals():
        if _signal.getsignal(number) != _signal.SIG_DFL and number not in (_signal.SIGKILL, _signal.SIGSTOP):
            _signal.signal(number, _signal.SIG_DFL)
    for own in LIBC_SIGNALS:
        reset_signal(own)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
