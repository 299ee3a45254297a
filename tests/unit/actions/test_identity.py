"""Who a process is."""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING

import pytest

from runtime.actions.identity import identify, open_pidfd
from runtime.kernel import process, procfs
from tests.support.forked import in_namespaces

if TYPE_CHECKING:
    from collections.abc import Iterator

GONE = (1 << 22) - 1


@pytest.fixture
def sleeper() -> Iterator[int]:
    pid = os.fork()
    if pid == 0:
        signal.pause()
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_an_identity_is_pid_start_time_boot_and_namespaces() -> None:
    assert identify(os.getpid()) == {
        "pid": os.getpid(),
        "startTime": procfs.start_time("/proc", os.getpid()),
        "bootId": procfs.boot_id("/proc"),
        "pidNamespace": os.stat("/proc/self/ns/pid").st_ino,
        "timeNamespace": os.stat("/proc/self/ns/time").st_ino,
    }


def test_a_process_that_is_gone_has_none() -> None:
    with pytest.raises(ProcessLookupError, match=f"process {GONE} is gone"):
        identify(GONE)


def test_the_namespaces_are_those_of_who_reads_the_pid(sleeper: int) -> None:
    def read() -> list[int]:
        found = identify(sleeper)
        return [found["pidNamespace"], found["timeNamespace"]]

    ours = [os.stat(f"/proc/self/ns/{kind}").st_ino for kind in ("pid", "time")]
    inner = in_namespaces(process.CLONE_NEWPID | process.CLONE_NEWTIME, read)
    assert not set(inner) & set(ours)


def test_a_pidfd_is_that_of_the_process(sleeper: int) -> None:
    pidfd = open_pidfd(identify(sleeper))
    assert pidfd is not None
    try:
        assert f"Pid:\t{sleeper}\n" in open(f"/proc/self/fdinfo/{pidfd}").read()
        assert not os.get_inheritable(pidfd)
    finally:
        os.close(pidfd)


def test_a_zombie_has_one_that_tells_the_end(sleeper: int) -> None:
    found = identify(sleeper)
    os.kill(sleeper, signal.SIGKILL)
    os.waitid(os.P_PID, sleeper, os.WEXITED | os.WNOWAIT)
    pidfd = open_pidfd(found)
    assert pidfd is not None
    assert select.select([pidfd], [], [], 0)[0]
    os.close(pidfd)


def test_a_pid_that_was_given_to_another_has_none(sleeper: int) -> None:
    found = identify(sleeper)
    before = os.listdir("/proc/self/fd")
    assert open_pidfd({**found, "startTime": found["startTime"] + 1}) is None
    assert os.listdir("/proc/self/fd") == before


def test_a_process_that_is_gone_has_no_pidfd() -> None:
    assert open_pidfd({**identify(os.getpid()), "pid": GONE}) is None
