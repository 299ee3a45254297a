"""Processes: clone3, pidfds, exec by fd, close_range, prctl; each change happens in a forked child."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
from typing import TYPE_CHECKING

import pytest

from runtime.kernel import files, process
from runtime.kernel.process import PidfdExit
from tests.support.forked import NOBODY, as_user, exit_status_of, failure, in_child, needs_root, needs_user_namespaces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GONE = (1 << 22) - 1
ENDING = [number for number in range(1, 65) if number not in (17, 18, 19, 20, 21, 22, 23, 28, 32, 33)]

needs_exit_info = pytest.mark.needs("linux:6.15")  # PIDFD_INFO_EXIT


def forked(action: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            action()
        finally:
            os._exit(97)
    return pid


@pytest.fixture
def sleeper() -> Iterator[int]:
    pid = forked(signal.pause)
    yield pid
    process.kill_if_alive(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


class TestClone3:
    def test_without_flags_it_is_a_fork(self) -> None:
        def clone() -> int:
            pid = process.clone3(0)
            if pid == 0:
                os._exit(7 if os.getppid() == parent[0] else 8)
            return exit_status_of(pid)

        parent: list[int] = []

        def remember() -> int:
            parent.append(os.getpid())
            return clone()

        assert in_child(remember) == 7

    def test_an_unknown_flag_is_refused_and_shown(self) -> None:
        told = failure(lambda: process.clone3(1 << 40))
        assert told == [errno.EINVAL, "clone3(0x10000000000): Invalid argument"]

    def test_memory_that_is_shared_needs_a_stack(self) -> None:
        # CLONE_SIGHAND without CLONE_VM: refused before anything is made
        assert failure(lambda: process.clone3(0x800))[0] == errno.EINVAL

    @needs_root
    def test_new_namespaces_make_a_first_process(self) -> None:
        def clone() -> list[object]:
            reading, writing = os.pipe()
            flags = process.CLONE_NEWPID | process.CLONE_NEWUTS | process.CLONE_NEWIPC | process.CLONE_NEWNET
            pid = process.clone3(flags)
            if pid == 0:
                os.write(writing, b"%d %d" % (os.getpid(), os.getppid()))
                os._exit(0)
            return [os.read(reading, 99).decode(), exit_status_of(pid)]

        assert in_child(clone) == ["1 0", 0]

    @needs_user_namespaces
    def test_a_user_namespace_needs_no_root(self) -> None:
        def clone() -> list[object]:
            reading, writing = os.pipe()
            before = os.stat("/proc/self/ns/user").st_ino
            pid = process.clone3(process.CLONE_NEWUSER | process.CLONE_NEWPID)
            if pid == 0:
                is_new = os.stat("/proc/self/ns/user").st_ino != before
                os.write(writing, b"%d %d %d" % (os.getpid(), os.getuid(), is_new))
                os._exit(0)
            return [os.read(reading, 99).decode(), exit_status_of(pid)]

        assert in_child(as_user(clone)) == [f"1 {NOBODY} 1", 0]

    def test_other_namespaces_need_it(self) -> None:
        told = in_child(as_user(lambda: failure(lambda: process.clone3(process.CLONE_NEWUTS))))
        assert told == [errno.EPERM, "clone3(0x4000000): Operation not permitted"]

    def test_clone_parent_makes_a_sibling(self) -> None:
        def clone() -> list[int]:
            reading, writing = os.pipe()
            middle = os.fork()
            if middle == 0:
                sibling = process.clone3(process.CLONE_PARENT, exit_signal=0)
                if sibling == 0:
                    os._exit(5)
                os.write(writing, b"%d" % sibling)
                os._exit(0)
            sibling = int(os.read(reading, 99))
            return [exit_status_of(middle), exit_status_of(sibling)]

        assert in_child(clone) == [0, 5]

    def test_a_cgroup_must_be_one(self) -> None:
        with open("/proc/self/stat") as other:
            told = failure(lambda: process.clone3(0, cgroup_fd=other.fileno()))
        assert told == [errno.EBADF, "clone3(0x200000000): Bad file descriptor"]


class TestPidfd:
    def test_it_polls_readable_once_the_process_has_ended(self, sleeper: int) -> None:
        pidfd = process.pidfd_open(sleeper)
        try:
            assert not select.select([pidfd], [], [], 0)[0]
            process.pidfd_send_signal(pidfd, signal.SIGKILL)
            assert select.select([pidfd], [], [], 10)[0]
            assert not os.get_inheritable(pidfd)
        finally:
            os.close(pidfd)

    def test_a_process_that_is_gone_has_none(self) -> None:
        assert failure(lambda: process.pidfd_open(GONE)) == [errno.ESRCH, f"pidfd_open({GONE}): No such process"]

    @pytest.mark.parametrize("pid", [0, -1])
    def test_a_number_that_is_no_pid_is_refused(self, pid: int) -> None:
        assert failure(lambda: process.pidfd_open(pid))[0] == errno.EINVAL

    def test_signal_zero_only_asks(self, sleeper: int) -> None:
        pidfd = process.pidfd_open(sleeper)
        process.pidfd_send_signal(pidfd, 0)
        assert not select.select([pidfd], [], [], 0)[0]
        os.close(pidfd)

    def test_who_was_reaped_gets_no_signal(self) -> None:
        pid = forked(signal.pause)
        pidfd = process.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        with pytest.raises(ProcessLookupError, match=r"pidfd_send_signal\(15\): No such process"):
            process.pidfd_send_signal(pidfd, signal.SIGTERM)
        os.close(pidfd)

    def test_a_number_that_is_no_signal_is_refused(self, sleeper: int) -> None:
        pidfd = process.pidfd_open(sleeper)
        assert failure(lambda: process.pidfd_send_signal(pidfd, 65)) == [
            errno.EINVAL,
            "pidfd_send_signal(65): Invalid argument",
        ]
        os.close(pidfd)

    @needs_root
    def test_a_stranger_may_not_signal(self, sleeper: int) -> None:
        pidfd = process.pidfd_open(sleeper)
        told = in_child(as_user(lambda: failure(lambda: process.pidfd_send_signal(pidfd, signal.SIGTERM))))
        assert told == [errno.EPERM, "pidfd_send_signal(15): Operation not permitted"]
        os.close(pidfd)


def end_of(pid: int) -> tuple[PidfdExit | None, PidfdExit | None, int]:
    """What the pidfd tells of a zombie, and after the reaping; and the wait status."""
    pidfd = process.pidfd_open(pid)
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        zombie = process.pidfd_exit_info(pidfd)
        _, status = os.waitpid(pid, 0)
        return zombie, process.pidfd_exit_info(pidfd), status
    finally:
        os.close(pidfd)


class TestExitInfo:
    @needs_exit_info
    @pytest.mark.parametrize("code", range(256))
    def test_every_code_is_told_after_the_reaping(self, code: int) -> None:
        zombie, reaped, status = end_of(forked(lambda: os._exit(code)))
        assert zombie is None
        assert reaped == PidfdExit(code, None) == process.exit_of(status)

    @needs_exit_info
    @pytest.mark.parametrize("number", ENDING)
    def test_every_signal_that_ends_a_process_is_told(self, number: int) -> None:
        def die() -> None:
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if number not in (signal.SIGKILL, signal.SIGSTOP):
                signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            signal.pause()

        _, reaped, status = end_of(forked(die))
        assert reaped == PidfdExit(128 + number, number) == process.exit_of(status)

    def test_of_a_living_process_nothing_is_told(self, sleeper: int) -> None:
        pidfd = process.pidfd_open(sleeper)
        assert process.pidfd_exit_info(pidfd) is None
        os.close(pidfd)

    def test_what_is_no_pidfd_tells_nothing(self) -> None:
        with open("/dev/null") as other:
            assert process.pidfd_exit_info(other.fileno()) is None

    def test_a_closed_fd_is_an_error(self) -> None:
        assert failure(lambda: process.pidfd_exit_info(1 << 20))[0] == errno.EBADF

    @needs_exit_info
    @needs_root
    def test_who_is_not_the_parent_learns_it_too(self) -> None:
        pid = forked(signal.pause)
        pidfd = process.pidfd_open(pid)
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        assert in_child(as_user(lambda: process.pidfd_exit_info(pidfd))) == [143, 15]
        os.close(pidfd)

    @needs_exit_info
    def test_a_pidfd_opened_of_the_zombie_is_early_enough(self) -> None:
        pid = forked(lambda: os._exit(9))
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        pidfd = process.pidfd_open(pid)
        os.waitpid(pid, 0)
        assert process.pidfd_exit_info(pidfd) == PidfdExit(9, None)
        os.close(pidfd)


@pytest.mark.parametrize(
    "status", [*(code << 8 for code in range(256)), *range(1, 65), *(n | 0x80 for n in range(1, 65))]
)
def test_a_wait_status_is_read_as_the_standard_library_reads_it(status: int) -> None:
    expected = os.waitstatus_to_exitcode(status)
    found = process.exit_of(status)
    assert found == (PidfdExit(128 - expected, -expected) if expected < 0 else PidfdExit(expected, None))


class TestCloseRange:
    def test_fds_in_the_range_are_closed_and_others_stay(self) -> None:
        def close() -> list[bool]:
            for fd in (60, 61, 62, 63):
                os.dup2(0 if os.path.exists("/proc/self/fd/0") else os.open("/dev/null", os.O_RDONLY), fd)
            process.close_range(61, 62)
            return [os.path.exists(f"/proc/self/fd/{fd}") for fd in (60, 61, 62, 63)]

        assert in_child(close) == [True, False, False, True]

    def test_all_can_be_marked_for_exec_up_to_the_largest(self) -> None:
        def mark() -> list[int]:
            fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
            for fd in fds:
                os.set_inheritable(fd, True)
            process.close_range(3, 0xFFFFFFFF, process.CLOSE_RANGE_CLOEXEC)
            return [fcntl.fcntl(fd, fcntl.F_GETFD) for fd in fds]

        assert in_child(mark) == [fcntl.FD_CLOEXEC] * 3

    def test_a_range_that_ends_before_it_begins_is_refused(self) -> None:
        assert failure(lambda: process.close_range(10, 9)) == [errno.EINVAL, "close_range(10, 9): Invalid argument"]


def output_of(execute: Callable[[], object]) -> tuple[bytes, int]:
    """What a child printed that executed something, and its exit code."""
    reading, writing = os.pipe()

    def become() -> None:
        os.dup2(writing, 1)
        execute()

    pid = forked(become)
    os.close(writing)
    with open(reading, "rb") as stream:
        printed = stream.read()
    return printed, exit_status_of(pid)


class TestExecveat:
    def test_a_path_with_arguments_and_environment(self) -> None:
        arguments = [b"sh", b"-c", b'echo "$0 $1 $COLOUR"', b"zero", b""]
        environment = [b"COLOUR=green \xff"]
        printed, code = output_of(
            lambda: process.execveat(process.AT_FDCWD, b"/bin/sh", arguments, environment, 0),
        )
        assert (printed, code) == (b"zero  green \xff\n", 0)

    def test_a_memfd_is_executed_by_its_number(self) -> None:
        def execute() -> None:
            fd = files.memfd_create("program", files.MFD_CLOEXEC | files.MFD_ALLOW_SEALING)
            with open("/bin/echo", "rb") as program:
                os.write(fd, program.read())
            files.seal(fd, files.F_SEAL_WRITE | files.F_SEAL_SHRINK | files.F_SEAL_GROW | files.F_SEAL_SEAL)
            process.execveat(fd, b"", [b"echo", b"from memory"], [], process.AT_EMPTY_PATH)

        assert output_of(execute) == (b"from memory\n", 0)

    def test_no_environment_is_an_empty_one(self) -> None:
        execute = lambda: process.execveat(process.AT_FDCWD, b"/usr/bin/env", [b"env"], [], 0)  # noqa: E731
        assert output_of(execute) == (b"", 0)

    @pytest.mark.parametrize(
        ("path", "number", "reason"),
        [
            (b"/nowhere", errno.ENOENT, "No such file or directory"),
            (b"/etc/passwd", errno.EACCES, "Permission denied"),
            (b"/etc", errno.EACCES, "Permission denied"),
        ],
    )
    def test_what_cannot_be_executed_is_named(self, path: bytes, number: int, reason: str) -> None:
        told = failure(lambda: process.execveat(process.AT_FDCWD, path, [b"x"], [], 0))
        assert told == [number, f"execve({path.decode()}): {reason}"]

    def test_without_a_path_the_fd_is_named(self) -> None:
        told = failure(lambda: process.execveat(1 << 20, b"", [b"x"], [], process.AT_EMPTY_PATH))
        assert told == [errno.EBADF, "execve(fd 1048576): Bad file descriptor"]

    def test_a_link_is_refused_where_none_may_be(self) -> None:
        told = failure(
            lambda: process.execveat(process.AT_FDCWD, b"/proc/self/exe", [b"x"], [], process.AT_SYMLINK_NOFOLLOW)
        )
        assert told[0] == errno.ELOOP


class TestKillIfAlive:
    def test_a_process_that_lives_is_signalled(self) -> None:
        pid = forked(signal.pause)
        process.kill_if_alive(pid, signal.SIGTERM)
        assert exit_status_of(pid) == -signal.SIGTERM

    def test_one_that_is_gone_is_fine(self) -> None:
        process.kill_if_alive(GONE, signal.SIGTERM)

    def test_a_wrong_signal_is_not(self) -> None:
        with pytest.raises(OSError, match="Invalid argument"):
            process.kill_if_alive(os.getpid(), 65)
