"""runf top: a live table for people, until they press q or Ctrl-C.

It reads the state directory and the cgroups itself, and needs no watcher.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys

from runtime.actions.usage import look_at_usage
from runtime.cli.commands.events import parse_duration
from runtime.cli.commands.list import filters_of
from runtime.cli.report import one_line, warn
from runtime.errors import Fault

try:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text
except ImportError:
    raise Fault("runf top needs the Python package rich", hint="pip install 'runf[watcher]'") from None

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from runtime.actions.context import Context
    from runtime.actions.usage import Seen
    from runtime.cli.options import Parsed

DEFAULT_INTERVAL_S = 2.0
FIRST_S = 0.5  # CPU takes two looks: the first table should not keep anybody waiting
STATUSES = ("running", "paused", "creating", "created", "stopped")
COLOURS = {"running": "green", "paused": "yellow", "creating": "blue", "created": "blue", "stopped": "dim"}
SIZES = ("B", "KiB", "MiB", "GiB", "TiB")
UNIT = 1024
NOTHING = "-"
QUIT = "qQ"


def run(context: Context, parsed: Parsed) -> int:
    """Show it again and again on a terminal; once where the output is none, or nobody wants more."""
    options = parsed.options
    interval_s = DEFAULT_INTERVAL_S if options["interval"] is None else parse_duration(str(options["interval"]))
    seen, faults = _look(context, parsed, {})
    for fault in faults:
        warn(str(fault))
    console = Console(soft_wrap=True)
    is_live = console.is_terminal and not options["once"]
    with _keys() as keys:
        is_over = _wait(keys, min(FIRST_S, interval_s))
        seen, _ = _look(context, parsed, seen)
        if not is_live or is_over:
            console.print(table_of(seen, is_wide=bool(options["all-roots"])))
            return 0
        with contextlib.suppress(KeyboardInterrupt), Live(console=console, screen=True, auto_refresh=False) as live:
            while not is_over:
                live.update(table_of(seen, is_wide=bool(options["all-roots"])), refresh=True)
                is_over = _wait(keys, interval_s)
                seen, _ = _look(context, parsed, seen)
    return 0


def _look(context: Context, parsed: Parsed, before: Mapping[str, Seen]) -> tuple[dict[str, Seen], list[Fault]]:
    options: dict[str, Any] = parsed.options
    return look_at_usage(context, before, filters=filters_of(options), all_roots=options["all-roots"])


@contextlib.contextmanager
def _keys() -> Iterator[int | None]:
    """The terminal's fd, from which keys come one by one; None where stdin is no terminal."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield None
        return
    import termios  # only where there is one
    import tty

    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        yield fd
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _wait(keys: int | None, timeout_s: float) -> bool:
    """Whether somebody has had enough within that time."""
    try:
        ready, _, _ = select.select([] if keys is None else [keys], [], [], timeout_s)
        return bool(ready) and any(key in QUIT for key in os.read(ready[0], 64).decode("ascii", "replace"))
    except KeyboardInterrupt:
        return True


def table_of(seen: Mapping[str, Seen], *, is_wide: bool) -> Table:
    """The busiest first, those that have ended last."""
    table = Table(box=None, pad_edge=False, header_style="bold", caption=_summary(seen), caption_justify="left")
    for name in ("ID", "STATE"):
        table.add_column(name, no_wrap=True)
    for name in ("CPU", "MEMORY", "LIMIT", "TASKS", "OOM"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("OWNER", *(["ROOT"] if is_wide else [])):
        table.add_column(name, no_wrap=True)
    for each in sorted(seen.values(), key=_place):
        table.add_row(*_row(each, is_wide=is_wide))
    return table


def _place(each: Seen) -> tuple[int, float, str]:
    return STATUSES.index(each.answer["status"]), -(each.cpu_share or 0.0), each.answer["id"]


def _row(each: Seen, *, is_wide: bool) -> list[Text]:
    answer, usage = each.answer, each.usage
    cells = [
        Text(answer["id"]),
        _state(answer),
        Text(NOTHING if each.cpu_share is None else f"{100 * each.cpu_share:.1f}%"),
        Text(size(usage.working_set_bytes if usage else None)),
        Text(size(usage.memory_limit_bytes if usage else None)),
        Text(NOTHING if usage is None or usage.tasks is None else str(usage.tasks)),
        _kills(max(answer["linux"].get("oomKills", 0), (usage.oom_kills or 0) if usage else 0)),
        Text(one_line(answer["owner"])),
    ]
    return [*cells, Text(one_line(answer["root"]))] if is_wide else cells


def _state(answer: Mapping[str, Any]) -> Text:
    status, code = answer["status"], answer["exit"]["code"]
    if status != "stopped":
        return Text(status, style=COLOURS[status])
    return Text(f"stopped, {'unknown' if code is None else code}", style="red" if code else COLOURS[status])


def _kills(number: int) -> Text:
    return Text(str(number), style="red") if number else Text(NOTHING)


def size(count: int | None) -> str:
    """Bytes as people read them."""
    if count is None:
        return NOTHING
    value, unit = float(count), 0
    while value >= UNIT and unit < len(SIZES) - 1:
        value /= UNIT
        unit += 1
    return f"{value:.0f} {SIZES[unit]}" if unit == 0 else f"{value:.1f} {SIZES[unit]}"


def _summary(seen: Mapping[str, Seen]) -> Text:
    counts = {status: sum(each.answer["status"] == status for each in seen.values()) for status in STATUSES}
    told = [f"{count} {status}" for status, count in counts.items() if count]
    return Text(", ".join(told) or "no containers", style="dim")
