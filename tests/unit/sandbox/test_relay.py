"""The foreground: a process that runs ``wait_foreground`` for a shell script, with signals and a terminal from us."""

import os
import select
import signal
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from runtime.sandbox import relay
from runtime.sandbox.relay import WaitResult, decode_status, hold_signals, release_signals, wait_foreground
from tests.support.foreground import Foreground, Reader, window
from tests.support.forked import NOBODY, in_child, needs_root

IDLE = "while :; do sleep 0.01; done"  # a shell runs a trap between two commands only


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
    # sleep becomes ours when the inner shell ends, and then stays in /proc as a zombie until it is reaped
    script = (
        "orphan=$(sh -c 'sleep 0.05 > /dev/null & echo $!'); while [ -e /proc/$orphan ]; do sleep 0.01; done; exit 5"
    )
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


def test_an_end_that_a_tracer_has_not_yet_noticed_is_waited_for(foreground: Start) -> None:
    """Until then wait(2) hides it from the parent, though its pidfd tells it already (ptrace(2))."""
    real = os.waitpid

    def hide(pid: int, options: int) -> tuple[int, int]:
        return (0, 0) if options == os.WNOHANG else real(pid, options)

    assert foreground("exit 7", between=lambda: setattr(os, "waitpid", hide)).result() == WaitResult(7, None)


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

    def test_a_container_that_does_not_read_does_not_hold_signals_up(self, foreground: Start) -> None:
        run = foreground("stty raw -echo; trap 'exit 11' TERM; echo ready; " + IDLE, tty=True)
        run.reader.until(b"ready")
        os.set_blocking(run.output, False)
        while select.select([], [run.output], [], 0.1)[1]:
            with suppress(BlockingIOError):
                os.write(run.output, b"typed" * 1000)
        run.signal(signal.SIGTERM)
        assert run.result() == WaitResult(11, None)

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

    def test_a_stop_hands_our_terminal_back_and_a_continue_takes_it_again(self, foreground: Start) -> None:
        run = foreground("trap '' TSTP; trap 'echo went on; exit 4' CONT; echo ready; " + IDLE, tty=True, job=True)
        run.reader.until(b"ready")
        raw = termios.tcgetattr(run.slave)
        run.signal(signal.SIGTSTP)
        Reader(run.stops).until(b"stopped")
        assert termios.tcgetattr(run.slave) == run.before != raw
        run.signal(signal.SIGCONT)
        run.reader.until(b"went on")
        assert run.result() == WaitResult(4, None)
        assert termios.tcgetattr(run.slave) == run.before

    def test_after_a_continue_it_is_raw_again(self, foreground: Start) -> None:
        run = foreground(
            "trap '' TSTP; trap 'exit 33' INT; trap 'echo went on' CONT; echo ready; " + IDLE, tty=True, job=True
        )
        run.reader.until(b"ready")
        raw = termios.tcgetattr(run.slave)
        run.signal(signal.SIGTSTP)
        Reader(run.stops).until(b"stopped")
        window(run.slave, (30, 100))
        run.signal(signal.SIGCONT)
        run.reader.until(b"went on")
        while termios.tcgetattr(run.slave) != raw:
            assert not run.has_ended()
        os.write(run.output, b"\x03")
        assert run.result() == WaitResult(33, None)

    def test_a_window_that_changed_while_stopped_is_the_containers_afterwards(self, foreground: Start) -> None:
        script = "trap '' TSTP; trap 'stty size; exit 0' WINCH; echo ready; " + IDLE
        run = foreground(script, tty=True, job=True)
        run.reader.until(b"ready")
        run.signal(signal.SIGTSTP)
        Reader(run.stops).until(b"stopped")
        window(run.slave, (30, 100))
        run.signal(signal.SIGCONT)
        run.reader.until(b"30 100")
        assert run.result() == WaitResult(0, None)

    @pytest.mark.parametrize("code", [0, 1, 126, 127, 128, 255])
    def test_the_exit_code_passes_through_a_terminal_too(self, foreground: Start, code: int) -> None:
        assert foreground(f"exit {code}", tty=True).result() == WaitResult(code, None)

    @pytest.mark.parametrize("name", ["TERM", "HUP", "USR1", "RTMIN"])
    def test_signals_are_relayed_beside_the_terminal(self, foreground: Start, name: str) -> None:
        number = getattr(signal, f"SIG{name}")
        run = foreground(f"trap 'exit 42' {int(number)}; echo ready; " + IDLE, tty=True)
        run.reader.until(b"ready")
        run.signal(number)
        assert run.result() == WaitResult(42, None)
        assert termios.tcgetattr(run.slave) == run.before


def test_our_own_faults_and_job_control_are_not_relayed() -> None:
    assert not relay.CAUGHT_SIGNALS & {signal.SIGSEGV, signal.SIGTTIN, signal.SIGTTOU, signal.SIGPIPE, signal.SIGKILL}
    everything = signal.valid_signals()
    assert everything == relay.CAUGHT_SIGNALS | relay.OWN_SIGNALS
    assert {signal.SIGCHLD, signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT} < relay.CAUGHT_SIGNALS


def test_what_is_held_is_what_is_relayed() -> None:
    def hold() -> list[bool]:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        mask = hold_signals()
        held = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        release_signals(mask)
        after = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        return [mask == before == after, held - before == relay.CAUGHT_SIGNALS - before]

    assert in_child(hold) == [True, True]


def test_a_caller_that_ignores_sigchld_hides_no_exit_code() -> None:
    def run() -> WaitResult:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        mask = hold_signals()
        pid = os.fork()
        if pid == 0:
            os._exit(6)
        result = wait_foreground(pid, os.pidfd_open(pid))
        release_signals(mask)
        return result

    assert in_child(run) == [6, None]


def test_a_signal_for_who_has_ended_already_goes_nowhere() -> None:
    def run() -> WaitResult:
        mask = hold_signals()
        pid = os.fork()
        if pid == 0:
            os._exit(6)
        pidfd = os.pidfd_open(pid)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        os.kill(os.getpid(), signal.SIGTERM)
        result = wait_foreground(pid, pidfd)
        release_signals(mask)
        return result

    assert in_child(run) == [6, None]


@needs_root
def test_a_signal_that_we_may_not_send_is_no_failure() -> None:
    def run() -> WaitResult:
        ready, ready_end = os.pipe()
        gate, gate_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(ready_end, b"x")
            os.read(gate, 1)
            os._exit(6)
        pidfd = os.pidfd_open(pid)
        os.read(ready, 1)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        mask = hold_signals()
        os.kill(os.getpid(), signal.SIGTERM)
        if os.fork() == 0:  # lets it end once our signal was taken
            while b"SigPnd" in (found := pending()) and found[b"ShdPnd"] & 1 << signal.SIGTERM - 1:
                continue
            os.write(gate_end, b"x")
            os._exit(0)
        result = wait_foreground(pid, pidfd)
        release_signals(mask)
        return result

    def pending() -> dict[bytes, int]:
        lines = open(f"/proc/{os.getppid()}/status", "rb").read().split(b"\n")
        return {name: int(mask, 16) for name, mask in (line.split(b":") for line in lines if b"Pnd:" in line)}

    assert in_child(run) == [6, None]
