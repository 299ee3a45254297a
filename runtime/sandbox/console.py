"""The terminal of a container: a pty pair from its own devpts, and the hand-over of the master to whoever uses it.

    child, once the container's devpts is mounted            parent
      open_console(pts_fd)            master, slave
      attach_console(slave, dev_fd)   bind onto /dev/console
      take_console(slave)             session, 0, 1, 2
      (the master goes over the channel)        ------->     send_to_console_socket, or relay.wait_foreground

An image can hold whatever it likes under /dev, and another container with the same volume can change it at any moment
(CVE-2025-52565: /dev/pts/N was a link, and masked files of the host became writable). So nothing here is opened by
a path that the image controls: ``ptmx`` is opened relative to the root of a file system that fstatfs(2) calls devpts,
the slave comes from the master itself (TIOCGPTPEER), and both are compared with what they must be before use.
"""

from __future__ import annotations

import _socket
import errno
import os
import select
import stat
import time

from runtime import jsontext
from runtime.errors import Fault, InitFault
from runtime.kernel.files import DEVPTS_SUPER_MAGIC, statfs_type
from runtime.kernel.mount import (
    MOVE_MOUNT_F_EMPTY_PATH,
    MOVE_MOUNT_T_EMPTY_PATH,
    OPEN_TREE_CLOEXEC,
    OPEN_TREE_CLONE,
    move_mount,
    open_tree,
)
from runtime.kernel.process import AT_EMPTY_PATH
from runtime.kernel.sockets import connect_path, send_fds
from runtime.kernel.terminal import clear_onlcr, controlling, peer_of_ptmx, set_window_size, unlock_peer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from runtime.values import NamedTuple

STEP = "console"
PTMX_DEVICE = (5, 2)  # Documentation/admin-guide/devices.txt
SLAVE_MAJORS = range(136, 144)  # UNIX98_PTY_SLAVE_MAJOR and the seven after it
REPLY_TIMEOUT_S = 10
REPLY_LIMIT_BYTES = 65536
MASTER_NAME = b"/dev/ptmx"  # the payload that carries the master: any text will do, and callers log it


class Console(NamedTuple):
    """Both ends of the pty, CLOEXEC and owned by the caller."""

    master_fd: int
    slave_fd: int


def open_console(pts_fd: int, *, size: tuple[int, int] | None = None, uid: int | None = None) -> Console:
    """A pty pair of the devpts whose root ``pts_fd`` is; ``size`` is (height, width), ``uid`` the slave's owner.

    ONLCR is off, so that output has no carriage returns, which callers of runc count on.  The slave's group
    stays what the mount option ``gid`` made it.  InitFault: something there isn't what it must be.
    """
    _demand(statfs_type(pts_fd) == DEVPTS_SUPER_MAGIC, "/dev/pts is not a devpts file system")
    master_fd = os.open("ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=pts_fd)
    try:
        is_ptmx = _device(master_fd) == PTMX_DEVICE and _is_of(master_fd, pts_fd)
        _demand(is_ptmx, "/dev/pts/ptmx is not the multiplexer of that devpts")
        unlock_peer(master_fd)
        slave_fd = peer_of_ptmx(master_fd, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            _verify_slave(slave_fd, pts_fd)
            clear_onlcr(slave_fd)
            if size is not None:
                set_window_size(slave_fd, *size)
            if uid is not None:
                os.fchown(slave_fd, uid, -1)
        except BaseException:
            os.close(slave_fd)
            raise
    except BaseException:
        os.close(master_fd)
        raise
    return Console(master_fd, slave_fd)


def _verify_slave(slave_fd: int, pts_fd: int) -> None:
    major, _ = _device(slave_fd) or (0, 0)
    _demand(major in SLAVE_MAJORS and _is_of(slave_fd, pts_fd), "the new console is not a pty of that devpts")


def _is_of(fd: int, pts_fd: int) -> bool:
    return os.fstat(fd).st_dev == os.fstat(pts_fd).st_dev


def _device(fd: int) -> tuple[int, int] | None:
    status = os.fstat(fd)
    return (os.major(status.st_rdev), os.minor(status.st_rdev)) if stat.S_ISCHR(status.st_mode) else None


def _demand(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise InitFault(STEP, None, otherwise)


def attach_console(slave_fd: int, dev_fd: int) -> None:
    """Bind the slave onto the file ``console`` that was made in the directory ``dev_fd``, by fds alone."""
    target = os.open("console", os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dev_fd)
    try:
        mode = os.fstat(target).st_mode
        _demand(stat.S_ISREG(mode) or stat.S_ISCHR(mode), "/dev/console is neither a file nor a character device")
        tree = open_tree(slave_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)
        try:
            move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)
        finally:
            os.close(tree)
    finally:
        os.close(target)


def take_console(slave_fd: int) -> None:
    """Make the slave the controlling terminal of a session of our own, and our 0, 1 and 2; closes ``slave_fd``."""
    if os.getsid(0) != os.getpid():
        os.setsid()
    controlling(slave_fd)
    for fd in (0, 1, 2):
        if fd != slave_fd:
            os.dup2(slave_fd, fd)
    if slave_fd > 2:
        os.close(slave_fd)


def send_to_console_socket(target: str, master_fd: int, container_id: str) -> None:
    """Hand the master to the console socket: digits are an inherited fd, anything else is a path.

    The two speak different protocols, as the two command lines that name them so define:

        fd (minimal API; SEQPACKET or STREAM)    > {"type":"terminal","container":ID} + SCM_RIGHTS    < one JSON answer
        path (runc; STREAM)                      > a name + SCM_RIGHTS                                no answer

    Fault: nobody listens, the answer is an error, or none comes within REPLY_TIMEOUT_S.
    """
    try:
        if target.isascii() and target.isdigit():
            _send_to_fd(int(target), master_fd, container_id)
        else:
            _send_to_path(target, master_fd)
    except OSError as error:
        raise Fault(f"cannot send the terminal to console socket {target}: {error.strerror or error}") from error


def _send_to_path(path: str, master_fd: int) -> None:
    sock = connect_path(path)
    try:
        send_fds(sock, MASTER_NAME, [master_fd])
    finally:
        sock.close()


def _send_to_fd(fd: int, master_fd: int, container_id: str) -> None:
    sock = _socket.socket(fileno=fd)
    try:
        request = jsontext.encode({"type": "terminal", "container": container_id})
        send_fds(sock, request.encode(), [master_fd])
        _check_reply(_receive_reply(sock, time.monotonic() + REPLY_TIMEOUT_S))
    finally:
        sock.detach()  # the caller's socket stays open


def _receive_reply(sock: _socket.socket, deadline: float) -> object:
    """The one JSON value of the answer: one packet, or as much of a stream as it takes."""
    poller = select.poll()
    poller.register(sock.fileno(), select.POLLIN)
    received = b""
    while True:
        if not poller.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError(errno.ETIMEDOUT, f"no answer within {REPLY_TIMEOUT_S} s")
        chunk = sock.recv(REPLY_LIMIT_BYTES)
        received += chunk
        try:
            return jsontext.decode(received)
        except jsontext.BadJson as error:
            if not chunk or len(received) > REPLY_LIMIT_BYTES or sock.type == _socket.SOCK_SEQPACKET:
                raise OSError(errno.EPROTO, f"the answer is not JSON: {error}") from None


def _check_reply(reply: object) -> None:
    kind = reply.get("type") if isinstance(reply, dict) else None
    if kind == "success":
        return
    message = reply.get("message") if isinstance(reply, dict) else None
    if kind == "error":
        raise OSError(errno.EREMOTEIO, f"its server refused: {message or 'without a reason'}")
    raise OSError(errno.EPROTO, "the answer is neither a success nor an error")
