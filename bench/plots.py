"""Line plots as SVG, in plain text that any browser draws: no library, and the same bytes for the same figures.

Both axes are logarithmic, or the vertical one linear.  A line's name stands at its end; the legend repeats nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 76, 196, 52, 54
COLOURS = ("#0b62a4", "#c23b22", "#2e7d32", "#7b4ba0", "#b8860b", "#00838f", "#5d4037")
LABEL_GAP = 15.0  # between the names of two lines that end side by side
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.title{font-size:15px;font-weight:600}"
    ".grid{stroke:#e3e3e3}.axis{stroke:#777}polyline{fill:none;stroke-width:2}"
)


class Line(NamedTuple):
    """One line of a plot; ``is_dashed`` for those that are there to compare with."""

    name: str
    points: Sequence[tuple[float, float]]
    is_dashed: bool = False


class Plot(NamedTuple):
    """What is drawn; ``shown`` is how a value of the vertical axis is written."""

    title: str
    across: str
    up: str
    lines: Sequence[Line]
    shown: Callable[[float], str]
    is_log: bool = True


class Axis(NamedTuple):
    """From values to places: ``ticks`` are the values that get a line of the grid."""

    place: Callable[[float], float]
    ticks: Sequence[float]


def draw(plot: Plot) -> str:
    """The whole file."""
    points = [point for line in plot.lines for point in line.points]
    across = _log_axis([x for x, _ in points], LEFT, WIDTH - RIGHT, steps=(1,))
    heights = [y for _, y in points]
    up = (
        _log_axis(heights, HEIGHT - BOTTOM, TOP, steps=(1,))
        if plot.is_log
        else _linear_axis(heights, HEIGHT - BOTTOM, TOP)
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        f"<title>{escape(plot.title)}</title><style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(LEFT, 24, plot.title, kind="title"),
        _text(LEFT, 42, plot.up),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, plot.across, anchor="middle"),
        *_grid(plot, across, up),
        *_lines(plot, across, up),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _log_axis(values: Sequence[float], begin: float, end: float, *, steps: Sequence[int]) -> Axis:
    low, high = math.floor(_log(min(values))), math.ceil(_log(max(values)))
    high = max(high, low + 1)
    ticks = [step * 10.0**power for power in range(low, high + 1) for step in steps if step * 10.0**power <= 10.0**high]
    return Axis(lambda value: begin + (_log(value) - low) / (high - low) * (end - begin), ticks)


def _log(value: float) -> float:
    """Its power of ten, without the last digits that rounding adds: 1000 is 3."""
    return round(math.log10(value), 9)


def _linear_axis(values: Sequence[float], begin: float, end: float) -> Axis:
    """From 0, with four to nine steps of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(max(values)))
    step = next(step for each in (0.1, 0.2, 0.5, 1, 2) if (step := each * power) * 9 >= max(values))
    number = math.ceil(max(values) / step)
    return Axis(lambda value: begin + value / (step * number) * (end - begin), [step * n for n in range(number + 1)])


def _grid(plot: Plot, across: Axis, up: Axis) -> Iterator[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for value in up.ticks:
        y = up.place(value)
        yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
        yield _text(LEFT - 8, y + 4, plot.shown(value), anchor="end")
    for value in across.ticks:
        x = across.place(value)
        yield f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}"/>'
        yield _text(x, bottom + 18, f"{value:,.0f}", anchor="middle")
    yield f'<line class="axis" x1="{LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}"/>'
    yield f'<line class="axis" x1="{LEFT}" y1="{TOP}" x2="{LEFT}" y2="{bottom}"/>'


def _lines(plot: Plot, across: Axis, up: Axis) -> Iterator[str]:
    ends = []
    for line, colour in zip(plot.lines, _colours(len(plot.lines)), strict=True):
        placed = [(across.place(x), up.place(y)) for x, y in line.points]
        dashes = ' stroke-dasharray="5 4"' if line.is_dashed else ""
        yield f'<polyline stroke="{colour}"{dashes} points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in placed)}"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed)
        ends.append((placed[-1][1], line.name, colour))
    free = TOP - LABEL_GAP
    for y, name, colour in sorted(ends):
        free = max(y, free + LABEL_GAP)
        yield _text(WIDTH - RIGHT + 10, free + 4, name, colour=colour)


def _colours(number: int) -> list[str]:
    return [COLOURS[each % len(COLOURS)] for each in range(number)]


def _text(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "", colour: str = "") -> str:
    attributes = f' class="{kind}"' if kind else ""
    attributes += f' style="fill:{colour}"' if colour else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{attributes}>{escape(text)}</text>'
