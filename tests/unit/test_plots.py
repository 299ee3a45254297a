"""The plots of the benchmarks: whole SVG, with each line in its place."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree

import pytest

from bench.plots import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Line, Plot, draw

SVG = "{http://www.w3.org/2000/svg}"
LINES = [
    Line("list <all>", [(1, 0.01), (100, 0.1), (10_000, 1.0)]),
    Line("state & co", [(1, 0.01), (10_000, 0.01)], is_dashed=True),
]


def drawn(*, is_log: bool = True) -> ElementTree.Element:
    plot = Plot("Costs & <more>", "containers", "seconds", LINES, lambda value: f"{value:g}", is_log=is_log)
    return ElementTree.fromstring(draw(plot))


def points(root: ElementTree.Element) -> list[list[tuple[float, float]]]:
    texts = [each.attrib["points"] for each in root.iter(f"{SVG}polyline")]
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in text.split())] for text in texts]


def test_each_line_is_drawn_and_named_as_text() -> None:
    root = drawn()
    written = {each.text for each in root.iter(f"{SVG}text")}
    assert {"list <all>", "state & co", "Costs & <more>", "10,000"} <= written
    assert [len(line) for line in points(root)] == [3, 2]


@pytest.mark.parametrize("is_log", [True, False])
def test_what_is_more_lies_higher_and_all_lie_within_the_axes(is_log: bool) -> None:
    first, second = points(drawn(is_log=is_log))
    assert [x for x, _ in first] == sorted(x for x, _ in first)
    assert [y for _, y in first] == sorted((y for _, y in first), reverse=True)
    assert second[0][1] == second[1][1]
    for x, y in [*first, *second]:
        assert LEFT <= x <= WIDTH - RIGHT
        assert TOP <= y <= HEIGHT - BOTTOM


def test_ten_times_as_much_is_the_same_step_everywhere_on_logarithmic_axes() -> None:
    (first, *_) = points(drawn())
    steps = [(after[0] - before[0], before[1] - after[1]) for before, after in itertools.pairwise(first)]
    assert steps[0] == pytest.approx(steps[1], abs=0.2)


def test_names_that_end_side_by_side_do_not_overlap() -> None:
    crowded = [Line(f"line {number}", [(1, 1.0), (10, 2.0 + number / 1000)]) for number in range(6)]
    root = ElementTree.fromstring(draw(Plot("", "", "", crowded, str)))
    names = [each for each in root.iter(f"{SVG}text") if (each.text or "").startswith("line ")]
    places = sorted(float(each.attrib["y"]) for each in names)
    assert all(after - before > 12 for before, after in itertools.pairwise(places))
