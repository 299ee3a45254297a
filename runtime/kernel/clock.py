"""Times as the records write them: UTC, RFC 3339, nine digits of nanoseconds."""

from __future__ import annotations

import time

_SECOND_NS = 1_000_000_000


def now() -> str:
    """The wall clock's time."""
    return format_time(time.time_ns())


def format_time(epoch_ns: int) -> str:
    """Nanoseconds since the epoch as text, such as ``2026-01-31T23:59:59.000000001Z``."""
    seconds, nanoseconds = divmod(epoch_ns, _SECOND_NS)
    year, month, day, hour, minute, second = time.gmtime(seconds)[:6]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanoseconds:09}Z"


def boottime_ns() -> int:
    """Nanoseconds since boot, time asleep included (CLOCK_BOOTTIME): no jump of the wall clock moves it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
