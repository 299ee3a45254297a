"""The container's terminal, on a devpts of its own in a mount namespace of its own."""

import fcntl
import os
import stat
import struct
import subprocess
import sys
import termios
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.errors import InitFault
from runtime.kernel import process
from runtime.sandbox.console import Console, attach_console, open_console, take_console

TTY_GROUP = 5

pytestmark = pytest.mark.needs("root")


def in_a_child(action: Callable[[], None]) -> None:
    """Run it in a fork, whose namespaces, session and descriptors go with it; its failure fails the test."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            action()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def enter_mount_namespace() -> None:
    process.unshare(process.CLONE_NEWNS)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def enter_user_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    process.unshare(process.CLONE_NEWUSER | process.CLONE_NEWNS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def mount_devpts(dev: Path, options: str = f"gid={TTY_GROUP},mode=0620,ptmxmode=0666") -> int:
    """A descriptor of the new devpts below dev, as the steps that mount it hand over."""
    (dev / "pts").mkdir(parents=True)
    subprocess.run(["mount", "-t", "devpts", "-o", f"newinstance,{options}", "devpts", dev / "pts"], check=True)
    return os.open(dev / "pts", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


@contextmanager
def refused(detail: str) -> Iterator[None]:
    with pytest.raises(InitFault) as caught:
        yield
    assert (caught.value.step, caught.value.detail) == ("console", detail)


def window(fd: int) -> tuple[int, ...]:
    return struct.unpack("4H", fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))


def with_console(dev: Path, check: Callable[[Console], None], **how: object) -> None:
    def act() -> None:
        enter_mount_namespace()
        check(open_console(mount_devpts(dev), **how))  # type: ignore[arg-type]

    in_a_child(act)


def test_what_the_container_prints_comes_without_carriage_returns(tmp_path: Path) -> None:
    def check(console: Console) -> None:
        os.write(console.slave_fd, b"one\ntwo\n")
        assert os.read(console.master_fd, 64) == b"one\ntwo\n"

    with_console(tmp_path, check)


def test_what_is_typed_reaches_the_container(tmp_path: Path) -> None:
    def check(console: Console) -> None:
        os.write(console.master_fd, b"ls\r")
        assert os.read(console.slave_fd, 64) == b"ls\n"

    with_console(tmp_path, check)


def test_the_size_is_height_and_width(tmp_path: Path) -> None:
    with_console(tmp_path, lambda console: check_equal(window(console.slave_fd), (25, 80, 0, 0)), size=(25, 80))


def check_equal(left: object, right: object) -> None:
    assert left == right


def test_the_slave_belongs_to_the_user_and_keeps_the_mounts_group(tmp_path: Path) -> None:
    def check(console: Console) -> None:
        status = os.fstat(console.slave_fd)
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, TTY_GROUP, 0o620)

    with_console(tmp_path, check, uid=1234)


def test_both_ends_close_on_exec_and_are_no_controlling_terminal(tmp_path: Path) -> None:
    def check(console: Console) -> None:
        assert [os.get_inheritable(fd) for fd in console] == [False, False]
        with pytest.raises(OSError, match="No such device or address"):
            os.open("/dev/tty", os.O_RDWR)

    def act() -> None:
        os.setsid()
        enter_mount_namespace()
        check(open_console(mount_devpts(tmp_path)))

    in_a_child(act)


def test_it_works_in_a_user_namespace_with_one_id(tmp_path: Path) -> None:
    def act() -> None:
        enter_user_namespace()
        console = open_console(mount_devpts(tmp_path, "mode=0600"), uid=0)
        (tmp_path / "console").touch()
        dev = os.open(tmp_path, os.O_PATH)
        attach_console(console.slave_fd, dev)
        assert stat.S_ISCHR(os.stat(tmp_path / "console").st_mode)

    in_a_child(act)


def test_a_directory_that_is_no_devpts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ptmx").symlink_to("/dev/ptmx")
    with refused("/dev/pts is not a devpts file system"):
        open_console(os.open(tmp_path, os.O_PATH))


def test_another_file_mounted_over_ptmx_is_refused(tmp_path: Path) -> None:
    def act() -> None:
        enter_mount_namespace()
        pts = mount_devpts(tmp_path)
        subprocess.run(["mount", "--bind", "/dev/null", tmp_path / "pts/ptmx"], check=True)
        with refused("/dev/pts/ptmx is not the multiplexer of that devpts"):
            open_console(pts)

    in_a_child(act)


def test_the_multiplexer_of_another_devpts_is_refused(tmp_path: Path) -> None:
    def act() -> None:
        enter_mount_namespace()
        os.close(mount_devpts(tmp_path / "other"))
        pts = mount_devpts(tmp_path / "dev")
        subprocess.run(["mount", "--bind", tmp_path / "other/pts/ptmx", tmp_path / "dev/pts/ptmx"], check=True)
        with refused("/dev/pts/ptmx is not the multiplexer of that devpts"):
            open_console(pts)

    in_a_child(act)


def test_a_refusal_leaves_no_descriptor_open(tmp_path: Path) -> None:
    def act() -> None:
        enter_mount_namespace()
        pts = mount_devpts(tmp_path)
        subprocess.run(["mount", "--bind", "/dev/null", tmp_path / "pts/ptmx"], check=True)
        before = os.listdir("/proc/self/fd")
        with refused("/dev/pts/ptmx is not the multiplexer of that devpts"):
            open_console(pts)
        assert os.listdir("/proc/self/fd") == before

    in_a_child(act)


def test_dev_console_is_the_slave(tmp_path: Path) -> None:
    def check(console: Console) -> None:
        (tmp_path / "console").touch()
        attach_console(console.slave_fd, os.open(tmp_path, os.O_PATH))
        assert os.stat(tmp_path / "console").st_rdev == os.fstat(console.slave_fd).st_rdev
        with open(os.open(tmp_path / "console", os.O_WRONLY | os.O_NOCTTY), "wb", buffering=0) as file:
            file.write(b"hello\n")
        assert os.read(console.master_fd, 64) == b"hello\n"

    with_console(tmp_path, check)


@pytest.mark.parametrize("kind", ["link", "directory"])
def test_a_dev_console_that_is_something_else_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "target").touch()
    if kind == "link":
        (tmp_path / "console").symlink_to("target")
    else:
        (tmp_path / "console").mkdir()

    def check(console: Console) -> None:
        with refused("/dev/console is neither a file nor a character device"):
            attach_console(console.slave_fd, os.open(tmp_path, os.O_PATH))
        assert stat.S_ISREG(os.stat(tmp_path / "target").st_mode)

    with_console(tmp_path, check)


@pytest.mark.parametrize("leads_already", [False, True])
def test_the_process_gets_the_slave_as_its_controlling_terminal(tmp_path: Path, leads_already: bool) -> None:
    def act() -> None:
        enter_mount_namespace()
        console = open_console(mount_devpts(tmp_path))
        if leads_already:
            os.setsid()
        device = os.fstat(console.slave_fd).st_rdev
        take_console(console.slave_fd)
        assert [os.fstat(fd).st_rdev for fd in (0, 1, 2)] == [device] * 3
        assert os.getsid(0) == os.getpid() == os.tcgetpgrp(0)
        os.close(os.open("/dev/tty", os.O_RDWR))
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(console.slave_fd)

    in_a_child(act)
