"""runf events: the stream of all containers, or with an id the statistics of one, as runc has them."""

from __future__ import annotations

import sys

from runtime import jsontext
from runtime.actions.statistics import follow, statistics
from runtime.cli.output import write
from runtime.errors import UsageFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.actions.context import Context
    from runtime.cli.options import Parsed

OF_ONE = ("stats", "interval")
DEFAULT_INTERVAL_S = 5.0
# as Go's programs write durations
UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "": 1.0}
DAY_S = 86400.0
SHORTEST_S = 1e-3


def run(context: Context, parsed: Parsed) -> int:
    """Print a line for each event, until the reader goes away or the container has ended."""
    options: dict[str, Any] = parsed.options
    asked = [name for name, value in options.items() if value]
    if not parsed.arguments:
        _refuse(asked, OF_ONE, "is for one container", "name its id")
        from runtime.cli import eventstream  # it loads what HTTP needs, and who polls statistics does without

        return eventstream.run(context, parsed)
    others = [name for name in options if name not in OF_ONE]
    _refuse(asked, others, "is for the events of all containers", "leave the id out, or filter them with --id")
    if options["stats"]:
        _show(statistics(context, parsed.arguments[0]))
        return 0
    interval_s = DEFAULT_INTERVAL_S if options["interval"] is None else parse_duration(options["interval"])
    output_fd = None if sys.stdout is None else sys.stdout.fileno()
    follow(context, parsed.arguments[0], interval_s=interval_s, show=_show, output_fd=output_fd)
    return 0


def _refuse(asked: list[str], wrong: tuple[str, ...] | list[str], reason: str, hint: str) -> None:
    for name in asked:
        if name in wrong:
            raise UsageFault(f"--{name} {reason}", hint=hint)


def _show(event: dict[str, Any]) -> None:
    write(jsontext.encode(event) + "\n")


def parse_duration(text: str) -> float:
    """Seconds in ``5s``, ``1m30s``, ``250ms``, or in a bare number.  UsageFault: it is none, or not within a day."""
    total_s, left = 0.0, text
    while left:
        number = left[: len(left) - len(left.lstrip("0123456789."))]
        left = left[len(number) :]
        unit = left[: len(left) - len(left.lstrip("hmsunµ"))]
        left = left[len(unit) :]
        whole, _, fraction = number.partition(".")
        is_number = number.isascii() and "." not in fraction and (whole + fraction).isdigit()
        if not is_number or unit not in UNITS_S:
            break
        total_s += float(number) * UNITS_S[unit]
    else:
        if SHORTEST_S <= total_s <= DAY_S:
            return total_s
    raise UsageFault(f"--interval: {text!r} is no duration", hint="write it as in 5s, 500ms, 1m30s; a day is the most")
