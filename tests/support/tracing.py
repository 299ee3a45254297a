"""A command of runf under ptrace(2): its system calls are counted, and at the n-th it dies, or that call fails.

    the test
      the tracer      a process for each command, which ends with it; whatever the command left runs on untraced
        the command   a forked process that carries out a command line, from its words to its exit
          ...         what it forks, numbered in that order, until it executes another program

It is killed at the entry of the call, which is then not carried out.  A call that is to fail is not carried out
either, but for close(2), which closes whatever it answers.  Interpreters that start have done nothing yet, so the
command begins with all modules loaded.  Source: ptrace(2), Linux 5.3.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import select
import signal
import struct
import sys
import tempfile
import time
import traceback
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from runtime.kernel import procfs

if TYPE_CHECKING:
    from collections.abc import Callable

# linux/ptrace.h
PTRACE_CONT = 7
PTRACE_POKEUSER = 6
PTRACE_SYSCALL = 24
PTRACE_GETEVENTMSG = 0x4201
PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
PTRACE_GET_SYSCALL_INFO = 0x420E
PTRACE_O_TRACESYSGOOD = 1
PTRACE_O_TRACEFORK = 2
PTRACE_O_TRACEVFORK = 4
PTRACE_O_TRACECLONE = 8
PTRACE_O_TRACEEXEC = 16
OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC
PTRACE_EVENT_EXEC = 4
FORKS = (1, 2, 3)
SYSCALL_STOP = signal.SIGTRAP | 0x80
SYSCALL_ENTRY = 1
INFO_BYTES = 88
WALL = 0x40000000

# asm/user_64.h: byte offsets into the registers of an x86-64 process
ORIG_RAX = 120
RAX = 80
# asm/unistd_64.h: an error is never the answer of these, or there is no answer
NEVER_FAIL = frozenset(
    {
        *(11, 12, 13, 14, 15, 24, 28),  # munmap, brk, rt_sigaction, rt_sigprocmask, rt_sigreturn, sched_yield, madvise
        *(39, 60, 63, 95, 102, 104, 107),  # getpid, exit, uname, umask, getuid, getgid, geteuid
        *(108, 110, 131, 186, 218, 219),  # getegid, getppid, sigaltstack, gettid, set_tid_address, restart_syscall
        *(228, 231),  # clock_gettime, exit_group
    }
)
CLOSE = 3

DEADLINE_S = 60
LAST_FD = 4096
MARK = -4711  # closing this, which nobody else does, tells the tracer that the command begins
CAN_FAIL_CALLS = platform.machine() == "x86_64"


class Point(NamedTuple):
    """A system call: the ``number``-th, from 1, of the ``process``-th, where 0 is the command itself."""

    process: int
    number: int


class Traced(NamedTuple):
    """How the command ended, and what was seen.

    ``status`` is its exit status, negative the signal that ended it, None where it hung and was killed for it.
    ``calls`` has the number of system calls of each process; ``hit`` is which call was broken,
    as the kernel numbers them.  ``processes`` are pid and start time of all that it forked, itself included.
    """

    status: int | None
    out: str
    err: str
    calls: list[int]
    hit: int | None
    processes: list[tuple[int, int]]


def trace(act: Callable[[], object], *, point: Point | None = None, error: int | None = None) -> Traced:
    """Carry out ``act`` in a traced process; at ``point`` it is killed, or with ``error`` that call fails."""
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        tracer = os.fork()
        if tracer == 0:
            os.close(reading)
            _be_tracer(act, point, error, (out.fileno(), err.fileno()), writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as answers:
            found = json.loads(answers.read() or b'{"tracer": "died"}')
        os.waitpid(tracer, 0)
        assert "tracer" not in found, found["tracer"]
        texts = _texts(out, err)
    processes = [(pid, start) for pid, start in found["processes"]]
    return Traced(found["status"], *texts, found["calls"], found["hit"], processes)


def carry_out(act: Callable[[], object]) -> Traced:
    """Carry out ``act`` in a process of its own, as it is."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            _be_command(act, (out.fileno(), err.fileno()), None)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return Traced(status, *_texts(out, err), [], None, [])


def _texts(*files: IO[bytes]) -> list[str]:
    for file in files:
        file.seek(0)
    return [file.read().decode("utf-8", "replace") for file in files]


def _be_tracer(act: Callable[[], object], point: Point | None, error: int | None, fds: Any, writing: int) -> None:
    answer: dict[str, Any]
    try:
        answer = _Tracer(point, error).run(act, fds)
    except BaseException:
        answer = {"tracer": traceback.format_exc()}
    try:
        os.write(writing, json.dumps(answer).encode())
    finally:
        os._exit(0)


class _Hung(Exception):
    """The command does not end."""


class _Tracer:
    """Follows one command."""

    def __init__(self, point: Point | None, error: int | None) -> None:
        self._point = point
        self._error = error
        self._order: list[int] = []
        self._start_times: list[int] = []
        self._calls: list[int] = []
        self._foreign: set[int] = set()
        self._has_begun = False
        self._hit: int | None = None
        self._broken: int | None = None
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
        self._libc.ptrace.restype = ctypes.c_long
        self._info = ctypes.create_string_buffer(INFO_BYTES)

    def run(self, act: Callable[[], object], fds: tuple[int, int]) -> dict[str, Any]:
        """Start the command, and follow it to its end."""
        gate, opener = os.pipe()
        command = os.fork()
        if command == 0:
            _be_command(act, fds, gate)
        self._enter(command)
        self._ptrace(PTRACE_SEIZE, command, 0, OPTIONS)
        self._ptrace(PTRACE_INTERRUPT, command)
        signal.signal(signal.SIGALRM, _hang)
        signal.alarm(DEADLINE_S)
        os.write(opener, b"\0")
        status: int | None
        try:
            status = self._follow(command)
        except _Hung:
            status = None
            for pid in self._order:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        return {
            "status": status,
            "calls": self._calls,
            "hit": self._hit,
            "processes": list(zip(self._order, self._start_times, strict=True)),
        }

    def _follow(self, command: int) -> int:
        while True:
            pid, status = os.waitpid(-1, WALL)
            if not os.WIFSTOPPED(status):
                if pid == command:
                    return os.waitstatus_to_exitcode(status)
                continue
            try:
                self._stopped(pid, os.WSTOPSIG(status), status >> 16)
            except ProcessLookupError:
                continue  # killed while it was stopped: its end comes next

    def _stopped(self, pid: int, number: int, event: int) -> None:
        self._enter(pid)
        if event in FORKS:
            child = ctypes.c_ulong()
            self._ptrace(PTRACE_GETEVENTMSG, pid, 0, ctypes.addressof(child))
            self._enter(child.value)
        elif event == PTRACE_EVENT_EXEC:
            self._foreign.add(pid)
        elif number == SYSCALL_STOP and pid not in self._foreign:
            self._at_call(pid)
        passed_on = 0 if event or number == SYSCALL_STOP else number
        self._ptrace(PTRACE_SYSCALL if self._is_of_interest(pid) else PTRACE_CONT, pid, 0, passed_on)

    def _is_of_interest(self, pid: int) -> bool:
        if pid in self._foreign:
            return False
        if self._point is None or not self._has_begun:
            return True
        return self._order.index(pid) == self._point.process and (self._hit is None or self._broken is not None)

    def _enter(self, pid: int) -> None:
        if pid in self._order:
            return
        found = procfs.stat("/proc", pid)
        self._order.append(pid)
        self._start_times.append(found.start_time if found else 0)
        self._calls.append(0)

    def _at_call(self, pid: int) -> None:
        self._ptrace(PTRACE_GET_SYSCALL_INFO, pid, INFO_BYTES, ctypes.addressof(self._info))
        if self._info.raw[0] != SYSCALL_ENTRY:
            if self._broken is not None:
                self._poke(pid, RAX, -self._broken)
                self._broken = None
            return
        process = self._order.index(pid)
        call, first = struct.unpack_from("=QQ", self._info.raw, 24)
        if not self._has_begun:
            self._has_begun = first & 0xFFFFFFFF == MARK & 0xFFFFFFFF
            return
        self._calls[process] += 1
        if self._point != (process, self._calls[process]) or self._hit is not None:
            return
        if self._error is None:
            self._hit = call
            os.kill(pid, signal.SIGKILL)
        elif call not in NEVER_FAIL:
            self._hit = call
            self._broken = self._error
            if call != CLOSE:
                self._poke(pid, ORIG_RAX, -1)

    def _poke(self, pid: int, offset: int, value: int) -> None:
        self._ptrace(PTRACE_POKEUSER, pid, offset, value)

    def _ptrace(self, request: int, pid: int, address: int = 0, data: int = 0) -> None:
        word = data & 0xFFFFFFFFFFFFFFFF
        if self._libc.ptrace(request, pid, address, word) == -1:
            code = ctypes.get_errno()
            raise OSError(code, f"ptrace({request}, {pid}): {os.strerror(code)}")


def _hang(_number: int, _frame: object) -> None:
    raise _Hung


def _be_command(act: Callable[[], object], fds: tuple[int, int], gate: int | None) -> None:
    status = 99
    try:
        null = os.open(os.devnull, os.O_RDONLY)
        for number, fd in enumerate((null, *fds)):
            os.dup2(fd, number)
        first = 3
        if gate is not None:
            os.dup2(gate, first)
            first += 1
        os.closerange(first, LAST_FD)
        sys.stdout = open(1, "w")
        sys.stderr = open(2, "w")
        if gate is not None:
            os.read(first - 1, 1)
            os.close(first - 1)
            with contextlib.suppress(OSError):
                os.close(MARK)
        act()
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def wait_gone(processes: list[tuple[int, int]]) -> None:
    """Wait until none of them lives; a zombie that its reaper has not yet come to doesn't."""
    deadline = time.monotonic() + DEADLINE_S
    for pid, start in processes:
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            found = procfs.stat("/proc", pid)
            if found is not None and found.start_time == start:
                left = max(0.0, deadline - time.monotonic())
                assert select.select([pidfd], [], [], left)[0], f"process {pid} ({found.comm}) does not end"
        finally:
            os.close(pidfd)
