"""What is said between us and criu; a forked process says what criu would."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from runtime.errors import Fault, Unsupported
from runtime.sandbox import criu, criu_service, protobuf
from runtime.sandbox.criu import Answer, CriuOptions
from runtime.sandbox.criu_service import Service
from tests.support import criu_stand_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPTIONS = CriuOptions(images="/i", work="/w")


def serve(says: Callable[[socket.socket], object], status: int = 0) -> Service:
    """A process that says this, and ends."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        ours.close()
        says(its)
        os._exit(status)
    its.close()
    return Service(ours, pid)


def answer(kind: int, *fields: tuple[int, protobuf.Value], success: bool = True) -> bytes:
    return protobuf.encode([(criu.RESP_TYPE, kind), (criu.RESP_SUCCESS, success), *fields])


def stage(name: str, pid: int = 7) -> bytes:
    told = protobuf.encode([(criu.NOTIFY_SCRIPT, name), (criu.NOTIFY_PID, pid)])
    return answer(criu.NOTIFY, (criu.RESP_NOTIFY, told))


def test_what_is_to_be_done_at_a_stage_is_done_before_the_consent() -> None:
    done: list[str] = []
    read_end, write_end = os.pipe()

    def says(connection: socket.socket) -> None:
        for name in ("one", "two"):
            connection.send(stage(name))
            os.write(write_end, connection.recv(100))
        connection.send(answer(criu.DUMP))

    with serve(says) as service:
        last = service.follow({"two": lambda told, _: done.append(told.stage)})
        assert (last, done) == (Answer(criu.DUMP, True), ["two"])
        service.conclude("dump", last, "/nowhere")
    assert os.read(read_end, 100) == criu.consent() * 2
    os.close(read_end)
    os.close(write_end)


def test_at_the_stage_that_is_waited_for_there_is_no_consent_yet() -> None:
    def says(connection: socket.socket) -> None:
        connection.send(stage("post-restore"))
        os._exit(int(connection.recv(100) != b""))

    with serve(says) as service:
        last = service.follow({}, until="post-restore")
        assert last == Answer(criu.NOTIFY, True, stage="post-restore", pid=7)
        with pytest.raises(Fault, match="criu restore failed: it wrote no log"):
            service.conclude("restore", None, "/nowhere")


@pytest.mark.parametrize("is_wanted", [True, False])
def test_a_descriptor_is_handed_on_or_closed(is_wanted: bool) -> None:
    def says(connection: socket.socket) -> None:
        read_end, write_end = os.pipe()
        socket.send_fds(connection, [stage("orphan-pts-master")], [write_end])
        os.close(write_end)
        connection.recv(100)
        # until whoever has the other end closes it
        os._exit(0 if os.read(read_end, 10) == (b"it" if is_wanted else b"") else 1)

    def use(_: Answer, fd: int | None) -> None:
        assert fd is not None
        os.write(fd, b"it")
        os.close(fd)

    with serve(says) as service:
        assert service.follow({"orphan-pts-master": use} if is_wanted else {}) is None
        service.conclude("restore", Answer(criu.RESTORE, True), "/nowhere")


@pytest.mark.parametrize(
    "says",
    [
        lambda _: None,
        lambda connection: connection.shutdown(socket.SHUT_RDWR),
        lambda connection: os.fork() or os.execvp("sleep", ["sleep", "0.5"]),
    ],
    ids=["an end", "a hang-up", "an end while others have the socket"],
)
def test_an_end_without_a_word_is_noticed(says: Callable[[socket.socket], object], tmp_path: Path) -> None:
    log = tmp_path / "restore.log"
    log.write_text("(00.1) Error (criu/files.c:1): Can't lookup mount\n")
    with serve(says, status=1) as service:
        service.ask(b"whatever")
        assert service.follow({}) is None
        with pytest.raises(Fault, match="criu restore failed: Can't lookup mount; its whole log is"):
            service.conclude("restore", None, str(log))


@pytest.mark.parametrize(
    ("message", "told"),
    [(b"\xff", "a number is cut off"), (b"\x08\x01", "an answer without"), (b"\x0a" + b"x" * 70000, "larger than")],
)
def test_what_can_not_be_understood_is_a_fault(message: bytes, told: str) -> None:
    understood = pytest.raises(Fault, match=f"criu's answer can't be understood: .*{told}")
    with serve(lambda connection: connection.send(message)) as service, understood:
        service.follow({})


def test_the_reason_that_criu_gives_goes_before_its_log(tmp_path: Path) -> None:
    log = tmp_path / "dump.log"
    log.write_text("an old one\n")
    why = answer(criu.DUMP, (criu.RESP_ERRMSG, "Error (criu/x.c:1): no such thing\n"), success=False)
    with serve(lambda connection: connection.send(why), status=1) as service:
        last = service.follow({})
        with pytest.raises(Fault, match="criu dump failed: no such thing; its whole log is"):
            service.conclude("dump", last, str(log))


def test_after_a_pre_dump_the_status_tells_nothing() -> None:
    def says(connection: socket.socket) -> None:
        connection.send(answer(criu.PRE_DUMP))
        connection.recv(100)  # a further request, of which there is none

    with serve(says, status=1) as service:
        service.conclude("pre-dump", service.follow({}), "/nowhere")


def test_a_dump_that_fails_after_its_word_has_failed() -> None:
    with serve(lambda connection: connection.send(answer(criu.DUMP)), status=1) as service:
        last = service.follow({})
        with pytest.raises(Fault, match="criu dump failed"):
            service.conclude("dump", last, "/nowhere")


def test_what_is_left_of_it_ends_with_us() -> None:
    with serve(lambda connection: connection.recv(100) or os.execvp("sleep", ["sleep", "600"])) as service:
        pid = service.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ("skip", r"--network-lock skip: criu can leave connections alone from 3\.19 on, and .* is 3\.17; leave"),
        ("nftables", r"--network-lock nftables: criu finds .* when it restores from 4\.1 on, and .* is 3\.17; leave"),
    ],
)
def test_a_lock_that_this_criu_can_not_take_or_take_back_is_refused(tmp_path: Path, method: str, told: str) -> None:
    path = str(criu_stand_in.install(tmp_path / "criu"))
    for lock in ("", "iptables"):
        criu_service.refuse_options(path, OPTIONS._replace(network_lock=lock))
    assert not (tmp_path / "criu.notes").exists()  # nobody was asked
    with pytest.raises(Unsupported, match=told):
        criu_service.refuse_options(path, OPTIONS._replace(network_lock=method))


def test_whoever_waits_for_pages_is_told_when_they_can_be_had(tmp_path: Path) -> None:
    path = str(criu_stand_in.install(tmp_path / "criu"))
    read_end, write_end = os.pipe()
    request = criu.dump_request(
        OPTIONS, criu.Directories(0, 0), 1, (), freezer=None, network_inode=None, has_terminal=False
    )
    criu_service.run_dump(path, request, OPTIONS._replace(status_fd=write_end), "/nowhere")
    os.close(write_end)
    assert os.read(read_end, 10) == b"\0"
    os.close(read_end)
