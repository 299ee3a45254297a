"""The record of a container that failed before its program ran."""

from __future__ import annotations

from runtime.actions.failure import FAULT_LIMIT, failed
from runtime.errors import Fault
from runtime.store.record import UNKNOWN_EXIT, advance, ended
from schemas.generated.state import validate
from tests.support.records import LATER, NOW, exit_of, first_record, process_of

FOUND = "2026-02-01T00:00:09.000000000Z"


def test_a_failure_stops_the_container_and_tells_why() -> None:
    record = failed(first_record(), Fault("no such file"), now=FOUND)
    validate(record)
    assert (record["status"], record["pid"], record["maker"], record["fault"]) == ("stopped", 0, None, "no such file")
    assert (record["finished"], record["finishedPrecision"], record["exit"]) == (FOUND, "exact", UNKNOWN_EXIT)
    assert record["transitions"][-1]["type"] == "failed"


def test_an_end_that_was_seen_before_stays_as_it_was_seen() -> None:
    created = advance(first_record(), now=NOW, process=process_of(), status="created", happenings=("created",))
    seen = ended(created, exit=exit_of(143), finished=LATER, precision="exact", now=LATER)
    assert seen is not None
    record = failed(seen, Fault("the process that waits for start is gone"), now=FOUND)
    validate(record)
    assert (record["finished"], record["finishedPrecision"]) == (LATER, "exact")
    assert record["exit"] == exit_of(143)
    assert [each["type"] for each in record["transitions"]][-2:] == ["stopped", "failed"]


def test_a_fault_is_told_as_far_as_there_is_room() -> None:
    record = failed(first_record(), Fault("x" * 2 * FAULT_LIMIT), now=FOUND)
    validate(record)
    assert record["fault"] == "x" * FAULT_LIMIT
