"""How a process ended, by whoever is not its parent."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from runtime.actions.ending import exit_of_ended, exit_of_zombie
from runtime.actions.identity import identify
from runtime.kernel.process import CLONE_NEWUSER, PidfdExit
from tests.support.children import Child
from tests.support.forked import as_user, in_child, in_namespaces, needs_root
from tests.support.records import exit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def child() -> Iterator[Child]:
    """One that is gone after the test."""
    made = Child()
    yield made
    made.clean_up()


def test_a_zombie_tells_its_exit_to_its_owner(child: Child) -> None:
    child.end(7)
    assert exit_of_zombie(child.identity) == PidfdExit(7, None)


def test_a_zombie_tells_its_signal(child: Child) -> None:
    child.kill(signal.SIGTERM)
    assert exit_of_zombie(child.identity) == PidfdExit(143, 15)


def test_a_live_process_is_no_zombie(child: Child) -> None:
    assert exit_of_zombie(child.identity) is None


def test_a_pid_that_was_given_to_another_process_tells_nothing_of_it(child: Child) -> None:
    child.end(7)
    assert exit_of_zombie({**child.identity, "startTime": child.identity["startTime"] - 1}) is None


@needs_root
def test_whoever_may_not_ptrace_a_zombie_reads_no_code_instead_of_zero(child: Child) -> None:
    child.end(7)
    assert in_child(as_user(lambda: exit_of_zombie(child.identity))) is None


@needs_root
def test_root_of_another_user_namespace_reads_none_either(child: Child) -> None:
    child.end(7)
    assert in_child(as_user(lambda: in_namespaces(CLONE_NEWUSER, lambda: exit_of_zombie(child.identity)))) is None


def own_child(look: Callable[[int], object]) -> object:
    pid = os.fork()
    if pid == 0:
        os._exit(5)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        return look(pid)
    finally:
        os.waitpid(pid, 0)


def test_the_owner_of_a_zombie_reads_its_code_without_root() -> None:
    assert in_child(as_user(lambda: own_child(lambda pid: exit_of_zombie(identify(pid))))) == [5, None]


def test_a_delete_by_an_ordinary_user_learns_the_exit_of_a_zombie() -> None:
    def look(pid: int) -> object:
        pidfd = os.pidfd_open(pid)
        try:
            return exit_of_ended(pidfd, identify(pid))
        finally:
            os.close(pidfd)

    assert in_child(as_user(lambda: own_child(look))) == exit_of(5)
