"""A subscriber that is told of every life, whatever becomes of the watcher meanwhile, and what it must have heard."""

from __future__ import annotations

import http.client
import json
import threading
from typing import TYPE_CHECKING, Any

from runtime.store.record import event_id
from tests.support.watching import Answer, short

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
    """Follows the watcher behind ``socket`` in a thread; goes on where it was each time that the stream ends."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self.cursor: str | None = None
        self.heard: dict[str, dict[str, Any]] = {}  # by id, in the order of their first coming
        self.gaps: list[dict[str, Any]] = []
        self.repeated = self.resumed = 0
        self.wrong: list[str] = []
        self._ends = threading.Event()
        self._has_begun = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def begin(self) -> None:
        """Return once the first stream is open: what happens from here on must be told."""
        self._thread.start()
        assert self._has_begun.wait(60), "no stream"

    def end(self) -> None:
        """Listen no more."""
        self._ends.set()
        self._thread.join(60)

    def has_heard(self, ids: Iterable[str]) -> bool:
        """Whether all of these events have come."""
        return all(each in self.heard for each in ids)

    def _follow(self) -> None:
        while not self._ends.is_set():
            try:
                self._listen()
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                self._ends.wait(RETRY_S)  # the watcher is down, or was killed in the middle of a line

    def _listen(self) -> None:
        answer = Answer(self.socket, "/v1/events" + (f"?after={self.cursor}" if self.cursor else ""))
        try:
            if answer.status != 200:
                self.wrong.append(f"status {answer.status}: {answer.line()}")
                return
            self.resumed += self.cursor is not None
            self._has_begun.set()
            self.cursor = self.cursor or answer.headers["Runf-Cursor"]
            while not self._ends.is_set() and (line := answer.line()):
                self._take(json.loads(line))
        finally:
            answer.close()

    def _take(self, event: dict[str, Any]) -> None:
        self.cursor = event.get("cursor", self.cursor)
        if event["type"] == GAP and event["data"]["reason"] != TO_COME:
            self.gaps.append(event)
        elif event["type"] != GAP and short(event) != "snapshot":
            self.hear(event)

    def hear(self, event: dict[str, Any]) -> None:
        """One event of a life."""
        if not event["type"].startswith("org.runf.container."):
            self.wrong.append(f"{event['type']}: {event['data']}")
        before = self.heard.setdefault(event["id"], event)
        if before is not event:
            self.repeated += 1
            if (before["type"], before["time"], before["subject"]) != (event["type"], event["time"], event["subject"]):
                self.wrong.append(f"two events are {event['id']}: {before} and {event}")

    def check(self, records: Iterable[Record], *, gone: int = 0) -> None:
        """Each happening of these lives was told, in order, and nothing else, and so was that of ``gone`` that went.

        What was told of a life that went ends with its deletion, and its last record says what else must have come.
        A gap must be told where a life is missing among them, or its end, and nowhere else.
        """
        assert self.wrong == []
        heard: dict[str, list[str]] = {}
        for each in self.heard:
            heard.setdefault(each.partition(":")[0], []).append(each)
        kept = {record["instance"]: happenings(record) for record in records}
        assert {instance: heard.get(instance, []) for instance in kept} == kept
        went = {instance: ids for instance, ids in heard.items() if instance not in kept}
        newest = {instance: self.heard[ids[-1]]["data"] for instance, ids in went.items()}
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
