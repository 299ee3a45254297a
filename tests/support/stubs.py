"""Processes that wait as the stub does."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.kernel import process
from runtime.sandbox import stub

if TYPE_CHECKING:
    from collections.abc import Callable

ENVIRONMENT = [b"PATH=/usr/bin:/bin", b"COLOUR=green"]
DEADLINE_MS = 20_000


class Waiting:
    """A process that became the stub; the gate is a FIFO's two ends, as the runtime has it.

    ``build`` makes its list of calls, from the address of the list and the fd of the outcome.
    """

    def __init__(
        self,
        path: str,
        *arguments: str,
        gate: bool = True,
        fork: Callable[[], int] = os.fork,
        before: Callable[[], object] = lambda: None,
        build: Callable[[int, int], bytes] = lambda base, outcome: stub.no_calls(base),
    ) -> None:
        self._build = build
        self._fds: set[int] = set()
        gate_end, self.gate = self._pipe()
        self.outcome, outcome_end = self._pipe()
        self.output, output_end = self._pipe()
        executed, executed_end = self._pipe()
        self.inodes = {os.fstat(fd).st_ino for fd in (gate_end, outcome_end)}
        words = [argument.encode() for argument in arguments]
        self.pid = fork()
        if self.pid == 0:
            try:
                before()
                self._become(path.encode(), words, gate_end if gate else None, outcome_end, output_end)
            finally:
                os._exit(99)
        for fd in (gate_end, outcome_end, output_end, executed_end):
            self._close(fd)
        assert os.read(executed, 1) == b""  # closed by the execve(2) of the stub
        if gate:
            self._await_read()

    def _pipe(self) -> tuple[int, int]:
        ends = os.pipe2(os.O_CLOEXEC)
        self._fds.update(ends)
        return ends

    def _close(self, fd: int) -> None:
        self._fds.remove(fd)
        os.close(fd)

    def _become(self, path: bytes, words: list[bytes], gate: int | None, outcome: int, output: int) -> None:
        os.close(self.gate)
        fd = stub.stub_fd(lambda base: self._build(base, outcome))
        assert fd is not None
        os.dup2(output, 1)
        for kept in (gate, outcome):
            if kept is not None:
                os.set_inheritable(kept, True)
        vector = stub.stub_arguments(gate, outcome, path, words)
        process.execveat(fd, b"", vector, ENVIRONMENT, process.AT_EMPTY_PATH)

    def _await_read(self) -> None:
        """Give way until it sleeps: nothing announces that, and it is a dozen system calls away."""
        while self.proc("stat").rpartition(")")[2].split()[0] == "R":
            os.sched_yield()

    def end(self) -> None:
        for fd in tuple(self._fds):
            self._close(fd)
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            return  # the test reaped it

    def exe(self) -> str:
        return os.readlink(f"/proc/{self.pid}/exe")

    def proc(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/{name}").read_text()

    def open_gate(self) -> None:
        os.write(self.gate, b"!")

    def close_gate(self) -> None:
        self._close(self.gate)

    def status(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def told(self) -> bytes:
        """All that there is once the outcome is hung up, as who starts a container reads it."""
        poll = select.poll()
        poll.register(self.outcome, 0)
        assert poll.poll(DEADLINE_MS), "the outcome is not hung up"
        return os.read(self.outcome, 4096)

    def printed(self) -> str:
        return b"".join(iter(lambda: os.read(self.output, 4096), b"")).decode()
