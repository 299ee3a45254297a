"""What the watcher counts: every exit once, by its reason."""

from __future__ import annotations

import pytest

from tests.support.lives import Life, a_gap
from tests.support.records import NOW
from watcher.counts import Counts, reason_of, seconds

UNKNOWN = {"code": None, "signal": None, "oomKilled": None}
SEVEN = {"code": 7, "signal": None, "oomKilled": False}


def exits(counts: Counts) -> dict[str, int]:
    return {reason: number for (_, reason), number in counts.exits.items()}


@pytest.mark.parametrize(
    ("code", "signal", "oom", "reason"),
    [
        (0, None, False, "completed"),
        (0, None, True, "completed"),
        (7, None, None, "error"),
        (137, 9, True, "oom"),
        (137, 9, None, "signal"),
        (143, 15, True, "signal"),
        (None, None, True, "unknown"),
    ],
)
def test_an_exit_has_one_reason(code, signal, oom, reason):
    assert reason_of({"code": code, "signal": signal, "oomKilled": oom}) == reason


def test_an_end_is_counted_once_though_its_deletion_follows():
    counts, life = Counts(), Life()
    counts.take(life.step("stopped", status="stopped", exit=SEVEN), now_s=0)
    counts.take(life.step("deleted"), now_s=0)
    assert exits(counts) == {"error": 1}


def test_an_end_whose_code_comes_later_is_counted_then():
    counts, life = Counts(), Life()
    counts.take(life.step("stopped", status="stopped", exit=UNKNOWN), now_s=0)
    assert exits(counts) == {}
    counts.take(life.step("exit", exit=SEVEN), now_s=0)
    counts.take(life.step("deleted"), now_s=0)
    assert exits(counts) == {"error": 1}


def test_an_end_that_nobody_knows_is_counted_when_the_container_goes():
    counts, life = Counts(), Life()
    counts.take(life.step("stopped", "deleted", status="stopped", exit=UNKNOWN), now_s=0)
    assert exits(counts) == {"unknown": 1}


def test_how_late_an_event_came_is_counted():
    counts = Counts()
    counts.take(Life().step("created"), now_s=seconds(NOW) + 0.02)
    counts.take(Life().step("created"), now_s=seconds(NOW) + 60)
    assert [number for number in counts.lags if number] == [1, 1]
    assert counts.lags[-1] == 1
    assert counts.lag_s == pytest.approx(60.02)


def test_a_gap_has_no_lag():
    counts = Counts()
    counts.take([a_gap()], now_s=0)
    assert (sum(counts.lags), sum(counts.events.values())) == (0, 1)
