"""The maker's side of the conversation with a first process that ends early."""

import errno
import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from runtime.errors import InitFault
from runtime.kernel import process
from runtime.sandbox import channel, spawn
from runtime.sandbox.spawn import Child


def refuse(*_: object) -> NoReturn:
    raise AssertionError("nothing was asked")


def serve(child: Child) -> NoReturn:
    spawn.serve(child, on_root=refuse, on_mounted=refuse, on_console=refuse)
    raise AssertionError("it was never ready")


@pytest.fixture
def ended() -> Iterator[Child]:
    """A first process that has told its fault, and ended with ``go`` unread."""
    mine, theirs = channel.make_pair()
    told, heard = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            mine.close()
            os.read(told, 1)
            fault = InitFault("mounts", errno.ENOENT, "config.json#/mounts/0: there is no such directory")
            channel.tell_fault(theirs, fault, "mounts")
        finally:
            os._exit(1)
    child = Child(pid, process.pidfd_open(pid), mine)
    theirs.close()
    spawn.go(child, hook_state=b"")
    os.write(heard, b"x")
    os.waitid(os.P_PIDFD, child.pidfd, os.WEXITED | os.WNOWAIT)
    yield child
    os.waitpid(pid, 0)
    mine.close()
    for fd in (child.pidfd, told, heard):
        os.close(fd)


def test_what_it_told_before_it_ended_is_heard_although_it_read_nothing(ended: Child) -> None:
    with pytest.raises(InitFault) as caught:
        serve(ended)
    assert (caught.value.step, caught.value.errno) == ("mounts", errno.ENOENT)
    assert "config.json#/mounts/0: there is no such directory" in str(caught.value)


def test_what_it_tells_while_its_maker_is_busy_is_heard_although_nobody_reads_the_answer() -> None:
    mine, theirs = channel.make_pair()
    pid = os.fork()
    if pid == 0:
        try:
            mine.close()
            theirs.send(channel.MOUNTED)
            channel.tell_fault(theirs, OSError(errno.ENOMEM, "Cannot allocate memory"), "mounts")
        finally:
            os._exit(1)
    child = Child(pid, process.pidfd_open(pid), mine)
    theirs.close()

    def run_hooks() -> None:
        os.waitid(os.P_PIDFD, child.pidfd, os.WEXITED | os.WNOWAIT)

    with pytest.raises(InitFault, match="mounts: Cannot allocate memory"):
        spawn.serve(child, on_root=refuse, on_mounted=run_hooks, on_console=refuse)
    os.waitpid(pid, 0)
    mine.close()
    os.close(child.pidfd)


def test_who_has_ended_is_told_nothing_more(ended: Child) -> None:
    spawn.go(ended, hook_state=b"{}")


def test_a_lack_of_memory_is_told_as_one() -> None:
    ours, theirs = channel.make_pair()
    channel.tell_fault(theirs, MemoryError(), "program")
    kind, fields, _ = ours.receive()
    fault = channel.fault_of(kind, fields)
    assert isinstance(fault, InitFault)
    assert (fault.step, fault.errno, str(fault)) == ("program", errno.ENOMEM, "program: out of memory")
    ours.close()
    theirs.close()
