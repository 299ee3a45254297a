"""Terminals and pseudoterminals: ioctls and attributes (ioctl_tty(2), termios(3))."""

from __future__ import annotations

import fcntl
import termios
from _struct import pack, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# asm-generic/ioctls.h
TIOCSCTTY = 0x540E
TIOCGWINSZ = 0x5413
TIOCSWINSZ = 0x5414
TIOCGPTN = 0x80045430
TIOCSPTLCK = 0x40045431
TIOCGPTPEER = 0x5441

_IFLAG, _OFLAG, _CFLAG, _LFLAG, _CC = 0, 1, 2, 3, 6


def unlock_peer(ptmx_fd: int) -> None:
    """Let the other end be opened."""
    fcntl.ioctl(ptmx_fd, TIOCSPTLCK, pack("=i", 0))


def number_of_ptmx(ptmx_fd: int) -> int:
    """The n of /dev/pts/n."""
    (number,) = unpack("=I", fcntl.ioctl(ptmx_fd, TIOCGPTN, bytes(4)))
    return int(number)


def peer_of_ptmx(ptmx_fd: int, flags: int) -> int:
    """The other end, opened without a path; TIOCGPTPEER, Linux 4.13."""
    return fcntl.ioctl(ptmx_fd, TIOCGPTPEER, flags)


def controlling(fd: int) -> None:
    """Make the terminal ours, the session leader's."""
    fcntl.ioctl(fd, TIOCSCTTY, 0)


def window_size(fd: int) -> tuple[int, int]:
    """Rows and columns."""
    rows, columns, _, _ = unpack("=4H", fcntl.ioctl(fd, TIOCGWINSZ, bytes(8)))
    return int(rows), int(columns)


def set_window_size(fd: int, rows: int, columns: int) -> None:
    """Set rows and columns; the foreground processes get SIGWINCH."""
    fcntl.ioctl(fd, TIOCSWINSZ, pack("=4H", rows, columns, 0, 0))


def clear_onlcr(fd: int) -> None:
    """Let a newline be a newline, as callers expect of a container's terminal."""
    attributes = termios.tcgetattr(fd)
    attributes[_OFLAG] &= ~termios.ONLCR
    termios.tcsetattr(fd, termios.TCSANOW, attributes)


def set_raw(fd: int) -> Any:
    """Every key at once and unchanged; what is printed still passes the output processing.  The former attributes."""
    saved = termios.tcgetattr(fd)
    raw = termios.tcgetattr(fd)
    raw[_IFLAG] &= ~(
        termios.IGNBRK
        | termios.BRKINT
        | termios.PARMRK
        | termios.ISTRIP
        | termios.INLCR
        | termios.IGNCR
        | termios.ICRNL
        | termios.IXON
    )
    raw[_LFLAG] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    raw[_CFLAG] = raw[_CFLAG] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
    raw[_CC][termios.VMIN] = 1
    raw[_CC][termios.VTIME] = 0
    termios.tcsetattr(fd, termios.TCSADRAIN, raw)
    return saved


def restore(fd: int, attributes: Any) -> None:
    """Back to what ``set_raw`` found."""
    termios.tcsetattr(fd, termios.TCSADRAIN, attributes)
