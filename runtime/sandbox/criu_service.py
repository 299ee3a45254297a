"""criu, started to serve us: it is asked for one thing, tells of its stages, and at last how that went.

    ours       criu's, one packet each (SOCK_SEQPACKET)
    request    >
               <   NOTIFY, a stage; with a terminal's stage its master comes along (SCM_RIGHTS)
    consent    >   and it goes on; it holds until then, and gives up where our end is closed
               <   DUMP, PRE_DUMP or RESTORE: whether it went well

Source: criu.org/RPC
"""

from __future__ import annotations

import _socket
import os
import select

from runtime.errors import Fault, Unsupported
from runtime.kernel import process
from runtime.kernel.files import let_go
from runtime.kernel.sockets import MSG_NOSIGNAL, receive_fds
from runtime.sandbox import criu
from runtime.sandbox.protobuf import BadMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runtime.sandbox.criu import Answer, CriuOptions

    # what is done at a stage, with the fd that came along, which is the callee's
    Deed = Callable[[Answer, int | None], None]

PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/bin", "/sbin", "/bin")
IGNORED_BY_PYTHON = (13, 25)  # SIGPIPE, SIGXFSZ
# by the method of --network-lock: since when it is of use, and for what; iptables is as old as criu
LOCKS_SINCE = {
    "skip": ((3, 19), "can leave connections alone"),
    # before, the name of the lock had a pid in it, which is another one at restore: what was held stayed so for good
    "nftables": ((4, 1), "finds what it has locked so when it restores"),
}
_ANSWER_BYTES = 1 << 16
_MOST_FDS = 1
_LOG_TAIL_BYTES = 1 << 20
_SIGKILL = 9


class Service:
    """criu's process, our child, and our end of its socket; both end with the ``with``."""

    def __init__(self, connection: _socket.socket, pid: int) -> None:
        self.pid = pid
        self._connection = connection
        self._pidfd = process.pidfd_open(pid)
        self._is_reaped = False

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        os.close(self._pidfd)
        if not self._is_reaped:
            process.kill_if_alive(self.pid, _SIGKILL)
            os.waitpid(self.pid, 0)

    def ask(self, message: bytes) -> None:
        """Send a request, or the consent to a stage."""
        try:
            self._connection.send(message, MSG_NOSIGNAL)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has ended: how, is heard next

    def follow(self, deeds: Mapping[str, Deed], *, until: str = "") -> Answer | None:
        """Do what ``deeds`` has for each stage, and consent, up to the stage ``until``, or how it went.

        None: criu ended without a word.  Fault: it says what can't be understood.
        """
        while (heard := self._hear()) is not None:
            answer, fd = heard
            deed = deeds.get(answer.stage)
            if fd is not None and not (answer.kind == criu.NOTIFY and deed):
                os.close(fd)
            if answer.kind != criu.NOTIFY or answer.stage == until:
                return answer
            if deed:
                deed(answer, fd)
            self.ask(criu.consent())
        return None

    def _hear(self) -> tuple[Answer, int | None] | None:
        poll = select.poll()
        for fd in (self._connection.fileno(), self._pidfd):
            poll.register(fd, select.POLLIN)
        if self._connection.fileno() not in dict(poll.poll()):
            return None  # what it was about to bring back may have the socket open still
        fds: list[int] = []
        try:
            message, fds, _ = receive_fds(self._connection, _ANSWER_BYTES, _MOST_FDS)
            if not message:
                return None
            answer = criu.read_answer(message)
        except ConnectionResetError:
            return None
        except (BadMessage, OSError) as error:
            let_go(*fds)
            raise Fault(f"criu's answer can't be understood: {error}", hint="name another with --criu") from None
        return answer, fds[0] if fds else None

    def conclude(self, action: str, answer: Answer | None, log: str) -> None:
        """Wait for criu's end.  Fault with the reason, where it did not do what it was asked."""
        self._connection.close()  # after a pre-dump it would wait for the next request
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._is_reaped = True
        if answer and answer.is_success and (status == 0 or answer.kind == criu.PRE_DUMP):
            return
        told = answer.error if answer and answer.error else _tail(log)
        raise Fault(f"criu {action} failed: {criu.last_error(told)}", hint=f"its whole log is {log}")


def _tail(path: str) -> str:
    try:
        with open(path, "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _LOG_TAIL_BYTES))
            return log.read().decode("utf-8", "replace")
    except OSError:
        return ""


def forget_log(path: str) -> None:
    """Of an earlier time, which would tell its reason instead of one that comes before there is a log."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass  # as it should be


def socket_pair() -> tuple[_socket.socket, _socket.socket]:
    """Ours and criu's, both CLOEXEC."""
    return _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)


def start(path: str, options: CriuOptions) -> Service:
    """criu beside the container, with nothing on its stdin and stdout."""
    ours, its = socket_pair()
    try:
        os.set_inheritable(its.fileno(), True)
        actions = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1)]
        words = criu.words(options, its.fileno())
        pid = os.posix_spawn(path, words, os.environ, file_actions=actions, setsigdef=IGNORED_BY_PYTHON)
    except BaseException:
        ours.close()
        raise
    finally:
        its.close()
    return Service(ours, pid)


def find_criu(environ: Mapping[str, str], named: str = "") -> str:
    """The path of criu, or of the program ``named`` in its place.  Fault: there is none that could be executed."""
    if "/" in named:
        if os.access(named, os.X_OK):
            return os.path.abspath(named)
        raise Fault(f"--criu {named} can't be executed", hint="name a program, or leave the option out")
    name = named or "criu"
    for directory in (*environ.get("PATH", "").split(":"), *PLACES):
        path = f"{directory}/{name}"
        if directory.startswith("/") and os.access(path, os.X_OK):
            return path
    raise Fault(f"{name} is not installed, and checkpoint and restore need it", hint="apt install criu")


def refuse_options(path: str, options: CriuOptions) -> None:
    """Unsupported: what this criu can't, and would refuse without a reason, or only pretend to do."""
    if options.network_lock not in LOCKS_SINCE:
        return
    with start(path, options) as service:
        service.ask(criu.version_request())
        answer = service.follow({})
    version = answer.version if answer else None
    since, what = LOCKS_SINCE[options.network_lock]
    if version is None or version < since:
        raise Unsupported(
            f"--network-lock {options.network_lock}: criu {what} from {_dotted(since)} on, "
            f"and {path} is {_dotted(version) if version else 'of an unknown version'}",
            hint="leave the option out, or name another criu with --criu",
        )


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(str(each) for each in version)


def run_dump(path: str, request: bytes, options: CriuOptions, log: str) -> None:
    """Have criu write the images.  Fault with its reason."""
    forget_log(log)
    with start(path, options) as service:
        service.ask(request)
        answer = service.follow({criu.READY: lambda *_: _tell_ready(options.status_fd)})
        service.conclude("pre-dump" if options.pre_dump else "dump", answer, log)


def _tell_ready(status_fd: int | None) -> None:
    """As criu's own --status-fd: one zero."""
    if status_fd is None:
        return
    try:
        os.write(status_fd, b"\0")
    except BrokenPipeError:
        pass  # whoever asked for it has gone
