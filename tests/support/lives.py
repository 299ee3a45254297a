"""Events of lives that nobody lives, for tests of what hands events on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.store.record import advance
from tests.support.records import NOW, first_record
from watcher.diff import events_since, known_from
from watcher.events import event_of, gap_event

if TYPE_CHECKING:
    from runtime.store.record import Record
    from watcher.events import Event

SOURCE = "//m/c"


class Life:
    """A life whose record is advanced step by step; each step gives the events that a follower would derive."""

    def __init__(self, container_id: str = "web", **members: Any) -> None:
        self.record: Record = first_record(container_id, **members)
        self._known = known_from(self.record)

    @property
    def instance(self) -> str:
        return self.record["instance"]

    def step(self, *happenings: str, **changes: Any) -> list[Event]:
        """Commit once with these happenings."""
        self.record = advance(self.record, now=NOW, happenings=happenings, **changes)
        news = events_since(self._known, self.record)
        self._known = known_from(self.record)
        return [event_of(self.record, happening, source=SOURCE) for happening in news.happenings]

    def steps(self, number: int) -> list[Event]:
        """That many events, each with a commit of its own."""
        return [event for _ in range(number) for event in self.step("updated")]


def a_gap() -> Event:
    """A gap that a follower tells of."""
    return gap_event(subject="", source=SOURCE, time=NOW, after=None, missed=3, reason="lost")
