"""The foreground of ``run``, in a forked process that can be signalled and typed to."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import struct
import termios
import time
from collections.abc import Callable
from contextlib import suppress

from runtime.kernel.process import set_child_subreaper
from runtime.sandbox.console import take_console
from runtime.sandbox.relay import WaitResult, hold_signals, pass_size_on, release_signals, wait_foreground

DEADLINE_S = 60


def window(fd: int, size: tuple[int, int] | None = None) -> tuple[int, ...]:
    if size is not None:
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("4H", *size, 0, 0))
    return struct.unpack("4H", fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))[:2]


class Reader:
    """What arrives at an fd, without ever waiting longer than DEADLINE_S."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.text = b""
        self._deadline = time.monotonic() + DEADLINE_S

    def _more(self) -> bytes:
        left = self._deadline - time.monotonic()
        assert left > 0, self.text[-2000:]
        assert select.select([self._fd], [], [], left)[0], self.text[-2000:]
        try:
            chunk = os.read(self._fd, 65536)
        except OSError:  # EIO: the other end of a pty is closed
            chunk = b""
        self.text += chunk
        return chunk

    def until(self, mark: bytes) -> bytes:
        while mark not in self.text:
            assert self._more(), self.text[-2000:]
        return self.text

    def all(self) -> bytes:
        while self._more():
            continue
        return self.text


class Foreground:
    """A forked process that holds signals, starts ``sh -c script`` as the container, and waits in the foreground.

    The container's output goes to ``output``: a pipe of ours, or with ``tty`` our end of the terminal.  With ``job`` it
    is a job of a shell, which tells in ``stops`` when it has stopped: who has no such parent isn't stopped by SIGTSTP.
    """

    def __init__(
        self,
        script: str,
        *,
        tty: bool = False,
        job: bool = False,
        stdin: int | None = None,
        stdout: int | None = None,
        between: Callable[[], object] = lambda: None,
    ) -> None:
        self._answer, answer_end = os.pipe()
        self.slave = -1
        if tty:
            self.output, self.slave = os.openpty()
            window(self.slave, (24, 80))
            self.before = termios.tcgetattr(self.slave)
            stdin = self.slave if stdin is None else stdin
            stdout = self.slave if stdout is None else stdout
        else:
            self.output, stdout = os.pipe()
        self._tty = tty
        self._deadline = time.monotonic() + DEADLINE_S
        self.reader = Reader(self.output)
        self.stops = -1
        self._child = self.pid = os.fork() if not job else self._fork_job()
        if self.pid == 0:
            try:
                os.close(self.output)
                result = self._run(script, stdin, stdout, between)
                os.write(answer_end, json.dumps(result).encode())
            finally:
                os._exit(0)
        os.close(answer_end)
        if not tty:
            os.close(stdout)
        if job:
            self.pid = int(Reader(self.stops).until(b" "))

    def _fork_job(self) -> int:
        """As os.fork; between us and the child stands a session leader with the terminal, as a shell would."""
        self.stops, told = os.pipe()
        shell = os.fork()
        if shell:
            os.close(told)
            return shell
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
        ready, ready_end = os.pipe()
        job = os.fork()
        if job == 0:
            os.read(ready, 1)
            return 0
        os.setpgid(job, job)
        os.tcsetpgrp(self.slave, job)
        os.write(told, b"%d " % job)
        os.write(ready_end, b"x")
        while os.WIFSTOPPED(os.waitpid(job, os.WUNTRACED)[1]):
            os.write(told, b"stopped ")
        os._exit(0)

    def _run(self, script: str, stdin: int | None, stdout: int, between: Callable[[], object]) -> object:
        mask = hold_signals()
        set_child_subreaper(True)
        if self._tty:
            if self.stops < 0:
                os.setsid()
                fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            os.dup2(stdin if stdin is not None else self.slave, 0)
            os.dup2(stdout, 1)
        else:
            os.setpgid(0, 0)
        master, slave = os.openpty() if self._tty else (None, None)
        if master is not None:
            pass_size_on(master)  # as create does: later it would be a change, and a signal that no test asked for
        pid = os.fork()
        if pid == 0:
            try:
                release_signals(mask)
                if slave is not None:
                    take_console(slave)
                else:
                    os.dup2(stdout, 1)
                os.execv("/bin/sh", ["sh", "-c", script])
            finally:
                os._exit(99)
        os.close(stdout if slave is None else slave)
        between()
        return wait_foreground(pid, os.pidfd_open(pid), master_fd=master)

    def has_ended(self) -> bool:
        assert time.monotonic() < self._deadline
        return bool(select.select([self._answer], [], [], 0.02)[0])

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def result(self) -> WaitResult:
        return WaitResult(*json.loads(Reader(self._answer).all()))

    def end(self) -> None:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self._child, 0)
        for fd in (self._answer, self.output, self.slave, self.stops):
            with suppress(OSError):
                os.close(fd)
