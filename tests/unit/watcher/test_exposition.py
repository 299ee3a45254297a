"""The text format of Prometheus: whatever a label holds, a line stays a line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watcher.exposition import Family, family_of, histogram, labels, sample, with_label

GAUGE = Family("runf_x", "gauge", "What it says.")


def test_a_family_has_its_head_once_and_a_line_for_each_sample():
    assert family_of(GAUGE, [(labels({"id": "a"}), 1), (labels({"id": "b"}), 1.5)]) == (
        '# HELP runf_x What it says.\n# TYPE runf_x gauge\nrunf_x{id="a"} 1\nrunf_x{id="b"} 1.5\n'
    )


def test_a_family_without_a_sample_is_not_there():
    assert family_of(GAUGE, []) == ""


def test_a_label_is_added_to_those_that_there_are():
    assert with_label(labels({"a": "1"}), "b", '"2"') == '{a="1",b="\\"2\\""}'
    assert with_label("", "b", "2") == '{b="2"}'


def test_a_histogram_counts_up():
    text = histogram(Family("runf_lag_seconds", "histogram", "x"), (0.1, 1.0), (2, 1, 3), 9.5)
    assert text.splitlines()[2:] == [
        'runf_lag_seconds_bucket{le="0.1"} 2',
        'runf_lag_seconds_bucket{le="1.0"} 3',
        'runf_lag_seconds_bucket{le="+Inf"} 6',
        "runf_lag_seconds_sum 9.5",
        "runf_lag_seconds_count 6",
    ]


def parsed(line: str) -> str:
    """The value of the one label of a line, as a reader of the format takes it."""
    inner = line[line.index('="') + 2 : line.rindex('"}')]
    found, escaped = "", False
    for character in inner:
        if escaped:
            found += {"n": "\n"}.get(character, character)
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            assert character not in '"\n'
            found += character
    return found


@given(st.text())
def test_whatever_a_label_holds_comes_back(value):
    line = sample("runf_x", labels({"id": value}), 1)
    assert line.endswith("} 1\n")
    assert parsed(line[:-1]) == value
