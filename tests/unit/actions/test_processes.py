"""The table of ps: which of its lines are the container's."""

import pytest

from runtime.actions.processes import select_lines
from runtime.errors import Fault

PRINTED = """\
UID          PID    PPID CMD
root           1       0 init 12 13
root          12       1 sh -c 1

nobody        13      12 sleep 12
"""


def test_the_head_line_and_the_lines_of_the_pids_are_left() -> None:
    assert select_lines(PRINTED, [12, 13]).splitlines() == [
        "UID          PID    PPID CMD",
        "root          12       1 sh -c 1",
        "nobody        13      12 sleep 12",
    ]


def test_a_container_without_processes_has_a_head_line_only() -> None:
    assert select_lines(PRINTED, []) == "UID          PID    PPID CMD\n"


@pytest.mark.parametrize("printed", ["", "COMMAND\nsh\n"])
def test_without_a_column_of_pids_nothing_can_be_told(printed: str) -> None:
    with pytest.raises(Fault, match="no column PID"):
        select_lines(printed, [1])
