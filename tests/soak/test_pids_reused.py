"""The same in a world with a hundred pids: each is given to process after process, and none is taken for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.soak.test_commands_killed import DEADLINE_S, Cast, play
from tests.support.few_pids import lowest_first, with_few_pids

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.needs("root", "containers", "linux:6.14", "file:/proc/sys/kernel/ns_last_pid")

FULL = (12, 120.0, 200)  # how many at once, for how many seconds, with how many pids
SHORT = (3, 3.0, 100)
MOST_ROUNDS = 10


def test_no_process_is_taken_for_the_one_that_had_its_pid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_full: bool, tell: Callable[[str], None]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    at_once, seconds, pids = FULL if in_full else SHORT

    def act() -> str:
        cast = Cast(tmp_path)
        try:
            with lowest_first():
                for _ in range(MOST_ROUNDS):
                    seen = play(cast, at_once, seconds)
                    had = [record["process"]["pid"] for record in cast.records() if record["process"]]
                    if len(set(had)) < len(had):
                        break
        finally:
            cast.close()
        assert len(set(had)) < len(had), "no pid was given away twice, and this test proves nothing"
        return f"{seen}; {len(had)} first processes had {len(set(had))} pids"

    tell(with_few_pids(pids, act, deadline_s=seconds + 2 * DEADLINE_S))
