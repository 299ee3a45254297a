"""The forms in which cgroup files tell numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cgroups import texts

PRESSURE = "some avg10=1.50 avg60=0.00 avg300=0.25 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=4\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [("42\n", 42), ("0\n", 0), ("-1\n", -1), ("max\n", None), ("", None), (None, None), ("1 2\n", None), ("²", None)],
)
def test_a_number_is_a_number_or_unknown(text: str | None, value: int | None) -> None:
    assert texts.number(text) == value


def test_numbers_of_each_cpu() -> None:
    assert texts.numbers("5 0 7 \n") == [5, 0, 7]
    assert texts.numbers(None) is None


def test_keys_with_numbers_leave_the_rest_out() -> None:
    assert texts.flat_keyed("usage_usec 5\nstate max\n\nuser_usec 0\n") == {"usage_usec": 5, "user_usec": 0}
    assert texts.flat_keyed(None) == {}


def test_pressure_has_percentages_and_a_total() -> None:
    assert texts.pressure(PRESSURE) == {
        "some": {"avg10": 1.5, "avg60": 0.0, "avg300": 0.25, "total": 123},
        "full": {"avg10": 0.0, "avg60": 0.0, "avg300": 0.0, "total": 4},
    }
    assert texts.pressure(None) is None
    assert texts.pressure("") is None


@pytest.mark.parametrize(
    ("text", "cpus"), [("0-2,7\n", [0, 1, 2, 7]), ("3\n", [3]), ("\n", []), ("", []), (None, None)]
)
def test_a_list_of_cpus(text: str | None, cpus: list[int] | None) -> None:
    assert texts.cpu_list(text) == cpus


@given(st.sets(st.integers(0, 300)))
def test_a_list_of_cpus_is_read_as_the_kernel_writes_it(cpus: set[int]) -> None:
    text, left = [], sorted(cpus)
    while left:
        run = [left.pop(0)]
        while left and left[0] == run[-1] + 1:
            run.append(left.pop(0))
        text.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
    assert texts.cpu_list(",".join(text) + "\n") == sorted(cpus)


def test_lines_of_devices_on_v1() -> None:
    assert texts.device_lines("8:0 Read 5\n8:0 Total 5\n254:16 7\nTotal 5\n") == [
        {"major": 8, "minor": 0, "op": "Read", "value": 5},
        {"major": 8, "minor": 0, "op": "Total", "value": 5},
        {"major": 254, "minor": 16, "value": 7},
    ]
    assert texts.device_lines("Total 0\n") == []
    assert texts.device_lines(None) is None


def test_lines_of_devices_on_v2() -> None:
    text = "8:0 rbytes=1 wbytes=2 cost.usage=3\n7:0 \n8:16 rbytes=max wbytes=4\nx rbytes=1\n"
    assert texts.nested_keyed(text) == [
        ((8, 0), {"rbytes": 1, "wbytes": 2, "cost.usage": 3}),
        ((7, 0), {}),
        ((8, 16), {"wbytes": 4}),
    ]


@given(st.text(alphabet="8:0 =Rmaxsome.\n-,", max_size=40))
def test_no_text_is_too_strange_to_be_passed_over(text: str) -> None:
    texts.number(text)
    texts.numbers(text)
    texts.flat_keyed(text)
    texts.device_lines(text)
    texts.nested_keyed(text)
