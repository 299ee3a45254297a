"""What a subscriber must have heard: the soaks rest on this, so it must be able to say no."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.lives import Life, a_gap
from tests.support.telling import Subscriber, happenings

if TYPE_CHECKING:
    from runtime.store.record import Record
    from watcher.events import Event


def whole(container_id: str) -> tuple[Record, list[Event]]:
    """A life that has ended, and its events."""
    life = Life(container_id)
    events = [*life.step("created"), *life.step("updated"), *life.step("stopped", status="stopped")]
    events += life.step("deleted")
    return life.record, events


def heard(*events: Event, gaps: int = 0, gap_of: str | None = None) -> Subscriber:
    made = Subscriber("nowhere")
    for event in events:
        made.hear(event)
    made.gaps += [a_gap() for _ in range(gaps)]
    if gap_of is not None:
        made.gaps.append({**a_gap(), "subject": gap_of})
    return made


KEPT, OF_KEPT = whole("kept")
WENT, OF_WENT = whole("went")
ALL = [*OF_KEPT, *OF_WENT]


def test_what_was_told_whole_is_enough() -> None:
    assert [event["id"] for event in OF_KEPT] == happenings(KEPT)
    heard(*ALL).check([KEPT], gone=1)
    heard(*ALL, *ALL[2:]).check([KEPT], gone=1)
    heard(*ALL).check([KEPT, WENT])


def test_lives_that_went_untold_must_be_marked() -> None:
    heard(*ALL, gaps=1).check([KEPT], gone=3)
    heard(*ALL[:-1], gap_of="went").check([KEPT], gone=1)


@pytest.mark.parametrize("missing", range(len(ALL)))
def test_no_event_may_be_missing(missing: int) -> None:
    with pytest.raises(AssertionError):
        heard(*ALL[:missing], *ALL[missing + 1 :]).check([KEPT], gone=1)


@pytest.mark.parametrize("gaps", [0, 1])
@pytest.mark.parametrize("place", [1, 5])
def test_each_life_is_told_in_order(place: int, gaps: int) -> None:
    swapped = [*ALL[:place], ALL[place + 1], ALL[place], *ALL[place + 2 :]]
    with pytest.raises(AssertionError):
        heard(*swapped, gaps=gaps).check([KEPT], gone=1 + gaps)


@pytest.mark.parametrize(
    ("told", "gone"),
    [
        pytest.param(heard(*ALL, gaps=1), 1, id="a gap that was not due"),
        pytest.param(heard(*ALL, gap_of="went"), 1, id="a gap of a life that was told whole"),
        pytest.param(heard(*ALL, gap_of="kept"), 1, id="a gap of a life that is there"),
        pytest.param(heard(*ALL), 2, id="a life that nobody told of, and no gap"),
        pytest.param(heard(*ALL[:-1], gaps=1), 1, id="a life that was cut off, and the gap names no life"),
        pytest.param(heard(*ALL), 0, id="a life that never was"),
        pytest.param(heard(*ALL, {**ALL[0], "time": "2026-01-01T00:00:00.000000000Z"}), 1, id="one id, two events"),
    ],
)
def test_what_a_check_refuses(told: Subscriber, gone: int) -> None:
    with pytest.raises(AssertionError):
        told.check([KEPT], gone=gone)
