"""File descriptors over Unix sockets."""

import errno
import os
import socket
from collections.abc import Iterator

import pytest

from runtime.kernel.sockets import receive_fds, send_fds, tell_senders
from tests.support.forked import failure

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=[socket.SOCK_SEQPACKET, socket.SOCK_STREAM, socket.SOCK_DGRAM])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    ends = socket.socketpair(socket.AF_UNIX, request.param)
    yield ends
    for end in ends:
        end.close()


@pytest.fixture
def packets() -> Iterator[Pair]:
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    yield ends
    for end in ends:
        end.close()


@pytest.fixture
def pipes() -> Iterator[list[int]]:
    fds = [*os.pipe(), *os.pipe()]
    yield fds
    for fd in fds:
        os.close(fd)


def open_fds() -> list[str]:
    return os.listdir("/proc/self/fd")


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_fds_arrive_in_order_and_closed_at_exec(pair: Pair, pipes: list[int], count: int) -> None:
    send_fds(pair[0], b"text", pipes[:count])
    data, fds, _ = receive_fds(pair[1], 64, 4)
    try:
        assert data == b"text"
        assert [os.fstat(fd).st_ino for fd in fds] == [os.fstat(fd).st_ino for fd in pipes[:count]]
        assert not any(os.get_inheritable(fd) for fd in fds)
    finally:
        for fd in fds:
            os.close(fd)


@pytest.mark.parametrize(("sent", "allowed"), [(1, 0), (2, 0), (2, 1), (3, 1), (4, 2), (4, 3)])
def test_more_fds_than_allowed_are_refused_and_none_is_kept(
    pair: Pair, pipes: list[int], sent: int, allowed: int
) -> None:
    send_fds(pair[0], b"text", pipes[:sent])
    before = open_fds()
    told = failure(lambda: receive_fds(pair[1], 64, allowed))
    assert told == [errno.EMSGSIZE, "recvmsg: the message was larger than expected"]
    assert open_fds() == before


def test_a_packet_that_is_cut_is_refused_and_its_fds_are_closed(packets: Pair, pipes: list[int]) -> None:
    send_fds(packets[0], b"too long", pipes[:1])
    before = open_fds()
    assert failure(lambda: receive_fds(packets[1], 3, 1))[0] == errno.EMSGSIZE
    assert open_fds() == before


def test_the_end_is_no_data_and_no_fd(packets: Pair) -> None:
    packets[0].close()
    assert receive_fds(packets[1], 64, 1) == (b"", [], 0)


def test_nobody_to_send_to_is_a_broken_pipe(packets: Pair, pipes: list[int]) -> None:
    packets[1].close()
    assert failure(lambda: send_fds(packets[0], b"text", pipes[:1]))[0] == errno.EPIPE


def test_a_message_tells_the_pid_of_its_sender(packets: Pair) -> None:
    tell_senders(packets[1])
    pid = os.fork()
    if pid == 0:
        packets[0].send(b"hello")
        os._exit(0)
    assert receive_fds(packets[1], 64, 1) == (b"hello", [], pid)
    os.waitpid(pid, 0)
