"""The real watcher as a process of its own, and a client of its socket that knows nothing of ours."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.actions.context import own_root
from runtime.store import address
from tests.support.containers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TIMEOUT_S = 20.0 * PATIENCE
SCHEMAS = Path(__file__).parent.parent.parent / "schemas"
SOURCES = Path(__file__).parent.parent.parent


class Client(http.client.HTTPConnection):
    """HTTP over a Unix socket, with a receive buffer as small as the kernel allows where ``is_slow``."""

    def __init__(self, path: str, *, is_slow: bool = False) -> None:
        super().__init__("runf", timeout=TIMEOUT_S)
        self.path = path
        self.is_slow = is_slow

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        if self.is_slow:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        directory = os.open(os.path.dirname(self.path), os.O_PATH)
        try:
            self.sock.connect(f"/proc/self/fd/{directory}/{os.path.basename(self.path)}")
        finally:
            os.close(directory)


class Answer:
    """An answer that may never end; ``close`` ends the connection."""

    def __init__(self, path: str, target: str, *, is_slow: bool = False, method: str = "GET", **headers: str) -> None:
        self._client = Client(path, is_slow=is_slow)
        self._client.request(method, target, headers={name.replace("_", "-"): text for name, text in headers.items()})
        self._response = self._client.getresponse()
        self.status = self._response.status
        self.headers: Mapping[str, str] = self._response.headers

    def document(self) -> Any:
        """The whole answer as JSON."""
        with contextlib.closing(self):
            return json.loads(self._response.read())

    def text(self) -> str:
        """The whole answer."""
        with contextlib.closing(self):
            return self._response.read().decode()

    def line(self) -> str:
        """The next line, without its end; empty at the end of the stream too."""
        return self._response.readline().decode().rstrip("\n")

    def event(self) -> dict[str, Any]:
        """The next event of an NDJSON stream."""
        line = self.line()
        assert line, "the stream has ended"
        found: dict[str, Any] = json.loads(line)
        return found

    def events(self, number: int) -> list[dict[str, Any]]:
        """That many events."""
        return [self.event() for _ in range(number)]

    def close(self) -> None:
        self._response.close()
        self._client.close()


def short(event: Mapping[str, Any]) -> str:
    """``created`` for org.runf.container.created.v1."""
    kind: str = event["type"].split(".", 3)[3].removesuffix(".v1")
    return kind


def environment(**changes: str) -> dict[str, str]:
    """Ours, without what would lead a watcher elsewhere."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("RUNF_", "NOTIFY_"))}
    return {**kept, **changes}


class Watcher:
    """``python -m watcher`` for one root; ``prefix`` is a command that executes it."""

    def __init__(self, root: str, *options: str, prefix: Sequence[str] = (), **environ: str) -> None:
        self.root = root
        self.ready = ""
        self.socket = options[options.index("--socket") + 1] if "--socket" in options else self._own_socket()
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "watcher", "--root", root, *options],
            cwd=SOURCES,
            env=environment(**environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _own_socket(self) -> str:
        return address.socket_path(self.root, own_root(os.environ))

    @property
    def private(self) -> Path:
        """The watcher's own directory for this root."""
        return Path(address.private_directory(self.root, own_root(os.environ)))

    def wait_ready(self) -> str:
        """Its first line on stderr."""
        assert self.process.stderr is not None
        self.ready = self.process.stderr.readline().rstrip("\n")
        return self.ready

    @property
    def address(self) -> str:
        """Where it listens on TCP."""
        return self.ready.rpartition("http://")[2].rstrip("/")

    def get(self, target: str, **options: Any) -> Answer:
        """Ask it."""
        return Answer(self.socket, target, **options)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Its exit status, and what it had to say on stderr after it was ready."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        """The same of one that ends by itself."""
        _, text = self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode, text

    @contextlib.contextmanager
    def asleep(self) -> Iterator[None]:
        """Meanwhile it gets to nothing at all, as on a machine that is very busy."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def clean_up(self) -> None:
        """Nothing stays, whatever the test did."""
        if self.process.poll() is None:
            self.process.kill()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        self.process.wait()
        shutil.rmtree(self.private, ignore_errors=True)


def activated(root: str, own_socket: str, *fds: int, names: str = "", **environ: str) -> subprocess.Popen[str]:
    """A watcher that was started with these, from fd 3 on, as a service manager does it."""
    script = 'n=3; for fd in $FDS; do eval "exec $n<&$fd"; n=$((n+1)); done; export LISTEN_PID=$$; exec "$@"'
    given = {"FDS": " ".join(map(str, fds)), "LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": names}
    return subprocess.Popen(
        ["bash", "-c", script, "bash", sys.executable, "-m", "watcher", "--root", root, "--socket", own_socket],
        cwd=SOURCES,
        env=environment(**given, **environ),
        pass_fds=fds,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def reading(answer: Answer) -> Iterator[Answer]:
    """The answer, and its end."""
    with contextlib.closing(answer):
        yield answer
