"""A pseudoterminal of our own."""

import os
import select
import termios
from collections.abc import Iterator

import pytest

from runtime.kernel import terminal
from tests.support.forked import in_child

OFLAG, LFLAG, IFLAG = 1, 3, 0


@pytest.fixture
def pty() -> Iterator[tuple[int, int]]:
    master, slave = os.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


@pytest.fixture
def ptmx() -> Iterator[int]:
    fd = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
    yield fd
    os.close(fd)


def arrived(fd: int) -> bytes:
    assert select.select([fd], [], [], 5)[0]
    return os.read(fd, 100)


def test_the_number_is_that_of_the_path(pty: tuple[int, int]) -> None:
    assert os.ttyname(pty[1]) == f"/dev/pts/{terminal.number_of_ptmx(pty[0])}"


def test_the_peer_can_be_opened_once_it_is_unlocked(ptmx: int) -> None:
    with pytest.raises(OSError, match="Input/output error"):
        terminal.peer_of_ptmx(ptmx, os.O_RDWR | os.O_NOCTTY)
    terminal.unlock_peer(ptmx)
    peer = terminal.peer_of_ptmx(ptmx, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        assert os.ttyname(peer) == f"/dev/pts/{terminal.number_of_ptmx(ptmx)}"
        assert not os.get_inheritable(peer)
    finally:
        os.close(peer)


def test_both_ends_have_the_size_that_one_was_given(pty: tuple[int, int]) -> None:
    terminal.set_window_size(pty[0], 50, 132)
    assert terminal.window_size(pty[1]) == (50, 132)
    assert os.get_terminal_size(pty[1]) == (132, 50)


def test_the_largest_size_fits(pty: tuple[int, int]) -> None:
    terminal.set_window_size(pty[0], 65535, 65535)
    assert terminal.window_size(pty[0]) == (65535, 65535)


def test_a_newline_becomes_no_carriage_return_once_that_is_cleared(pty: tuple[int, int]) -> None:
    os.write(pty[1], b"a\n")
    assert arrived(pty[0]) == b"a\r\n"
    before = termios.tcgetattr(pty[1])
    terminal.clear_onlcr(pty[0])
    os.write(pty[1], b"b\n")
    assert arrived(pty[0]) == b"b\n"
    before[OFLAG] &= ~termios.ONLCR
    assert termios.tcgetattr(pty[1]) == before


@pytest.mark.parametrize("key", [b"a", b"\x03", b"\x04", b"\r", b"\x1a", b"\x13", b"\x16", b"\xff", b"\x7f"])
def test_a_raw_terminal_passes_each_key_at_once_and_echoes_nothing(pty: tuple[int, int], key: bytes) -> None:
    terminal.set_raw(pty[1])
    os.write(pty[0], key)
    assert arrived(pty[1]) == key
    assert not select.select([pty[0]], [], [], 0)[0]


def test_a_raw_terminal_still_returns_the_carriage(pty: tuple[int, int]) -> None:
    terminal.set_raw(pty[1])
    os.write(pty[1], b"a\n")
    assert arrived(pty[0]) == b"a\r\n"


def test_what_was_saved_restores_all_of_it(pty: tuple[int, int]) -> None:
    attributes = termios.tcgetattr(pty[1])
    attributes[IFLAG] |= termios.INLCR
    attributes[LFLAG] &= ~termios.ECHOE
    attributes[6][termios.VEOF] = b"\x05"
    termios.tcsetattr(pty[1], termios.TCSANOW, attributes)
    before = termios.tcgetattr(pty[1])
    saved = terminal.set_raw(pty[1])
    assert termios.tcgetattr(pty[1]) != before
    terminal.restore(pty[1], saved)
    assert termios.tcgetattr(pty[1]) == before


def test_a_file_is_no_terminal() -> None:
    reading, writing = os.pipe()
    try:
        for action in (terminal.window_size, terminal.number_of_ptmx, terminal.unlock_peer):
            with pytest.raises(OSError, match="Inappropriate ioctl"):
                action(reading)
        with pytest.raises(termios.error, match="Inappropriate ioctl"):
            terminal.set_raw(reading)
    finally:
        os.close(reading)
        os.close(writing)


def test_a_session_leader_takes_its_terminal(pty: tuple[int, int]) -> None:
    def take() -> int:
        os.setsid()
        terminal.controlling(pty[1])
        return os.tcgetpgrp(pty[1]) - os.getpid()

    assert in_child(take) == 0


def test_who_leads_no_session_takes_none(pty: tuple[int, int]) -> None:
    def take() -> int:
        with pytest.raises(PermissionError):
            terminal.controlling(pty[1])
        return 1

    assert in_child(take) == 1
