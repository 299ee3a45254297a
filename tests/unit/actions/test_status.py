"""From a record and evidence to the truth: the table of runtime/actions/status.py, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtime.actions.status import ALLOWED, INTERRUPTED, Evidence, Observation, observe, refuse
from runtime.errors import NotRunning, WrongStatus
from runtime.store.record import UNKNOWN_EXIT, advance
from schemas.generated.state import validate
from tests.support.records import LATER, NOW, first_record, process_of

if TYPE_CHECKING:
    from runtime.store.record import Record, Status

FOUND = "2026-02-01T00:00:09.000000000Z"
ALIVE = Evidence(
    same_boot=True, in_sight=True, process_alive=True, maker_alive=False, starter_alive=False, gate_waits=None
)
DEAD = ALIVE._replace(process_alive=False)
LIVING: tuple[Status, ...] = ("creating", "created", "running", "paused")
STATUSES: tuple[Status, ...] = (*LIVING, "stopped")


def record_in(status: Status, *, has_starter: bool = False) -> Record:
    """The record of a container as the runtime leaves it in ``status``."""
    record = advance(first_record(), now=NOW, process=process_of(), pid=4242)
    if status == "creating":
        return record
    record = advance(record, now=NOW, status="created", happenings=("created",))
    if has_starter:
        record = advance(record, now=NOW, starter=process_of(77))
    if status == "created":
        return record
    if status != "stopped":
        record = advance(record, now=LATER, status="running", happenings=("started",))
    if status == "paused":
        record = advance(record, now=LATER, status="paused", happenings=("paused",))
    if status == "stopped":
        record = advance(record, now=LATER, status="stopped", happenings=("stopped",))
    return record


def look(record: Record, evidence: Evidence) -> Observation:
    """The observation, its truth valid by the schema."""
    seen = observe(record, evidence, now=FOUND)
    validate(seen.truth)
    return seen


def happened_since(record: Record, truth: Record) -> list[tuple[str, str]]:
    return [(each["type"], each["time"]) for each in truth["transitions"][len(record["transitions"]) :]]


@pytest.mark.parametrize("status", LIVING)
@pytest.mark.parametrize("evidence", [ALIVE, DEAD, ALIVE._replace(in_sight=False, maker_alive=True)])
def test_a_record_of_another_boot_is_stopped_whatever_else_seems(status: Status, evidence: Evidence) -> None:
    record = record_in(status)
    seen = look(record, evidence._replace(same_boot=False))
    assert (seen.truth["status"], seen.verified, seen.in_hands) == ("stopped", True, False)
    assert seen.truth["exit"] == UNKNOWN_EXIT
    assert (seen.truth["finished"], seen.truth["finishedPrecision"]) == (FOUND, "observed")
    assert happened_since(record, seen.truth) == [("stopped", FOUND)]


@pytest.mark.parametrize("status", LIVING)
@pytest.mark.parametrize("evidence", [ALIVE, DEAD])
def test_from_another_namespace_the_record_stands_unverified(status: Status, evidence: Evidence) -> None:
    record = record_in(status, has_starter=status == "created")
    seen = look(record, evidence._replace(in_sight=False))
    assert seen.truth is record
    assert (seen.verified, seen.in_hands) == (False, False)


@pytest.mark.parametrize("evidence", [ALIVE, DEAD, DEAD._replace(same_boot=False), DEAD._replace(in_sight=False)])
def test_stopped_is_final(evidence: Evidence) -> None:
    record = record_in("stopped")
    seen = look(record, evidence)
    assert seen.truth is record
    assert (seen.verified, seen.in_hands) == (True, False)


@pytest.mark.parametrize("evidence", [ALIVE, DEAD])
def test_a_create_under_way_is_in_its_makers_hands(evidence: Evidence) -> None:
    record = record_in("creating")
    seen = look(record, evidence._replace(maker_alive=True))
    assert seen.truth is record
    assert (seen.verified, seen.in_hands) == (True, True)


@pytest.mark.parametrize("evidence", [ALIVE, DEAD])
def test_a_create_whose_maker_died_was_interrupted(evidence: Evidence) -> None:
    record = record_in("creating")
    seen = look(record, evidence)
    assert (seen.truth["status"], seen.truth["fault"]) == ("stopped", INTERRUPTED)
    assert (seen.truth["exit"], seen.truth["started"], seen.truth["pid"]) == (UNKNOWN_EXIT, None, 0)
    assert (seen.verified, seen.in_hands) == (True, False)
    assert happened_since(record, seen.truth) == [("stopped", FOUND)]


@pytest.mark.parametrize("status", ["created", "running", "paused"])
def test_a_process_that_died_is_found_later_than_it_happened(status: Status) -> None:
    record = record_in(status)
    seen = look(record, DEAD)
    assert (seen.truth["status"], seen.truth["pid"], seen.truth["exit"]) == ("stopped", 0, UNKNOWN_EXIT)
    assert (seen.truth["finished"], seen.truth["finishedPrecision"]) == (FOUND, "observed")
    assert seen.truth["started"] == record["started"]
    assert (seen.verified, seen.in_hands) == (True, False)
    assert happened_since(record, seen.truth) == [("stopped", FOUND)]


def test_a_process_that_died_while_it_was_started_is_left_to_the_starter() -> None:
    seen = look(record_in("created", has_starter=True), DEAD._replace(starter_alive=True))
    assert (seen.truth["status"], seen.verified, seen.in_hands) == ("stopped", True, True)


def test_an_end_after_an_interrupted_start_counts_the_start() -> None:
    record = record_in("created", has_starter=True)
    seen = look(record, DEAD)
    assert happened_since(record, seen.truth) == [("started", FOUND), ("stopped", FOUND)]
    assert seen.in_hands is False


@pytest.mark.parametrize("gate_waits", [True, False, None])
def test_a_start_under_way_is_in_its_starters_hands(gate_waits: bool | None) -> None:
    record = record_in("created", has_starter=True)
    seen = look(record, ALIVE._replace(starter_alive=True, gate_waits=gate_waits))
    assert seen.truth is record
    assert (seen.verified, seen.in_hands) == (True, True)


def test_a_start_that_died_before_the_gate_opened_leaves_it_created() -> None:
    record = record_in("created", has_starter=True)
    seen = look(record, ALIVE._replace(gate_waits=True))
    assert (seen.truth["status"], seen.truth["starter"], seen.truth["started"]) == ("created", None, None)
    assert happened_since(record, seen.truth) == []
    assert seen.in_hands is False


@pytest.mark.parametrize(("has_starter", "gate_waits"), [(True, False), (True, None), (False, False)])
def test_once_nobody_waits_at_the_gate_it_runs(has_starter: bool, gate_waits: bool | None) -> None:
    record = record_in("created", has_starter=has_starter)
    seen = look(record, ALIVE._replace(gate_waits=gate_waits))
    assert (seen.truth["status"], seen.truth["starter"], seen.truth["started"]) == ("running", None, FOUND)
    assert (seen.truth["pid"], seen.truth["finished"]) == (4242, None)
    assert happened_since(record, seen.truth) == [("started", FOUND)]
    assert (seen.verified, seen.in_hands) == (True, False)


def test_a_starter_killed_between_its_byte_and_the_execve_does_not_leave_it_created_for_ever() -> None:
    waiting = look(record_in("created", has_starter=True), ALIVE._replace(gate_waits=True))
    assert look(waiting.truth, ALIVE._replace(gate_waits=False)).truth["status"] == "running"


@pytest.mark.parametrize("gate_waits", [True, None])
def test_a_created_container_that_nobody_starts_stands(gate_waits: bool | None) -> None:
    record = record_in("created")
    seen = look(record, ALIVE._replace(gate_waits=gate_waits))
    assert seen.truth is record
    assert (seen.verified, seen.in_hands) == (True, False)


@pytest.mark.parametrize("status", ["running", "paused"])
@pytest.mark.parametrize("gate_waits", [True, False, None])
def test_what_runs_and_lives_stands_whatever_the_gate_says(status: Status, gate_waits: bool | None) -> None:
    record = record_in(status)
    seen = look(record, ALIVE._replace(gate_waits=gate_waits))
    assert seen.truth is record
    assert (seen.verified, seen.in_hands) == (True, False)


@pytest.mark.parametrize("status", ["running", "paused"])
def test_a_starter_that_was_left_behind_starts_nothing_again(status: Status) -> None:
    record: Record = {**record_in(status), "starter": process_of(77)}
    seen = look(record, ALIVE._replace(gate_waits=False))
    assert seen.truth is record


@pytest.mark.parametrize("status", ["created", "running"])
def test_what_is_frozen_is_paused_whatever_the_record_says(status: Status) -> None:
    record = record_in(status)
    seen = look(record, ALIVE._replace(frozen=True))
    assert seen.truth == {**record, "status": "paused"}
    assert (seen.verified, seen.in_hands) == (True, True)


@pytest.mark.parametrize(("has_run", "expected"), [(True, "running"), (False, "created")])
def test_what_is_thawed_is_not_paused_whatever_the_record_says(has_run: bool, expected: Status) -> None:
    record = record_in("paused")
    if not has_run:
        record["started"] = None
    seen = look(record, ALIVE._replace(frozen=False))
    assert seen.truth == {**record, "status": expected}
    assert (seen.verified, seen.in_hands) == (True, True)


@pytest.mark.parametrize(("status", "frozen"), [("running", False), ("created", False), ("paused", True)])
def test_a_freezer_that_agrees_with_the_record_changes_nothing(status: Status, frozen: bool) -> None:
    record = record_in(status)
    seen = look(record, ALIVE._replace(frozen=frozen))
    assert seen.truth is record
    assert (seen.verified, seen.in_hands) == (True, False)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_freezer_neither_wakes_the_dead_nor_stops_a_create(frozen: bool) -> None:
    assert look(record_in("running"), DEAD._replace(frozen=frozen)).truth["status"] == "stopped"
    assert look(record_in("stopped"), DEAD._replace(frozen=frozen)).truth["status"] == "stopped"
    making = record_in("creating")
    assert look(making, ALIVE._replace(maker_alive=True, frozen=frozen)).truth is making


def test_a_start_that_passed_the_gate_and_was_frozen_then_is_paused() -> None:
    record = record_in("created", has_starter=True)
    seen = look(record, ALIVE._replace(gate_waits=False, frozen=True))
    assert (seen.truth["status"], seen.truth["started"], seen.in_hands) == ("paused", FOUND, True)


class TestRefuse:
    TABLE: tuple[tuple[str, str], ...] = (
        ("start", "created"),
        ("kill", "created running paused"),
        ("delete", "stopped"),
        ("pause", "created running"),
        ("resume", "paused"),
        ("exec in", "created running"),
        ("update", "created running paused"),
        ("checkpoint", "running paused"),
    )

    @pytest.mark.parametrize(("action", "allowed"), TABLE)
    @pytest.mark.parametrize("status", STATUSES)
    def test_an_action_is_allowed_in_its_statuses_only(self, action: str, allowed: str, status: Status) -> None:
        if status in allowed.split():
            refuse(action, "web", status)
        elif action == "kill":
            with pytest.raises(NotRunning, match="container not running"):
                refuse(action, "web", status)
        else:
            with pytest.raises(WrongStatus) as caught:
                refuse(action, "web", status)
            fault = caught.value
            assert (fault.action, fault.container_id, fault.status) == (action, "web", status)
            assert fault.allowed == tuple(allowed.split())

    def test_the_table_names_each_action_once(self) -> None:
        assert [action for action, _ in self.TABLE] == list(ALLOWED)

    def test_the_fault_says_what_it_is_and_what_is_needed(self) -> None:
        with pytest.raises(WrongStatus) as caught:
            refuse("update", "web", "stopped")
        told = 'cannot update container "web": it is stopped, and update needs it created or running or paused'
        assert str(caught.value) == told
