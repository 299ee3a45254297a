"""Namespaces: unshare, setns, and what is set inside them."""

from __future__ import annotations

import errno
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.kernel import process, procfs
from runtime.kernel.network import loopback_up
from runtime.kernel.sysctl import set_domain_name, write_sysctl
from tests.support.forked import (
    as_user,
    enter_user_namespace,
    failure,
    in_child,
    in_namespaces,
    needs_root,
    needs_user_namespaces,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {
    "mnt": process.CLONE_NEWNS,
    "uts": process.CLONE_NEWUTS,
    "ipc": process.CLONE_NEWIPC,
    "net": process.CLONE_NEWNET,
    "cgroup": process.CLONE_NEWCGROUP,
}
CHILDRENS = {"pid": process.CLONE_NEWPID, "time": process.CLONE_NEWTIME}


def inode(kind: str) -> int | None:
    return procfs.namespace_inode("/proc", "self", kind)


@pytest.fixture
def elsewhere() -> Iterator[int]:
    """A process in new namespaces of all kinds but the user's and the pid's."""
    flags = 0
    for flag in KINDS.values():
        flags |= flag
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            process.unshare(flags)
            os.write(writing, b"x")
            signal.pause()
        finally:
            os._exit(1)
    os.close(writing)
    assert os.read(reading, 1) == b"x"
    os.close(reading)
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@needs_root
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_namespace_is_another_one_and_the_rest_stay(kind: str) -> None:
    def leave() -> list[str]:
        before = procfs.namespaces("/proc", "self")
        process.unshare(KINDS[kind])
        after = procfs.namespaces("/proc", "self")
        return [each for each in before if before[each] != after[each]]

    assert in_child(leave) == [kind]


@needs_root
@pytest.mark.parametrize("kind", CHILDRENS)
def test_pid_and_time_namespaces_are_for_the_children(kind: str) -> None:
    def leave() -> list[bool]:
        before = inode(kind)
        process.unshare(CHILDRENS[kind])
        return [inode(kind) == before, in_child(lambda: inode(kind)) == before]

    assert in_child(leave) == [True, False]


@needs_user_namespaces
def test_an_ordinary_user_gets_all_of_them_with_a_user_namespace() -> None:
    def leave() -> list[object]:
        before = procfs.namespaces("/proc", "self")
        enter_user_namespace(sum(KINDS.values()))
        after = procfs.namespaces("/proc", "self")
        changed = sorted(kind for kind in before if before[kind] != after[kind])
        return [changed, os.geteuid(), procfs.is_initial_user_namespace("/proc")]

    assert in_child(as_user(leave)) == [sorted([*KINDS, "user"]), 0, False]


@needs_user_namespaces
def test_an_outer_uid_is_what_the_map_says() -> None:
    def leave() -> list[object]:
        outer = os.geteuid()
        enter_user_namespace(0)
        return [procfs.outer_uid("/proc", 0) == outer, procfs.id_map("/proc", "self", "uid") == [(0, outer, 1)]]

    assert in_child(as_user(leave)) == [True, True]


@needs_root
@pytest.mark.parametrize("kind", KINDS)
def test_a_namespace_is_entered_by_its_fd(elsewhere: int, kind: str) -> None:
    def enter() -> list[object]:
        fd = os.open(f"/proc/{elsewhere}/ns/{kind}", os.O_RDONLY)
        process.setns(fd, KINDS[kind])
        return [inode(kind)]

    assert in_child(enter) == [procfs.namespace_inode("/proc", elsewhere, kind)]


@needs_root
def test_several_are_entered_at_once_through_a_pidfd(elsewhere: int) -> None:
    def enter() -> list[object]:
        process.setns(process.pidfd_open(elsewhere), process.CLONE_NEWUTS | process.CLONE_NEWNET)
        return [inode("uts"), inode("net")]

    assert in_child(enter) == [procfs.namespace_inode("/proc", elsewhere, kind) for kind in ("uts", "net")]


@needs_root
def test_a_namespace_of_another_kind_than_was_said_is_refused(elsewhere: int) -> None:
    def enter() -> object:
        fd = os.open(f"/proc/{elsewhere}/ns/uts", os.O_RDONLY)
        return failure(lambda: process.setns(fd, process.CLONE_NEWNET))

    assert in_child(enter) == [errno.EINVAL, "setns(0x40000000): Invalid argument"]


def test_what_is_no_namespace_is_refused() -> None:
    with open("/dev/null") as other:
        assert failure(lambda: process.setns(other.fileno(), 0)) == [errno.EINVAL, "setns(0x0): Invalid argument"]


def test_an_ordinary_user_leaves_none_alone() -> None:
    told = in_child(as_user(lambda: failure(lambda: process.unshare(process.CLONE_NEWNET))))
    assert told == [errno.EPERM, "unshare(0x40000000): Operation not permitted"]


def test_an_unknown_flag_is_refused_and_shown() -> None:
    assert failure(lambda: process.unshare(0x1)) == [errno.EINVAL, "unshare(0x1): Invalid argument"]


@needs_user_namespaces
def test_the_innermost_pid_is_that_of_the_deepest_namespace() -> None:
    def clone() -> list[int]:
        reading, writing = os.pipe()
        pid = process.clone3(process.CLONE_NEWUSER | process.CLONE_NEWPID)
        if pid == 0:
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
        found = procfs.innermost_pid("/proc", pid)
        os.close(writing)
        os.waitpid(pid, 0)
        return [found, procfs.innermost_pid("/proc", pid)]

    assert in_child(as_user(clone)) == [1, 0]


@needs_user_namespaces
def test_the_loopback_of_a_new_network_namespace_comes_up() -> None:
    def use() -> list[object]:
        address = ("127.0.0.1", 0)
        listener = socket.socket()
        listener.bind(address)
        listener.listen()
        before = failure(lambda: socket.create_connection(listener.getsockname()))[0]
        loopback_up()
        socket.create_connection(listener.getsockname(), timeout=5).close()
        loopback_up()  # again: nothing changes
        return [before, Path("/proc/self/net/dev").read_text().count(":")]

    first, devices = in_namespaces(process.CLONE_NEWNET, use)
    assert first == errno.ENETUNREACH
    assert devices >= 1


@needs_root
def test_without_the_right_to_it_the_loopback_stays_down() -> None:
    def use() -> object:
        process.unshare(process.CLONE_NEWNET)
        return in_child(as_user(lambda: failure(loopback_up)[0]))

    assert in_child(use) == errno.EPERM


@needs_user_namespaces
def test_the_domain_name_is_set_in_its_own_namespace_only() -> None:
    path = Path("/proc/sys/kernel/domainname")
    before = path.read_text()

    def change() -> str:
        set_domain_name("example.org")
        return path.read_text()

    assert in_namespaces(process.CLONE_NEWUTS, change) == "example.org\n"
    assert path.read_text() == before


@needs_user_namespaces
@pytest.mark.parametrize(
    ("flag", "parts", "value"),
    [
        pytest.param(process.CLONE_NEWUTS, ("kernel", "hostname"), "inside", marks=needs_root),
        (process.CLONE_NEWNET, ("net", "ipv4", "ip_unprivileged_port_start"), "80"),
        (process.CLONE_NEWIPC, ("kernel", "shmmax"), "65536"),
    ],
)
def test_a_parameter_is_set_in_its_own_namespace_only(flag: int, parts: tuple[str, ...], value: str) -> None:
    path = Path("/proc/sys", *parts)
    before = path.read_text()

    def change() -> str:
        write_sysctl(parts, value)
        return path.read_text().strip()

    assert in_namespaces(flag, change) == value
    assert path.read_text() == before


@needs_user_namespaces
def test_a_value_that_the_kernel_does_not_take_is_an_error() -> None:
    def change() -> object:
        return failure(lambda: write_sysctl(("net", "ipv4", "ip_forward"), "many"))[0]

    assert in_namespaces(process.CLONE_NEWNET, change) == errno.EINVAL
