"""The hand-over of the terminal to a console socket, in both protocols."""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import Fault
from runtime.sandbox import console
from runtime.sandbox.console import send_to_console_socket

SUCCESS = b'{"type": "success"}'


@pytest.fixture
def master() -> Iterator[int]:
    """Any descriptor will do: nothing looks at it on this side."""
    fd = os.memfd_create("master")
    yield fd
    os.close(fd)


def receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    """The payload, and the inodes of the descriptors that came with it."""
    data, fds, _, _ = socket.recv_fds(sock, 4096, 4)
    inodes = [os.fstat(fd).st_ino for fd in fds]
    for fd in fds:
        os.close(fd)
    return data, inodes


def listen(directory: Path, name: str) -> socket.socket:
    """A listening socket at directory/name, whatever its length."""
    server = socket.socket(socket.AF_UNIX)
    handle = os.open(directory, os.O_PATH)
    try:
        server.bind(f"/proc/self/fd/{handle}/s")
    finally:
        os.close(handle)
    (directory / "s").rename(directory / name)
    server.listen()
    return server


class TestPath:
    def test_it_gets_the_master_with_a_name_and_need_not_answer(self, tmp_path: Path, master: int) -> None:
        with listen(tmp_path, "console.sock") as server:
            send_to_console_socket(str(tmp_path / "console.sock"), master, "c1")
            connection, _ = server.accept()
            with connection:
                name, inodes = receive(connection)
                assert inodes == [os.fstat(master).st_ino]
                assert name == b"/dev/ptmx"
                assert connection.recv(1) == b""

    @pytest.mark.parametrize("depth", [0, 3])
    def test_it_may_be_longer_than_a_socket_address(self, tmp_path: Path, master: int, depth: int) -> None:
        directory = tmp_path.joinpath(*["d" * 100] * depth)
        directory.mkdir(parents=True, exist_ok=True)
        with listen(directory, "n" * 200) as server:
            send_to_console_socket(str(directory / ("n" * 200)), master, "c1")
            connection, _ = server.accept()
            with connection:
                assert receive(connection)[1] == [os.fstat(master).st_ino]

    def test_digits_with_a_slash_are_a_path(self, tmp_path: Path, master: int) -> None:
        with listen(tmp_path, "7") as server:
            send_to_console_socket(str(tmp_path / "7"), master, "c1")
            connection, _ = server.accept()
            connection.close()

    @pytest.mark.parametrize("name", ["missing", "m" * 120])
    def test_a_missing_one_is_a_fault_that_names_it(self, tmp_path: Path, master: int, name: str) -> None:
        with pytest.raises(Fault, match=f"console socket {tmp_path}/{name}: No such file or directory"):
            send_to_console_socket(str(tmp_path / name), master, "c1")

    def test_one_that_nobody_listens_on_is_a_fault(self, tmp_path: Path, master: int) -> None:
        listen(tmp_path, "console.sock").close()
        with pytest.raises(Fault, match="Connection refused"):
            send_to_console_socket(str(tmp_path / "console.sock"), master, "c1")


@pytest.mark.parametrize("kind", [socket.SOCK_SEQPACKET, socket.SOCK_STREAM])
class TestDescriptor:
    def test_it_gets_a_request_with_the_master_and_answers_success(self, kind: int, master: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        with ours, theirs:
            theirs.send(SUCCESS)
            send_to_console_socket(str(ours.fileno()), master, "c1")
            request, inodes = receive(theirs)
            assert json.loads(request) == {"type": "terminal", "container": "c1"}
            assert inodes == [os.fstat(master).st_ino]
            assert os.fstat(ours.fileno())  # still the caller's

    @pytest.mark.parametrize(
        ("answer", "complaint"),
        [
            (b'{"type": "error", "message": "no room"}', "its server refused: no room"),
            (b'{"type": "error"}', "its server refused: without a reason"),
            (b'{"type": "maybe"}', "neither a success nor an error"),
            (b"[]", "neither a success nor an error"),
            (b"success!", "the answer is not JSON"),
        ],
    )
    def test_another_answer_is_a_fault(self, kind: int, master: int, answer: bytes, complaint: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        with ours, theirs:
            theirs.send(answer)
            theirs.shutdown(socket.SHUT_WR)
            with pytest.raises(Fault, match=complaint):
                send_to_console_socket(str(ours.fileno()), master, "c1")

    def test_no_answer_in_time_is_a_fault(self, kind: int, master: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(console, "REPLY_TIMEOUT_S", 0)
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        with ours, theirs, pytest.raises(Fault, match="no answer within 0 s"):
            send_to_console_socket(str(ours.fileno()), master, "c1")

    def test_a_server_that_went_away_is_a_fault(self, kind: int, master: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        theirs.close()
        with ours, pytest.raises(Fault, match=r"Broken pipe|Connection reset"):
            send_to_console_socket(str(ours.fileno()), master, "c1")


class InPieces:
    """A stream whose reader gets three bytes at a time."""

    type = socket.SOCK_STREAM

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def fileno(self) -> int:
        return self._sock.fileno()

    def recv(self, _size: int) -> bytes:
        return self._sock.recv(3)


def test_an_answer_on_a_stream_may_come_in_pieces() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs:
        theirs.send(SUCCESS)
        reply = console._receive_reply(InPieces(ours), time.monotonic() + 1)  # type: ignore[arg-type]
    assert reply == {"type": "success"}


def test_a_number_that_is_no_socket_is_a_fault(master: int) -> None:
    with pytest.raises(Fault, match="console socket 999999: Bad file descriptor"):
        send_to_console_socket("999999", master, "c1")
