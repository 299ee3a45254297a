"""What the watcher counts while it works: events by type, exits by reason, how late they came, what was missed.

    reason      how the first process ended
    completed   with exit code 0
    error       with another one
    oom         by SIGKILL, and the out-of-memory killer struck
    signal      by any other signal
    unknown     nobody could tell, up to its deletion

An exit is counted once: when its code is known, or as unknown when the container is deleted without.
"""

from __future__ import annotations

import signal
from bisect import bisect_left
from collections import Counter
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from watcher.events import CONTAINER, GAP_TYPE, event_type, root_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtime.store.record import Exit
    from watcher.events import Event

REASONS = ("completed", "error", "oom", "signal", "unknown")
LAG_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STOPPED, EXIT, DELETED = (event_type(kind) for kind in ("stopped", "exit", "deleted"))
SECONDS = len("2026-01-31T23:59:59")


class Counts:
    """Everything since the watcher began."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.exits: Counter[tuple[str, str]] = Counter()  # by root and reason
        self.lags = [0] * (len(LAG_BOUNDS_S) + 1)
        self.lag_s = 0.0
        self.gaps = 0
        self.dropped = 0
        self.delivery_failures = 0
        self._unknown: set[str] = set()  # lives that stopped and whose exit is still to be counted

    def take(self, events: Iterable[Event], *, now_s: float) -> None:
        """Count what is published at that time (of the wall clock)."""
        for event in events:
            kind = event["type"]
            self.events[kind] += 1
            if kind == GAP_TYPE:
                continue
            lag_s = max(0.0, now_s - seconds(event["time"]))
            self.lags[bisect_left(LAG_BOUNDS_S, lag_s)] += 1
            self.lag_s += lag_s
            if kind in (STOPPED, EXIT, DELETED):
                self._take_end(kind, event)

    def _take_end(self, kind: str, event: Event) -> None:
        record = event["data"]
        instance, exit = record["instance"], record["exit"]
        if kind == STOPPED:
            self._unknown.add(instance)
        if instance in self._unknown and (exit["code"] is not None or kind == DELETED):
            self._unknown.discard(instance)
            self.exits[root_of(event["source"]), reason_of(exit)] += 1


def reason_of(exit: Exit) -> str:
    """One of REASONS."""
    if exit["code"] is None:
        return "unknown"
    if exit["oomKilled"] and exit["signal"] == signal.SIGKILL:
        return "oom"
    if exit["signal"] is not None:
        return "signal"
    return "error" if exit["code"] else "completed"


def seconds(time: str) -> float:
    """A record's time as seconds since the epoch."""
    return _whole_seconds(time[:SECONDS]) + float(f"0{time[SECONDS:-1]}")


@lru_cache(maxsize=64)  # what happens together happens in one second, or in few
def _whole_seconds(time: str) -> float:
    return datetime.fromisoformat(f"{time}+00:00").timestamp()


def short_type(kind: str) -> str:
    """``stopped`` for org.runf.container.stopped.v1, ``gap`` for a gap."""
    return "gap" if kind == GAP_TYPE else kind.removeprefix(CONTAINER).removesuffix(".v1")
