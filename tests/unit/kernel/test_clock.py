"""Times as the records write them."""

import time

import pytest

from runtime.kernel import clock


@pytest.mark.parametrize(
    ("epoch_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (999_999_999, "1970-01-01T00:00:00.999999999Z"),
        (951_782_400 * 10**9, "2000-02-29T00:00:00.000000000Z"),
        (1_767_225_599_123_456_789, "2025-12-31T23:59:59.123456789Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
    ],
)
def test_a_time_has_nine_digits_of_nanoseconds(epoch_ns: int, text: str) -> None:
    assert clock.format_time(epoch_ns) == text


def test_text_order_is_time_order() -> None:
    times = [0, 1, 10**9 - 1, 10**9, 86_400 * 10**9, 1_767_225_599 * 10**9, 1_767_225_600 * 10**9]
    assert sorted(map(clock.format_time, reversed(times))) == [clock.format_time(each) for each in times]


def test_now_does_not_depend_on_the_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        before, now, after = time.time_ns(), clock.now(), time.time_ns()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert clock.format_time(before) <= now <= clock.format_time(after)


def test_boottime_counts_nanoseconds_and_never_falls() -> None:
    first, second = clock.boottime_ns(), clock.boottime_ns()
    assert first <= second
    with open("/proc/uptime") as uptime:
        assert abs(float(uptime.read().split()[0]) - second / 10**9) < 5
