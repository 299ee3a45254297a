"""Records that the schema passes and that contradict themselves are found out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runtime.store.consistency import find_contradictions
from runtime.store.record import advance, ended, exec_ended, exec_started
from schemas.explain import explain
from tests.support.records import LATER, exit_of, first_record, process_of

if TYPE_CHECKING:
    from runtime.store.record import Record

CREATED = advance(
    first_record(), now=LATER, status="created", happenings=("created",), pid=4242, process=process_of(4242)
)
RUNNING = advance(CREATED, now=LATER, status="running", happenings=("started",))
STOPPED = ended(RUNNING, exit=exit_of(3), finished=LATER, precision="exact", now=LATER)
WITH_EXEC = exec_started(RUNNING, process_of(7), now=LATER)
assert STOPPED is not None


@pytest.mark.parametrize(
    "record",
    [
        *(first_record(), CREATED, RUNNING, STOPPED, WITH_EXEC),
        exec_ended(WITH_EXEC, process_of(7), {"code": 137, "signal": 9, "oomKilled": None}, now=LATER),
        advance(STOPPED, now=LATER, happenings=("deleted",)),
    ],
)
def test_what_the_store_makes_contradicts_nothing(record: Record) -> None:
    assert list(find_contradictions(record)) == []


def changed_exec(**changes: Any) -> dict[str, Any]:
    return {"execs": [{**WITH_EXEC["execs"][0], **changes}]}


@pytest.mark.parametrize(
    ("record", "changes", "pointers"),
    [
        (STOPPED, {"pid": 4242}, ["/pid"]),
        (RUNNING, {"pid": 0}, ["/pid"]),
        (RUNNING, {"pid": 4243}, ["/pid"]),
        (RUNNING, {"process": None}, ["/pid"]),
        (RUNNING, {"maker": process_of()}, ["/maker"]),
        (RUNNING, {"starter": process_of()}, ["/starter"]),
        (RUNNING, {"finished": LATER}, ["/finished"]),
        (STOPPED, {"finished": None, "finishedPrecision": None}, ["/finished", "/finishedPrecision"]),
        (RUNNING, {"exit": exit_of(0)}, ["/exit/code"]),
        (STOPPED, {"exit": {"code": 9, "signal": 9, "oomKilled": None}}, ["/exit/signal"]),
        (STOPPED, {"exit": {"code": None, "signal": 9, "oomKilled": None}}, ["/exit/signal"]),
        (WITH_EXEC, changed_exec(exit=exit_of(0)), ["/execs/0/exit/code"]),
        (WITH_EXEC, changed_exec(ended=WITH_EXEC["execs"][0]["started"]), ["/execs/0/ended/generation"]),
        (RUNNING, {"generation": 2}, ["/generation"]),
        (RUNNING, {"transitions": RUNNING["transitions"][::-1]}, ["/transitions/1", "/transitions/2", "/status"]),
        (RUNNING, {"transitions": []}, ["/transitions"]),
        (RUNNING, {"status": "paused"}, ["/status"]),
    ],
)
def test_a_contradiction_is_told_with_its_place(record: Record, changes: dict[str, Any], pointers: list[str]) -> None:
    contradictory: Any = {**record, **changes}

    assert explain("state", contradictory) == []
    assert [pointer for pointer, _ in find_contradictions(contradictory)] == pointers
