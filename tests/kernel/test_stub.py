"""The stub, executed."""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from runtime.kernel import process
from runtime.sandbox import stub
from tests.support.stubs import Waiting

NOBODY = 65534
ALL_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE

needs_root = pytest.mark.needs("root")
pytestmark = pytest.mark.skipif(os.uname().machine not in stub.IMAGES, reason="no stub for this machine")


@pytest.fixture
def waiting() -> Iterator[Callable[..., Waiting]]:
    with ExitStack() as stack:

        def make(path: str, *arguments: str, **how: object) -> Waiting:
            made = Waiting(path, *arguments, **how)  # type: ignore[arg-type]
            stack.callback(made.end)
            return made

        yield make


def clone_into_pid_namespace() -> int:
    return process.clone3(process.CLONE_NEWPID)


def drop_everything() -> None:
    """No capability, no supplementary group, another user, no_new_privs: as bare as a container's process gets."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    process.set_no_new_privs()


def test_the_program_runs_once_the_gate_opens(waiting: Callable[..., Waiting]) -> None:
    container = waiting("/bin/sh", "sh", "-c", 'echo "$0 $1 $COLOUR"', "zero", "one two")
    container.open_gate()
    assert container.printed() == "zero one two green\n"
    assert container.told() == b""
    assert container.status() == 0


def test_the_first_argument_may_differ_from_the_path(waiting: Callable[..., Waiting]) -> None:
    container = waiting("/bin/sh", "-another name", "-c", "cat /proc/$$/cmdline")
    container.open_gate()
    assert container.printed().startswith("-another name\0-c\0")


def test_without_a_gate_the_program_runs_at_once(waiting: Callable[..., Waiting]) -> None:
    assert waiting("/bin/echo", "echo", "here", gate=False).printed() == "here\n"


def test_the_program_inherits_neither_gate_nor_outcome(waiting: Callable[..., Waiting]) -> None:
    container = waiting("/bin/ls", "ls", "-l", "/proc/self/fd")
    container.open_gate()
    listing = container.printed()
    assert "pipe:" in listing
    assert [inode for inode in container.inodes if f"pipe:[{inode}]" in listing] == []


@needs_root
def test_a_signal_while_waiting_ends_even_the_first_process_of_a_pid_namespace(
    waiting: Callable[..., Waiting],
) -> None:
    container = waiting("/bin/true", "true", fork=clone_into_pid_namespace)
    os.kill(container.pid, signal.SIGTERM)
    assert container.status() == 128 + signal.SIGTERM


def test_stopping_and_continuing_leaves_it_waiting(waiting: Callable[..., Waiting]) -> None:
    container = waiting("/bin/true", "true")
    os.kill(container.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, container.pid, os.WSTOPPED)
    os.kill(container.pid, signal.SIGCONT)
    os.waitid(os.P_PID, container.pid, os.WCONTINUED)
    assert os.waitpid(container.pid, os.WNOHANG) == (0, 0)
    container.open_gate()
    assert container.status() == 0


def test_signals_are_at_their_default_for_the_program(waiting: Callable[..., Waiting]) -> None:
    container = waiting("/bin/cat", "cat", "/proc/self/status")
    container.open_gate()
    fields = dict(line.split(":\t", 1) for line in container.printed().splitlines() if ":\t" in line)
    assert int(fields["SigCgt"], 16) == 0
    assert int(fields["SigIgn"], 16) & 0x7FFF == 0


@pytest.mark.parametrize(
    ("path", "error", "status"),
    [
        ("/nowhere/at/all", errno.ENOENT, 127),
        ("/etc/passwd", errno.EACCES, 126),
        ("/proc", errno.EACCES, 126),
        ("/bin/sh/x", errno.ENOTDIR, 126),
    ],
)
def test_a_failed_execve_tells_its_errno(waiting: Callable[..., Waiting], path: str, error: int, status: int) -> None:
    container = waiting(path, "program")
    container.open_gate()
    assert container.told() == error.to_bytes(4, "little")
    assert container.status() == status


def test_a_gate_that_closes_without_a_byte_ends_it(waiting: Callable[..., Waiting]) -> None:
    container = waiting("/bin/true", "true")
    container.close_gate()
    assert container.status() == 1
    assert container.told() == b""


def test_too_few_arguments_are_refused() -> None:
    fd = stub.stub_fd()
    assert fd is not None
    try:
        assert (
            subprocess.run([f"/proc/self/fd/{fd}", "-", "-", "/bin/true"], pass_fds=[fd], check=False).returncode == 1
        )
    finally:
        os.close(fd)


def test_the_executable_of_a_waiting_process_is_the_sealed_memfd(waiting: Callable[..., Waiting]) -> None:
    container = waiting("/bin/true", "true")
    assert container.exe() == "/memfd:runf-init (deleted)"
    assert container.proc("comm") == "runf-init\n"


def test_the_memfd_can_be_changed_by_nobody() -> None:
    fd = stub.stub_fd()
    assert fd is not None
    try:
        assert fcntl.fcntl(fd, fcntl.F_GET_SEALS) & ALL_SEALS == ALL_SEALS
        with pytest.raises(PermissionError):
            os.write(fd, b"x")
        with pytest.raises(PermissionError):
            os.ftruncate(fd, 0)
        assert os.fstat(fd).st_mode & 0o777 == 0o555
    finally:
        os.close(fd)


def test_the_memfd_is_closed_on_exec() -> None:
    fd = stub.stub_fd()
    assert fd is not None
    assert not os.get_inheritable(fd)
    os.close(fd)


def test_a_waiting_process_keeps_a_few_pages_and_no_executable_stack(waiting: Callable[..., Waiting]) -> None:
    container = waiting("/bin/true", "true")
    maps = container.proc("maps").splitlines()
    assert {line.split()[1] for line in maps if line.endswith("[stack]")} == {"rw-p"}
    assert [line.split()[1] for line in maps if "memfd" in line] == ["r-xp", "rw-p"]
    rollup = dict(line.split(":") for line in container.proc("smaps_rollup").splitlines()[1:])
    assert int(rollup["Rss"].split()[0]) <= 64


@needs_root
def test_it_needs_no_privilege_at_all(waiting: Callable[..., Waiting]) -> None:
    container = waiting("/bin/cat", "cat", "/proc/self/status", before=drop_everything)
    container.open_gate()
    fields = dict(line.split(":\t", 1) for line in container.printed().splitlines() if ":\t" in line)
    assert fields["Uid"].split() == [str(NOBODY)] * 4
    assert int(fields["CapEff"], 16) == 0
    assert fields["NoNewPrivs"] == "1"


def test_it_runs_in_a_user_namespace_that_maps_nobody(waiting: Callable[..., Waiting]) -> None:
    container = waiting("/bin/true", "true", before=lambda: process.unshare(process.CLONE_NEWUSER))
    container.open_gate()
    assert container.status() == 0


def test_the_other_machine_keeps_the_protocol_too(tmp_path: Path) -> None:
    emulator = shutil.which("qemu-aarch64")
    if not emulator or os.uname().machine == "aarch64":
        pytest.skip("needs qemu-user on another machine than aarch64")
    program = tmp_path / "stub"
    program.write_bytes(stub.compose(stub.image("aarch64") or b"", stub.no_calls))
    program.chmod(0o755)
    outcome, outcome_end = os.pipe()
    gate_end, gate = os.pipe()
    os.write(gate, b"!")

    def run(path: str) -> int:
        command = [
            emulator,
            "-0",
            "runf-init",
            str(program),
            str(gate_end),
            str(outcome_end),
            path,
            "program",
            "argument",
        ]
        return subprocess.run(command, pass_fds=(gate_end, outcome_end), check=False).returncode

    try:
        assert run("/bin/true") == 0
        os.write(gate, b"!")
        assert run("/nowhere") == 127
        assert os.read(outcome, 16) == errno.ENOENT.to_bytes(4, "little")
        os.write(gate, b"!")
        assert run("/etc/passwd") == 126
        os.close(gate)
        gate = -1
        assert run("/bin/true") == 1
    finally:
        for fd in (outcome, outcome_end, gate_end, gate):
            if fd >= 0:
                os.close(fd)
