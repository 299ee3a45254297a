"""The Unix socket that the watcher serves: who may connect is said by its mode and group, before anybody can.

bind() makes the file with mode 0600 less the umask; the group and 0660 follow. A socket that a dead watcher left is
replaced; one that answers is somebody else's.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from typing import TYPE_CHECKING

from runtime.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

SOCKET_MODE = 0o660
DIRECTORY_MODE = 0o755
OWN_UMASK = 0o177
PATH_LIMIT_BYTES = 107  # sun_path has 108, and the last is a NUL


@contextlib.contextmanager
def listening(path: str, *, group: int) -> Iterator[socket.socket]:
    """A listening, non-blocking socket at ``path`` for its owner and ``group``; removed at the end.  Fault."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            _bind(listener, path, group)
        except OSError as error:
            reason = error.strerror or str(error)
            raise Fault(f"the socket {path} can't be made: {reason}", hint="name another with --socket") from error
        inode = os.lstat(path).st_ino
        try:
            yield listener
        finally:
            with contextlib.suppress(OSError):
                if os.lstat(path).st_ino == inode:
                    os.unlink(path)
    finally:
        listener.close()


def _bind(listener: socket.socket, path: str, group: int) -> None:
    directory, name = os.path.split(path)
    os.makedirs(directory, mode=DIRECTORY_MODE, exist_ok=True)
    directory_fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        address = path if len(os.fsencode(path)) <= PATH_LIMIT_BYTES else f"/proc/self/fd/{directory_fd}/{name}"
        _remove_stale(path, address)
        before = os.umask(OWN_UMASK)
        try:
            listener.bind(address)
        finally:
            os.umask(before)
        if os.geteuid() == 0:
            os.chown(name, -1, group, dir_fd=directory_fd, follow_symlinks=False)
        os.chmod(name, SOCKET_MODE, dir_fd=directory_fd)
    finally:
        os.close(directory_fd)
    listener.listen()
    listener.setblocking(False)


def _remove_stale(path: str, address: str) -> None:
    """Only a socket that nobody listens on is removed."""
    try:
        is_socket = stat.S_ISSOCK(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise Fault(f"{path} is there already, and is no socket", hint="name another with --socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(address)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            pass  # its backlog is full: somebody listens
    raise Fault(f"another process listens on {path}", hint="name another socket with --socket")
