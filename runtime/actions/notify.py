"""NOTIFY_SOCKET: a program in a container tells systemd that it is ready, as a service would (sd_notify(3)).

    create    a directory of the container's own is bound to /run/notify; the program's environment names a socket there
    start     makes that socket, starts the program, and waits for its READY=1, which is passed on to the socket that
              start's own environment names, with the program's pid as MAINPID; the container's end ends the wait
    run       detached, as start; in the foreground READY=1 is passed on meanwhile, and the main process is run itself

Nothing else that the program writes goes to systemd.
"""

from __future__ import annotations

import _socket
import errno
import os
import select

from runtime.actions.identity import open_pidfd
from runtime.errors import NoSuchContainer
from runtime.store import layout
from runtime.store.store import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.actions.context import Context
    from runtime.spec.config import Config
    from runtime.store.record import Record

VARIABLE = "NOTIFY_SOCKET"
DIRECTORY = "notify"
DIRECTORY_MODE = 0o755
SOCKET = "notify.sock"
SOCKET_MODE = 0o777  # whoever the program is, it may write there
INSIDE = "/run/notify"
READY = b"READY="
DATAGRAM_BYTES = 4096


def with_socket(config: Config, directory: str) -> Config:
    """``config`` with ``directory`` bound to INSIDE, and a variable that names the socket in it."""
    process: dict[str, Any] = {**config["process"]}
    process["env"] = [*process.get("env", ()), f"{VARIABLE}={INSIDE}/{SOCKET}"]
    bound = {
        "destination": INSIDE,
        "type": "bind",
        "source": directory,
        "options": ["bind", "nosuid", "noexec", "nodev", "ro"],
    }
    changed: Any = {**config, "process": process, "mounts": [*config.get("mounts", ()), bound]}
    return changed  # type: ignore[no-any-return]


class Proxy:
    """Our end of the container's socket; ``fd`` polls readable when the program has written."""

    def __init__(self, container_fd: int, target: str) -> None:
        self._target = target.replace("@", "\0", 1) if target.startswith("@") else target
        self._inner = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)
        self.fd = self._inner.fileno()
        try:
            self._bind(container_fd)
        except BaseException:
            self._inner.close()
            raise

    def _bind(self, container_fd: int) -> None:
        """Through the directory's fd: an address has 108 bytes, and roots and ids may be long."""
        directory = os.open(DIRECTORY, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=container_fd)
        try:
            path = f"/proc/self/fd/{directory}/{SOCKET}"
            self._inner.bind(path)
            os.chmod(path, SOCKET_MODE)
        finally:
            os.close(directory)

    def pass_on(self, pid: int | None = None) -> bool:
        """Read what has come; whether the program is ready, which is passed on, with ``pid`` as that of the service."""
        try:
            lines = self._inner.recv(DATAGRAM_BYTES).splitlines()
        except BlockingIOError:
            return False
        ready = [line for line in lines if line.startswith(READY)]
        if not ready:
            return False
        message = b"\n".join((ready[0], *([] if pid is None else [b"MAINPID=%d" % pid])))
        outer = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        try:
            outer.sendto(message, self._target)
        except OSError:
            pass  # nobody listens any more: that is no reason for the program not to go on
        finally:
            outer.close()
        return True

    def close(self) -> None:
        """Nothing more is passed on."""
        self._inner.close()


def open_proxy(context: Context, container_id: str, target: str | None) -> Proxy | None:
    """The socket of a container that was made for one, if ``target`` names somebody to tell."""
    store = open_store(context.roots.state, proc=context.roots.proc) if target else None
    if store is None or target is None:
        return None
    try:
        layout.check_id(container_id)
        container_fd = layout.open_container(store.fds.root, container_id)
        try:
            return Proxy(container_fd, target)
        finally:
            os.close(container_fd)
    except (FileNotFoundError, NoSuchContainer):
        return None  # made where the variable wasn't set, or not at all
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return None  # it was started before
        raise
    finally:
        store.close()


def wait_until_ready(context: Context, proxy: Proxy, record: Record) -> None:
    """Wait for READY=1 of the started container, or for its end."""
    first = record["process"]
    pidfd = open_pidfd(first, context.roots.proc) if first else None
    if first is None or pidfd is None:
        return
    poll = select.poll()
    for fd in (proxy.fd, pidfd):
        poll.register(fd, select.POLLIN)
    try:
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if (proxy.fd in ready and proxy.pass_on(first["pid"])) or pidfd in ready:
                return
    finally:
        os.close(pidfd)
