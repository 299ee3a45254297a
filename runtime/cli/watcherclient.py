"""The stream of events, from the watcher's socket, or from a follower that we start where no watcher is at work."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import urllib.parse

from runtime.errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

PATH_LIMIT_BYTES = 107  # sun_path has 108, and the last is a NUL
GONE = 410
OK = 200


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("runf")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if len(os.fsencode(self._path)) <= PATH_LIMIT_BYTES:
            self.sock.connect(self._path)
            return
        node = os.open(self._path, os.O_PATH | os.O_CLOEXEC)
        try:
            self.sock.connect(f"/proc/self/fd/{node}")
        finally:
            os.close(node)


def stream(path: str, query: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]] | None:
    """The events that the watcher at ``path`` sends; None where none is at work there.  Fault: it refuses."""
    connection = _Connection(path)
    try:
        connection.request("GET", f"/v1/events?{urllib.parse.urlencode(query)}")
        answer = connection.getresponse()
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except OSError as error:
        raise Fault(f"the watcher's socket {path} can't be used: {error.strerror or error}") from None
    except http.client.HTTPException:
        raise Fault(f"whoever listens on {path} is no watcher", hint="name another with --socket") from None
    if answer.status != OK:
        raise _refusal(answer)
    return _lines(answer)


def _refusal(answer: http.client.HTTPResponse) -> Fault:
    """What the watcher says against it, in its own words."""
    try:
        problem = json.loads(answer.read())
        error, hint = problem["error"], problem["hint"]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        error, hint = f"{answer.status} {answer.reason}", ""
    return Fault(f"the watcher refuses: {error}", hint="leave --after out" if answer.status == GONE else hint)


def _lines(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    try:
        while (line := answer.readline()).endswith(b"\n"):
            yield json.loads(line)
    except (OSError, http.client.HTTPException):
        pass  # it was killed: the same end
    raise Fault("the watcher has ended the stream", hint="start it again, and go on with --after")


def follow(root: str, query: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """The events of a follower of our own, which ends with us.  Fault: it can't be started."""
    try:
        filters = [f"--filter={name}={value}" for name, value in query]
        argv = [find_watcher(), "--follow", "--root", root, *filters]
        follower = subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise Fault(f"runf-watcher can't be started: {error.strerror}", hint="install it beside runf") from None
    if follower.stdout is None:
        raise Fault("runf-watcher has no output")
    try:
        for line in follower.stdout:
            yield json.loads(line)
        raise Fault(f"runf-watcher ended with status {follower.wait()}")
    finally:
        follower.terminate()


def find_watcher() -> str:
    """The launcher beside our own; else whatever PATH has."""
    beside = os.path.join(os.path.dirname(os.path.realpath(sys.argv[0])), "runf-watcher")
    return beside if os.access(beside, os.X_OK) else "runf-watcher"
