"""The runtime's own client of the watcher, against the real one."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from runtime.cli import watcherclient
from runtime.errors import Fault
from tests.support.records import commit, publish
from tests.support.watching import short

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def stream(path: str, *query: tuple[str, str]) -> Iterator[dict[str, Any]]:
    found = watcherclient.stream(path, query)
    assert found is not None
    return found


def test_it_gets_the_snapshot_and_the_stream(store, watcher):
    publish(store, "web")
    events = stream(watcher("--read-only").socket)
    assert short(next(events)) == "snapshot"
    commit(store, "web", happenings=("updated",))
    assert short(next(events)) == "updated"


def test_it_filters_and_resumes(store, watcher):
    watching = watcher("--read-only")
    publish(store, "a")
    publish(store, "b")
    commit(store, "a", happenings=("updated",))
    commit(store, "b", happenings=("updated",))
    with contextlib.closing(watching.get("/v1/containers")) as answer:
        epoch = answer.headers["Runf-Cursor"].partition(".")[0]
    assert next(stream(watching.socket, ("after", f"{epoch}.0"), ("id", "b")))["subject"] == "b"


def test_where_no_watcher_is_there_is_nothing(tmp_path):
    assert watcherclient.stream(str(tmp_path / "s"), ()) is None


def test_where_a_watcher_has_died_there_is_nothing(watcher):
    watching = watcher()
    watching.end(signal.SIGKILL)
    assert os.path.exists(watching.socket)
    assert watcherclient.stream(watching.socket, ()) is None


def test_a_cursor_that_is_gone_is_a_fault_that_says_what_to_do(watcher):
    watching = watcher()
    with pytest.raises(Fault) as caught:
        watcherclient.stream(watching.socket, [("after", "x.1")])
    assert str(caught.value) == "the watcher refuses: the cursor x.1 leads nowhere any more; leave --after out"


def test_a_refused_filter_is_told_with_the_watchers_words(watcher):
    watching = watcher()
    with pytest.raises(Fault, match=r"^the watcher refuses: there is no event type 'died'; there are .*created, "):
        watcherclient.stream(watching.socket, [("type", "died")])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_watcher_that_ends_is_a_fault_that_says_how_to_go_on(store, watcher, number):
    watching = watcher("--read-only")
    publish(store, "web")
    events = stream(watching.socket)
    next(events)
    watching.end(number)
    with pytest.raises(Fault) as caught:
        next(events)
    assert str(caught.value) == "the watcher has ended the stream; start it again, and go on with --after"


def test_a_socket_may_lie_deeper_than_an_address_is_long(watcher, tmp_path):
    path = str(tmp_path / ("d" * 100) / "watcher.sock")
    watcher("--socket", path)
    assert watcherclient.stream(path, ()) is not None


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"nonsense\r\n\r\n", "whoever listens on {} is no watcher; name another with --socket"),
        (b"", "the watcher's socket {} can't be used: Remote end closed connection without response"),
        (b"HTTP/1.1 418 Teapot\r\nContent-Length: 2\r\n\r\nhi", "the watcher refuses: 418 Teapot"),
    ],
)
def test_whoever_else_listens_is_a_fault(tmp_path, answer, text):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()
        if (pid := os.fork()) == 0:
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.sendall(answer)
            os._exit(0)
        try:
            with pytest.raises(Fault) as caught:
                watcherclient.stream(path, ())
        finally:
            os.waitpid(pid, 0)
    assert str(caught.value) == text.format(path)
