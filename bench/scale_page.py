"""What bench.scale has measured, as a table and plots in docs/: python -m bench.scale_page draws them anew.

docs/scale.md            its part between the marks is written here, the rest by hand
docs/plots/scale.json    the figures
docs/plots/*.svg
"""

from __future__ import annotations

import json
import math
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.plots import Line, Plot, draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    Series = dict[str, dict[str, dict[str, float]]]

BEGIN, END = "<!-- written by bench.scale: begin -->", "<!-- end -->"
CGROUP_V1 = "memory"
COMMANDS = ("runf list", "runc list", "reading all files", "runf state", "runc state")
LIVES = ("runf one more life", "runc one more life")
PAGE = ("page: first row", "page: whole table")
ANSWERS = ("watcher: start", "GET /v1/containers", "GET /metrics", *PAGE)
MEMORY = ("watcher that saw them come", "watcher after its start", "watcher that has answered all that")


def machine() -> str:
    """Where this runs."""
    mebibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    version = 1 if Path("/sys/fs/cgroup", CGROUP_V1).is_dir() else 2
    return (
        f"{os.cpu_count()} processors, {mebibytes / 1024:.0f} GiB, Linux {platform.release().partition('-')[0]}, "
        f"cgroup v{version}, Python {platform.python_version()}"
    )


def write(docs: Path, figures: dict[str, Any]) -> None:
    """Everything into ``docs``."""
    plots = docs / "plots"
    plots.mkdir(exist_ok=True)
    (plots / "scale.json").write_text(json.dumps(figures, indent=1) + "\n")
    series: Series = figures["series"]
    for name, plot in _plots(series).items():
        (plots / f"{name}.svg").write_text(draw(plot))
    page = docs / "scale.md"
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{_text(figures)}\n{END}{after}")


def _plots(series: Series) -> dict[str, Plot]:
    shown = [name for name in (*COMMANDS, *LIVES) if name in series]
    return {
        "scale-commands": Plot(
            "What a command takes",
            "containers in the root",
            "time on the processors",
            [_line(series, name, "cpu", is_dashed="runf" not in name) for name in shown],
            _seconds,
        ),
        "scale-watcher": Plot(
            "What the watcher takes",
            "containers in the root",
            "its time on the processors; the page's by the clock (dashed)",
            [
                _line(series, name, "wall" if name in PAGE else "cpu", is_dashed=name in PAGE)
                for name in ANSWERS
                if name in series
            ],
            _seconds,
        ),
        "scale-memory": Plot(
            "The watcher's memory",
            "containers in the root",
            "MiB (proportional set size)",
            [_line(series, name, "MiB") for name in MEMORY if name in series],
            lambda value: f"{value:g}",
            is_log=False,
        ),
    }


def _line(series: Series, name: str, unit: str, *, is_dashed: bool = False) -> Line:
    points = sorted((float(number), found[unit]) for number, found in series[name].items())
    return Line(name.removeprefix("watcher "), points, is_dashed)


def _seconds(value: float) -> str:
    return f"{value * 1000:g} ms" if value < 1 else f"{value:g} s"


def _text(figures: dict[str, Any]) -> str:
    series: Series = figures["series"]
    facts = figures["facts"]
    parts = [
        f"{facts['machine']}; the load of the last quarter of an hour was {facts['load']}.",
        *(f"![{name}](plots/{name}.svg)" for name in _plots(series)),
        "By the clock, and on the processors in brackets (the watcher's own, where it is the watcher that answers). "
        "The last column is the power of the number that it grows with, over the last two steps: 1 is in step with it.",
        _table(series, (*COMMANDS, *LIVES, *ANSWERS)),
        "The watcher's memory:",
        _table(series, MEMORY, "for each more"),
        "All of them together:",
        _beside(figures["beside"]),
        facts["told"],
    ]
    return "\n\n".join(parts) + "\n"


def _beside(found: dict[str, dict[str, float]]) -> str:
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    rows = [["", *names], ["---"] * (len(names) + 1)]
    rows += [
        [what, *(f"{values[name]:,.0f}" if name in values else "" for name in names)] for what, values in found.items()
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _table(series: Series, names: Sequence[str], last: str = "grows by") -> str:
    there = [name for name in names if name in series]
    numbers = sorted({int(number) for name in there for number in series[name]})
    rows = [["", *(f"{number:,}" for number in numbers), last], ["---"] * (len(numbers) + 2)]
    for name in there:
        cells = [_cell(series[name].get(str(number))) for number in numbers]
        rows.append([name, *cells, _power(series[name])])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(found: dict[str, float] | None) -> str:
    if found is None:
        return ""
    if "MiB" in found:
        return f"{found['MiB']:.0f} MiB"
    spent = f" ({_rounded(found['cpu'])})" if "cpu" in found else ""
    return _rounded(found["wall"]) + spent


def _rounded(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else _fine(seconds)


def _fine(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _power(found: dict[str, dict[str, float]]) -> str:
    """Between the last but one and the last number; of memory, what each more takes."""
    if len(found) < 2:
        return ""
    (few, before), (more, after) = sorted((int(number), values) for number, values in found.items())[-2:]
    if "MiB" in after:
        return f"{(after['MiB'] - before['MiB']) * 1024 / (more - few):.1f} KiB"
    unit = next(unit for unit in ("cpu", "wall") if unit in after)
    if not before[unit] or not after[unit]:
        return ""
    return f"{math.log(after[unit] / before[unit]) / math.log(more / few):.2f}"


if __name__ == "__main__":
    DOCS = Path(__file__).resolve().parent.parent / "docs"
    write(DOCS, json.loads((DOCS / "plots/scale.json").read_text()))
