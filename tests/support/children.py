"""Real processes that end when, and as, a test says."""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING

from runtime.actions.identity import identify
from runtime.kernel.process import pidfd_open

if TYPE_CHECKING:
    from runtime.store.record import Process

DEADLINE_MS = 20_000


class Child:
    """A forked child that waits for ``end``; it stays a zombie until ``reap``."""

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._writing)
            code = os.read(reading, 1)
            os._exit(code[0] if code else 0)
        os.close(reading)
        self.identity: Process = identify(self.pid)
        self._pidfd = pidfd_open(self.pid)
        self._is_reaped = False

    def end(self, code: int) -> None:
        """Let it exit with ``code``, and wait until it is a zombie."""
        os.write(self._writing, bytes([code]))
        self._wait()

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it by a signal, and wait until it is a zombie."""
        os.kill(self.pid, number)
        self._wait()

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        assert poll.poll(DEADLINE_MS), f"child {self.pid} does not end"

    def reap(self) -> None:
        """Take its exit status, as a parent does."""
        os.waitpid(self.pid, 0)
        self._is_reaped = True

    def clean_up(self) -> None:
        """Nothing stays, whatever the test did."""
        if not self._is_reaped:
            os.kill(self.pid, signal.SIGKILL)
            self.reap()
        os.close(self._pidfd)
        os.close(self._writing)


def wait_readable(*fds: int, timeout_ms: int = DEADLINE_MS) -> list[int]:
    """Those of ``fds`` that are readable, as soon as one is; none once the time has passed."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return [fd for fd, _ in poll.poll(timeout_ms)]
