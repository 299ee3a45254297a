"""Who else is told of a process: the pid file, and whoever listens for its pidfd."""

from __future__ import annotations

import os

from runtime.errors import Fault
from runtime.kernel.sockets import connect_path, send_fds

PIDFD_NAME = b"pidfd"  # a message that carries an fd needs some text, and any will do


def write_pid_file(path: str, pid: int) -> None:
    """Put ``pid`` into ``path`` by rename, decimal and without a newline; raises Fault that names the path."""
    # a name of its own length and chance: pids come back, and what a killed command left must stop nobody
    temporary = os.path.join(os.path.dirname(os.path.abspath(path)), f".pid.{os.urandom(8).hex()}")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            _fill_and_rename(fd, pid, temporary, path)
        except OSError:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise Fault(f"cannot write the pid file {path}: {error.strerror}", hint="name a writable place") from error


def _fill_and_rename(fd: int, pid: int, temporary: str, path: str) -> None:
    try:
        os.write(fd, b"%d" % pid)
    finally:
        os.close(fd)
    os.rename(temporary, path)


def send_pidfd(path: str, pidfd: int) -> None:
    """Send ``pidfd`` over the Unix socket at ``path``; raises Fault that names it."""
    try:
        connection = connect_path(path)
        try:
            send_fds(connection, PIDFD_NAME, [pidfd])
        finally:
            connection.close()
    except OSError as error:
        raise Fault(f"cannot send the pidfd to --pidfd-socket {path}: {error.strerror or error}") from error
