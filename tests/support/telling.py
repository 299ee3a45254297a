"""A subscriber that is told of every life, whatever becomes of the watcher meanwhile, and what it must have heard.

It listens in a process of its own, as a monitor does: many threads of a test would leave a thread of it no time, and
who is slower than the journal is long has lost his place.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

from runtime.kernel import process
from runtime.store.record import event_id
from tests.support.containers import wait_until
from tests.support.watching import SOURCES, Answer, environment, short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtime.store.record import Record

RETRY_S = 0.05
SILENT = "creating"
LEAVES = ("deleted", "failed")  # only a late exit may follow
LATE = "exit"
GAP = "org.runf.watcher.gap.v1"
TO_COME = "this subscriber was too slow; what its queue had no room for comes next, from the journal"


class Subscriber:
    """Follows the watcher behind ``socket``; goes on where it was each time that the stream ends."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self._heard: dict[str, dict[str, Any]] = {}
        self.gaps: list[dict[str, Any]] = []
        self.repeated = 0
        self.streams = 0
        self.wrong: list[str] = []
        self._told = tempfile.TemporaryFile("ab")
        self._reader = open(f"/proc/self/fd/{self._told.fileno()}", "rb")
        self._cut_off = b""  # the beginning of a line
        self._listener: subprocess.Popen[bytes] | None = None

    @property
    def heard(self) -> dict[str, dict[str, Any]]:
        """All events of lives so far by id, in the order of their first coming."""
        self._take_in()
        return self._heard

    @property
    def resumed(self) -> int:
        """How often it has gone on."""
        return max(0, self.streams - 1)

    def begin(self) -> None:
        """Return once the first stream is open: what happens from here on must be told."""
        self._listener = subprocess.Popen(
            [sys.executable, "-m", __name__, self.socket],
            cwd=SOURCES,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._told,
        )
        wait_until(self._has_begun, "a stream", 60)

    def _has_begun(self) -> bool:
        self._take_in()
        return self.streams > 0

    def end(self) -> None:
        """Listen no more."""
        if self._listener is not None:
            self._listener.kill()
            self._listener.wait()
        self._take_in()
        self._reader.close()
        self._told.close()

    def has_heard(self, ids: Iterable[str]) -> bool:
        """Whether all of these events have come, and nothing that is wrong."""
        heard = self.heard
        assert self.wrong == []
        return all(each in heard for each in ids)

    def _take_in(self) -> None:
        if self._reader.closed:
            return
        *lines, self._cut_off = (self._cut_off + self._reader.read()).split(b"\n")
        for line in lines:
            told = json.loads(line)
            if "type" in told:
                self._take(told)
            elif told["status"] == 200:
                self.streams += 1
            else:
                self.wrong.append(line.decode())

    def _take(self, event: dict[str, Any]) -> None:
        if event["type"] == GAP and event["data"]["reason"] != TO_COME:
            self.gaps.append(event)
        elif event["type"] != GAP and short(event) != "snapshot":
            self.hear(event)

    def hear(self, event: dict[str, Any]) -> None:
        """One event of a life."""
        if not event["type"].startswith("org.runf.container."):
            self.wrong.append(f"{event['type']}: {event['data']}")
        before = self._heard.setdefault(event["id"], event)
        if before is not event:
            self.repeated += 1
            if (before["type"], before["time"], before["subject"]) != (event["type"], event["time"], event["subject"]):
                self.wrong.append(f"two events are {event['id']}: {before} and {event}")

    def check(self, records: Iterable[Record], *, gone: int = 0) -> None:
        """Each happening of these lives was told, in order, and nothing else, and so was that of ``gone`` that went.

        What was told of a life that went ends with its deletion, and its last record says what else must have come.
        A gap must be told where a life is missing among them, or its end, and nowhere else.
        """
        told = self.heard
        assert self.wrong == []
        heard: dict[str, list[str]] = {}
        for each in told:
            heard.setdefault(each.partition(":")[0], []).append(each)
        kept = {record["instance"]: happenings(record) for record in records}
        assert {instance: heard.get(instance, []) for instance in kept} == kept
        went = {instance: ids for instance, ids in heard.items() if instance not in kept}
        newest = {instance: told[ids[-1]]["data"] for instance, ids in went.items()}
        assert went == {instance: happenings(record) for instance, record in newest.items()}
        cut_off = sorted(record["id"] for record in newest.values() if not _has_left(record))
        assert sorted(gap["subject"] for gap in self.gaps if gap["subject"]) == cut_off
        untold = gone - len(went)
        assert untold >= 0, f"{len(went)} lives that are no longer there were told, and only {gone} went"
        marks = [gap["data"] for gap in self.gaps if not gap["subject"]]
        assert bool(marks) == (untold > 0), f"{untold} of {gone} lives were not told; gaps: {marks}"


def _has_left(record: Record) -> bool:
    kinds = [each["type"] for each in record["transitions"] if each["type"] != LATE]
    return kinds[-1] in LEAVES


def happenings(record: Record) -> list[str]:
    """The ids of the events of a whole life."""
    assert record["transitionsDropped"] == 0
    instance = record["instance"]
    return [
        event_id(instance, each["generation"], each["n"]) for each in record["transitions"] if each["type"] != SILENT
    ]


class _Listener:
    """What the process does: each line that it is told goes to ``told``, and the status of each stream."""

    def __init__(self, socket: str, told: int) -> None:
        self._socket = socket
        self._told = told
        self._cursor: str | None = None

    def listen(self) -> bool:
        """Until the stream ends; False where it can't be gone on with."""
        answer = Answer(self._socket, "/v1/events" + (f"?after={self._cursor}" if self._cursor else ""))
        with contextlib.closing(answer):
            if answer.status != 200:
                self._say(json.dumps({"status": answer.status, **answer.document()}))
                return False
            self._say(json.dumps({"status": answer.status}))
            self._cursor = self._cursor or answer.headers["Runf-Cursor"]
            while line := answer.line():
                self._cursor = json.loads(line).get("cursor", self._cursor)
                self._say(line)
        return True

    def _say(self, line: str) -> None:
        text = f"{line}\n".encode()
        assert os.write(self._told, text) == len(text)


def _listen_for_ever(socket: str) -> None:
    process.set_pdeathsig(signal.SIGKILL)
    listener = _Listener(socket, sys.stdout.fileno())
    goes_on = True
    while goes_on:
        try:
            goes_on = listener.listen()
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            time.sleep(RETRY_S)  # the watcher is down, or was killed in the middle of a line


if __name__ == "__main__":
    _listen_for_ever(sys.argv[1])
