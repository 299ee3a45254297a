"""The foreground: a process that runs ``wait_foreground`` for a shell script, with signals and a terminal from us."""

import fcntl
import json
import os
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from runtime.kernel.process import set_child_subreaper
from runtime.sandbox import relay
from runtime.sandbox.console import take_console
from runtime.sandbox.relay import WaitResult, decode_status, hold_signals, release_signals, wait_foreground

DEADLINE_S = 10
IDLE = "while :; do sleep 0.01; done"  # a shell runs a trap between two commands only


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

    The container's output goes to ``output``: a pipe of ours, or with ``tty`` our end of the terminal.
    """

    def __init__(
        self,
        script: str,
        *,
        tty: bool = False,
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
        self.pid = os.fork()
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

    def _run(self, script: str, stdin: int | None, stdout: int, between: Callable[[], object]) -> object:
        mask = hold_signals()
        set_child_subreaper(True)
        if self._tty:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            os.dup2(stdin if stdin is not None else self.slave, 0)
            os.dup2(stdout, 1)
        else:
            os.setpgid(0, 0)
        master, slave = os.openpty() if self._tty else (None, None)
        pid = os.fork()
        if pid == 0:
            try:
                release_signals(mask)
                if slave is not None:
                    take_console(slave)
                else:
                    os.dup2(stdout, 1)
                os.execv("/bin/sh", ["sh", "-c", script])  # noqa: S606 - the test's own script
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
            os.waitpid(self.pid, 0)
        for fd in (self._answer, self.output, self.slave):
            with suppress(OSError):
                os.close(fd)


@pytest.fixture
def foreground() -> Iterator[Callable[..., Foreground]]:
    with ExitStack() as stack:

        def start(script: str, **how: object) -> Foreground:
            made = Foreground(script, **how)  # type: ignore[arg-type]
            stack.callback(made.end)
            return made

        yield start


Start = Callable[..., Foreground]


@pytest.mark.parametrize(
    ("status", "result"),
    [(0, (0, None)), (7 << 8, (7, None)), (255 << 8, (255, None)), (9, (137, 9)), (6 | 0x80, (134, 6))],
)
def test_a_wait_status_is_an_exit_code_or_128_and_the_signal(status: int, result: tuple[int, int | None]) -> None:
    assert decode_status(status) == WaitResult(*result)


def test_the_exit_code_is_the_first_processs(foreground: Start) -> None:
    assert foreground("exit 7").result() == WaitResult(7, None)


def test_a_signal_that_ends_the_first_process_is_told(foreground: Start) -> None:
    assert foreground("kill -KILL $$").result() == WaitResult(137, 9)


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "WINCH", "ALRM", "RTMIN"])
def test_a_signal_is_relayed(foreground: Start, name: str) -> None:
    number = getattr(signal, f"SIG{name}")
    run = foreground(f"trap 'exit 42' {int(number)}; echo ready; " + IDLE)
    run.reader.until(b"ready")
    run.signal(number)
    assert run.result() == WaitResult(42, None)


def test_signals_that_came_before_the_wait_are_relayed_then(foreground: Start) -> None:
    ready, ready_end = os.pipe()
    script = (
        f"trap t=1 TERM; trap i=1 INT; echo > /proc/$$/fd/{ready_end};"
        "until [ x$t$i = x11 ]; do sleep 0.01; done; exit 3"
    )

    def between() -> None:
        os.read(ready, 1)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

    os.set_inheritable(ready_end, True)
    run = foreground(script, between=between)
    os.close(ready)
    os.close(ready_end)
    assert run.result() == WaitResult(3, None)


def test_a_released_signal_takes_its_usual_effect() -> None:
    pid = os.fork()
    if pid == 0:
        mask = hold_signals()
        os.kill(os.getpid(), signal.SIGTERM)
        release_signals(mask)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM


def test_orphans_of_the_container_are_reaped_while_it_runs(foreground: Start) -> None:
    # the subshell's child is ours once the subshell ends; it stays in /proc as a zombie until it is reaped
    script = "orphan=$(sh -c ': & echo $!'); while [ -e /proc/$orphan ]; do :; done; exit 5"
    assert foreground(script).result() == WaitResult(5, None)


def test_without_being_the_parent_nothing_is_made_up() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(6)
    pidfd = os.pidfd_open(pid)
    os.waitpid(pid, 0)
    try:
        assert wait_foreground(pid, pidfd) in (WaitResult(6, None), WaitResult(None, None))
    finally:
        os.close(pidfd)


def test_handlers_mask_and_descriptors_are_as_before_afterwards() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    pidfd = os.pidfd_open(pid)

    def state() -> object:
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        return [signal.getsignal(number) for number in signal.valid_signals()], mask, os.listdir("/proc/self/fd")

    before = state()
    assert wait_foreground(pid, pidfd) == WaitResult(0, None)
    assert state() == before
    os.close(pidfd)


def test_a_stop_from_the_shell_stops_container_and_us_until_continued(foreground: Start) -> None:
    run = foreground("trap 'echo stopping' TSTP; trap 'exit 4' CONT; echo ready; " + IDLE)
    run.reader.until(b"ready")
    run.signal(signal.SIGTSTP)
    stopped = os.waitid(os.P_PID, run.pid, os.WSTOPPED)
    assert stopped is not None
    assert stopped.si_status == signal.SIGTSTP
    run.reader.until(b"stopping")
    run.signal(signal.SIGCONT)
    assert run.result() == WaitResult(4, None)


class TestTerminal:
    def test_what_is_typed_reaches_the_container_and_its_output_us(self, foreground: Start) -> None:
        run = foreground('stty -echo; echo ready; read -r line; echo "got $line"; exit 9', tty=True)
        run.reader.until(b"ready")
        os.write(run.output, b"typed\r")
        run.reader.until(b"got typed")
        assert run.result() == WaitResult(9, None)

    def test_control_characters_are_the_containers_to_understand(self, foreground: Start) -> None:
        run = foreground("trap 'exit 33' INT; echo ready; " + IDLE, tty=True)
        run.reader.until(b"ready")
        os.write(run.output, b"\x03")
        assert run.result() == WaitResult(33, None)

    def test_our_terminal_is_raw_but_still_returns_the_carriage_and_is_restored(self, foreground: Start) -> None:
        run = foreground("echo ready; read -r line", tty=True)
        run.reader.until(b"ready")
        input_flags, output_flags, _, local_flags, *_ = termios.tcgetattr(run.slave)
        assert not local_flags & (termios.ICANON | termios.ECHO | termios.ISIG)
        assert not input_flags & termios.ICRNL
        assert output_flags & termios.OPOST
        os.write(run.output, b"\r")
        assert run.result() == WaitResult(0, None)
        assert termios.tcgetattr(run.slave) == run.before

    def test_it_is_restored_when_a_signal_ends_the_container(self, foreground: Start) -> None:
        run = foreground("echo ready; sleep 1000", tty=True)
        run.reader.until(b"ready")
        run.signal(signal.SIGTERM)
        assert run.result() == WaitResult(143, 15)
        assert termios.tcgetattr(run.slave) == run.before

    def test_the_pty_has_our_size_from_the_start_and_follows_it(self, foreground: Start) -> None:
        run = foreground("stty size; trap 'stty size; exit 0' WINCH; echo ready; " + IDLE, tty=True)
        assert b"24 80" in run.reader.until(b"ready")
        window(run.slave, (50, 132))
        run.reader.until(b"50 132")
        assert run.result() == WaitResult(0, None)

    def test_all_of_a_long_output_arrives(self, foreground: Start) -> None:
        run = foreground("stty -opost; seq 200000; exec true", tty=True)
        text = run.reader.until(b"\n200000\r\n")
        assert text.count(b"\n") == 200000
        assert run.result() == WaitResult(0, None)

    def test_output_that_nobody_takes_any_more_does_not_block_the_container(self, foreground: Start) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        run = foreground("seq 100000; exit 6", tty=True, stdout=writing)
        os.close(writing)
        assert run.result() == WaitResult(6, None)

    def test_the_end_of_a_file_on_our_input_is_one_for_the_container(self, foreground: Start) -> None:
        reading, writing = os.pipe()
        os.write(writing, b"last line\n")
        os.close(writing)
        run = foreground("stty -echo; sed s/last/only/; exit 8", tty=True, stdin=reading)
        os.close(reading)
        run.reader.until(b"only line")
        assert run.result() == WaitResult(8, None)

    def test_a_container_may_close_its_terminal_and_open_it_again(self, foreground: Start) -> None:
        script = "name=$(tty); exec < /dev/null > /dev/null 2>&1; sleep 0.2; echo again > $name; exit 2"
        run = foreground(script, tty=True)
        run.reader.until(b"again")
        assert run.result() == WaitResult(2, None)

    def test_a_process_that_keeps_the_pty_open_does_not_keep_us(self, foreground: Start) -> None:
        run = foreground("trap '' HUP; sleep 3 & echo done; exit 1", tty=True)
        began = time.monotonic()
        assert run.result() == WaitResult(1, None)
        assert time.monotonic() - began < 2
        run.reader.until(b"done")

    def test_a_reader_who_does_not_read_can_be_left_with_a_signal(self, foreground: Start) -> None:
        reading, writing = os.pipe()
        run = foreground("echo >&2; head -c 200000 /dev/zero & exec sleep 0.2", tty=True, stdout=writing)
        os.close(writing)
        assert os.read(reading, 1)
        while not run.has_ended():
            run.signal(signal.SIGTERM)
        assert run.result() in (WaitResult(143, 15), WaitResult(0, None))
        os.close(reading)


def test_our_own_faults_and_job_control_are_not_relayed() -> None:
    assert not relay.CAUGHT_SIGNALS & {signal.SIGSEGV, signal.SIGTTIN, signal.SIGTTOU, signal.SIGPIPE, signal.SIGKILL}
    assert relay.CAUGHT_SIGNALS - {signal.SIGALRM} == relay.HELD_SIGNALS
