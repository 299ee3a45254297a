"""The foreground of ``run``: our signals and our terminal become the container's, until its first process ends.

    signals   = hold_signals()            before create: what comes from now on waits
    ... create, start ...                 (failed: release_signals(signals), and what waited takes us as usual)
    result    = wait_foreground(...)      what waited is relayed, and all that follows

    signal                                what is done with it
    HUP INT QUIT TERM USR1 ... real-time  sent to the container's process
    CONT                                  sent; the terminal is set up again
    TSTP                                  sent; then we stop too, with the terminal restored, as a job of a shell does
    WINCH                                 with a terminal: the pty takes its size; without: sent
    CHLD                                  every child that ended is reaped: a subreaper gets the container's orphans too
    TTIN TTOU                             left alone: a background job that reads its terminal has to stop
    PIPE XFSZ, SEGV BUS FPE ILL ...       left alone: they tell of ourselves

They stay blocked, and are read from a signalfd, which the loop polls beside the pidfd and the terminal.  So there is no
handler, and nothing is lost between a check and a wait.
"""

from __future__ import annotations

import os
import select

from runtime.kernel.process import pidfd_exit_info, pidfd_send_signal
from runtime.kernel.signals import signalfd, take_signals
from runtime.late import Late

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
    from typing import Any, NamedTuple

    from runtime.kernel import terminal
else:
    import _signal

    from runtime.values import NamedTuple

    terminal = Late("runtime.kernel.terminal")  # hardly anything that machines run has one

OWN_SIGNALS = frozenset(
    (
        *(_signal.SIGKILL, _signal.SIGSTOP),
        *(_signal.SIGTTIN, _signal.SIGTTOU),
        *(_signal.SIGPIPE, _signal.SIGXFSZ),
        *(_signal.SIGSEGV, _signal.SIGBUS, _signal.SIGFPE, _signal.SIGILL, _signal.SIGTRAP, _signal.SIGSYS),
    )
)
CAUGHT_SIGNALS = frozenset(_signal.valid_signals()) - OWN_SIGNALS
ENDING_SIGNALS = frozenset((_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM))

STANDARD_FDS = (0, 1, 2)
BUFFER_BYTES = 65536
CHUNK_BYTES = 4096  # PIPE_BUF: a pipe that polls writable takes as much without blocking
LAST_OUTPUT_MS = 100  # how long the pty must be quiet when something other than the first process keeps it open
END_OF_FILE = b"\x04"  # VEOF of a new pty: what the end of a file is to a terminal


class WaitResult(NamedTuple):
    """How the first process ended: ``code`` is 128 + ``signal`` where one ended it; None where nothing can tell."""

    code: int | None
    signal: int | None


def hold_signals() -> set[int]:
    """Block what ``wait_foreground`` will relay, so that it waits; the result is for ``release_signals``.

    A new process inherits the mask: whoever forks empties it before execve(2).
    """
    keep_children()
    return _signal.pthread_sigmask(_signal.SIG_BLOCK, CAUGHT_SIGNALS)


def keep_children() -> None:
    """SIGCHLD at its default: ignored (a caller can leave it so), the kernel would reap our children before we do."""
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)


def release_signals(mask: set[int]) -> None:
    """Back to the mask that ``hold_signals`` found; what waited now takes its usual effect."""
    _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)


def wait_foreground(
    pid: int, pidfd: int, *, master_fd: int | None = None, beside: tuple[int, Callable[[], bool]] | None = None
) -> WaitResult:
    """Relay signals, and with ``master_fd`` the terminal, until our child ``pid`` has ended; reap it and say how.

    ``beside`` is an fd to read while we wait, and what to do when that can be read, until it answers that it is done.
    On return the mask is as it was, the terminal is restored, and ``master_fd`` is still the caller's.
    """
    with _Signals() as signals:
        if master_fd is None:
            return _Foreground(pid, pidfd, signals, beside=beside).wait()
        with _Terminal(master_fd) as terminal:
            return _Foreground(pid, pidfd, signals, terminal, beside=beside).wait()


def pass_size_on(master_fd: int) -> None:
    """Give the pty the size of our own terminal, if we have one; before the program starts, so that it never sees 0."""
    tty = _own_terminal()
    if tty is not None:
        _ignoring_loss(lambda tty: terminal.set_window_size(master_fd, *terminal.window_size(tty)), tty)


def decode_status(status: int) -> WaitResult:
    """What wait(2) reports, as the record has it."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return WaitResult(128 + number, number)
    return WaitResult(os.WEXITSTATUS(status), None)


def reap(pid: int, pidfd: int) -> WaitResult:
    """How it ended, once it has; of one that is no child of ours, or was reaped before, the pidfd tells."""
    try:
        return decode_status(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        info = pidfd_exit_info(pidfd)
        return WaitResult(None, None) if info is None else WaitResult(info.code, info.signal)


class _Foreground:
    """The loop: polls signals, the pidfd and the terminal until the first process has been reaped."""

    def __init__(
        self,
        pid: int,
        pidfd: int,
        signals: _Signals,
        terminal: _Terminal | None = None,
        *,
        beside: tuple[int, Callable[[], bool]] | None = None,
    ) -> None:
        self._pid = pid
        self._pidfd = pidfd
        self._signals = signals
        self._terminal = terminal
        self._beside = beside
        self._result: WaitResult | None = None

    def wait(self) -> WaitResult:
        while self._result is None:
            ready = _poll({self._signals.fd: select.POLLIN, self._pidfd: select.POLLIN, **self._interest()})
            if self._terminal is not None:
                self._terminal.transfer(ready)
            if self._beside is not None and self._beside[0] in ready and self._beside[1]():
                self._beside = None
            for number in self._signals.take() if self._signals.fd in ready else ():
                self._relay(number)
            if self._pidfd in ready:
                self._reap()
                # whoever traces it may not yet have taken notice, which we then wait for (ptrace(2))
                self._result = self._result or reap(self._pid, self._pidfd)
        if self._terminal is not None:
            self._terminal.drain(self._signals)
        self._reap()
        return self._result

    def _interest(self) -> dict[int, int]:
        wanted = {} if self._terminal is None else self._terminal.interest()
        if self._beside is not None:
            wanted[self._beside[0]] = select.POLLIN
        return wanted

    def _relay(self, number: int) -> None:
        if number == _signal.SIGCHLD:
            self._reap()
        elif number == _signal.SIGWINCH and self._terminal is not None:
            self._terminal.resize()
        else:
            self._send(number)
            if number == _signal.SIGTSTP:
                self._stop()
            elif number == _signal.SIGCONT and self._terminal is not None:
                self._terminal.enter()

    def _send(self, number: int) -> None:
        if self._result is None:
            try:
                pidfd_send_signal(self._pidfd, number)
            except (ProcessLookupError, PermissionError):
                return  # it ended between the poll and the signal, or has become a user whom we may not signal

    def _stop(self) -> None:
        if self._terminal is not None:
            self._terminal.leave()
        self._signals.stop()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._pid:
                self._result = decode_status(status)


class _Signals:
    """CAUGHT_SIGNALS, blocked, and the fd that they are read from."""

    def __enter__(self) -> _Signals:
        self._mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, CAUGHT_SIGNALS)
        self.fd = signalfd(CAUGHT_SIGNALS)
        return self

    def __exit__(self, *_: object) -> None:
        while self.take():
            continue  # what nobody is there for any more must not strike us now
        os.close(self.fd)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, self._mask)

    def take(self) -> list[int]:
        """The numbers that have arrived since."""
        return take_signals(self.fd)

    def stop(self) -> None:
        """Stop like any job, and return when continued; SIGTSTP, not SIGSTOP: an orphaned job can't be continued."""
        before = _signal.signal(_signal.SIGTSTP, _signal.SIG_DFL)
        os.kill(os.getpid(), _signal.SIGTSTP)
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (_signal.SIGTSTP,))
        _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGTSTP,))
        _signal.signal(_signal.SIGTSTP, _signal.SIG_DFL if before is None else before)


class _Flow:
    """One direction of the terminal: what was read and not yet written."""

    def __init__(self, source: int, sink: int) -> None:
        self.source = source
        self.sink = sink
        self.buffer = b""
        self.ended = False  # nothing more comes

    def reads(self) -> bool:
        return not self.ended and len(self.buffer) < BUFFER_BYTES

    def writes(self) -> bool:
        return bool(self.buffer)

    def read(self) -> None:
        try:
            chunk = os.read(self.source, CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:  # EIO: a pty without its other end, a terminal that hung up; EBADF: it was closed to begin with
            chunk = b""
        if not chunk:
            self.ended = True
        self.buffer += chunk

    def write(self) -> None:
        try:
            self.buffer = self.buffer[os.write(self.sink, self.buffer[:CHUNK_BYTES]) :]
        except BlockingIOError:
            return
        except OSError:  # EPIPE, EIO, EBADF: nobody takes it any more; unread, it would block the container
            self.buffer = b""


class _Terminal:
    """Our terminal and the container's pty, joined.

    We keep a slave open while the first process lives: one that closes its terminal and opens /dev/console later
    (as systemd does for each line) would otherwise look like the end.
    """

    def __init__(self, master_fd: int) -> None:
        self._master = master_fd
        self._slave = terminal.peer_of_ptmx(master_fd, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        self._tty = _own_terminal()
        self._saved: Any = None
        self._input = _Flow(STANDARD_FDS[0], master_fd)
        self._output = _Flow(master_fd, STANDARD_FDS[1])
        os.set_blocking(master_fd, False)

    def __enter__(self) -> _Terminal:
        try:
            self.enter()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close_slave()
        self.leave()

    def enter(self) -> None:
        """Raw mode, so that each key and control character reaches the container, and our size."""
        if self._tty is not None:
            attributes = terminal.set_raw(self._tty)
            self._saved = self._saved or attributes
            self.resize()

    def leave(self) -> None:
        saved, self._saved = self._saved, None
        if self._tty is not None and saved is not None:
            _ignoring_loss(lambda tty: terminal.restore(tty, saved), self._tty)

    def resize(self) -> None:
        pass_size_on(self._master)

    def interest(self) -> dict[int, int]:
        """What poll(2) should wait for, by fd."""
        wanted: dict[int, int] = {}
        for flow in (self._input, self._output):
            if flow.reads():
                wanted[flow.source] = wanted.get(flow.source, 0) | select.POLLIN
            if flow.writes():
                wanted[flow.sink] = wanted.get(flow.sink, 0) | select.POLLOUT
        return wanted

    def transfer(self, ready: dict[int, int]) -> None:
        """Move what can be moved; any event but POLLOUT is a reason to read, since read(2) tells which it was."""
        for flow in (self._input, self._output):
            if flow.reads() and ready.get(flow.source, 0) & ~select.POLLOUT:
                flow.read()
                if flow.ended and flow is self._input and not os.isatty(flow.source):
                    flow.buffer += END_OF_FILE
            if flow.writes() and ready.get(flow.sink, 0) & ~select.POLLIN:
                flow.write()

    def drain(self, signals: _Signals) -> None:
        """After the first process: all that the pty still holds; who asks us to end doesn't wait for a slow reader."""
        self._close_slave()
        self._input.ended, self._input.buffer = True, b""
        while not self._output.ended or self._output.writes():
            wanted = {signals.fd: select.POLLIN, **self.interest()}
            ready = _poll(wanted, None if self._output.writes() else LAST_OUTPUT_MS)
            if not ready or (signals.fd in ready and not ENDING_SIGNALS.isdisjoint(signals.take())):
                return
            self.transfer(ready)

    def _close_slave(self) -> None:
        if self._slave >= 0:
            os.close(self._slave)
            self._slave = -1


def _own_terminal() -> int | None:
    return next((fd for fd in STANDARD_FDS if os.isatty(fd)), None)


def _poll(wanted: dict[int, int], timeout_ms: int | None = None) -> dict[int, int]:
    poller = select.poll()
    for fd, events in wanted.items():
        poller.register(fd, events)
    return dict(poller.poll(timeout_ms))


def _ignoring_loss(action: Callable[[int], None], tty: int) -> None:
    try:
        action(tty)
    except OSError:
        return  # the terminal hung up: there is nothing left to set
