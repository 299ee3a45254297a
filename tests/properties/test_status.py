"""Whatever record and evidence come together, the truth is one that can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from runtime.actions.status import Evidence, observe
from runtime.store.record import UNKNOWN_EXIT, advance, ended
from schemas.generated.state import validate
from tests.support.records import LATER, NOW, exit_of, first_record, process_of

if TYPE_CHECKING:
    from runtime.store.record import Record

evidences = st.builds(
    Evidence,
    same_boot=st.booleans(),
    in_sight=st.booleans(),
    process_alive=st.booleans(),
    maker_alive=st.booleans(),
    starter_alive=st.booleans(),
    gate_waits=st.sampled_from([True, False, None]),
    frozen=st.sampled_from([True, False, None]),
    exit=st.sampled_from([UNKNOWN_EXIT, exit_of(3)]),
)
# what commands commit, in any order that the record allows
STEPS = ("process", "created", "starter", "started", "paused", "resumed", "updated", "stopped", "exit")
lives = st.lists(st.sampled_from(STEPS), max_size=12)


def step(record: Record, name: str) -> Record:
    """The next record, or the same one where the step can't follow."""
    status = record["status"]
    if name == "process" and status == "creating":
        return advance(record, now=NOW, process=process_of(), pid=4242)
    if name == "created" and status == "creating" and record["process"] is not None:
        return advance(record, now=NOW, status="created", happenings=("created",))
    if name == "starter" and status == "created":
        return advance(record, now=NOW, starter=process_of(77))
    if name == "started" and record["starter"] is not None:
        return advance(record, now=NOW, status="running", happenings=("started",))
    if name == "paused" and status == "running":
        return advance(record, now=NOW, status="paused", happenings=("paused",))
    if name == "resumed" and status == "paused":
        return advance(record, now=NOW, status="running", happenings=("resumed",))
    if name == "updated" and status in ("created", "running", "paused"):
        return advance(record, now=NOW, happenings=("updated",))
    if name == "stopped" and status != "stopped":
        return advance(record, now=NOW, status="stopped", happenings=("stopped",))
    if name == "exit" and status == "stopped":
        return ended(record, exit=exit_of(3), finished=NOW, precision="exact", now=NOW) or record
    return record


def live(steps: list[str]) -> Record:
    record = first_record()
    for name in steps:
        record = step(record, name)
    return record


records = lives.map(live)


@given(records, evidences)
def test_the_truth_is_a_valid_record_of_at_most_one_generation_more(record: Record, evidence: Evidence) -> None:
    truth = observe(record, evidence, now=LATER).truth
    validate(truth)
    if truth is not record:
        # a freeze is answered as it is seen, and committed by nobody who merely sees it
        is_frozen_now = truth == {**record, "status": truth["status"]}
        assert truth["generation"] == record["generation"] + (0 if is_frozen_now else 1)
    unchanged = ("id", "instance", "created", "bundle", "process", "annotations", "linux", "execs")
    assert {member: truth[member] for member in unchanged} == {member: record[member] for member in unchanged}  # type: ignore[literal-required]


@given(records, evidences)
def test_a_living_process_is_never_called_stopped(record: Record, evidence: Evidence) -> None:
    sees_it = evidence.same_boot and evidence.in_sight and evidence.process_alive
    if sees_it and record["status"] not in ("creating", "stopped"):
        assert observe(record, evidence, now=LATER).truth["status"] != "stopped"


@given(records, evidences)
def test_a_dead_process_is_never_called_alive(record: Record, evidence: Evidence) -> None:
    seen = observe(record, evidence, now=LATER)
    if seen.verified and record["status"] != "creating" and not evidence.process_alive:
        assert (seen.truth["status"], seen.truth["pid"]) == ("stopped", 0)


@given(records, st.lists(evidences, max_size=5))
def test_a_life_is_started_once_and_stopped_once_in_that_order(record: Record, found: list[Evidence]) -> None:
    for evidence in found:
        record = observe(record, evidence, now=LATER).truth
    happened = [each["type"] for each in record["transitions"]]
    assert happened.count("started") <= 1
    assert happened.count("stopped") <= 1
    if "stopped" in happened:
        assert not {"created", "started", "paused", "resumed"} & set(happened[happened.index("stopped") :])
    assert ("started" in happened) is (record["started"] is not None)
    assert ("stopped" in happened) is (record["finished"] is not None)


@given(records, evidences)
def test_the_truth_seen_again_is_the_truth(record: Record, evidence: Evidence) -> None:
    truth = observe(record, evidence, now=LATER).truth
    assert observe(truth, evidence, now=LATER).truth is truth


@given(records, evidences)
def test_what_is_not_verified_changes_nothing(record: Record, evidence: Evidence) -> None:
    seen = observe(record, evidence, now=LATER)
    if not seen.verified:
        assert seen.truth is record
        assert not seen.in_hands


@given(records, evidences)
def test_no_record_is_changed_in_place(record: Record, evidence: Evidence) -> None:
    before = repr(record)
    observe(record, evidence, now=LATER)
    assert repr(record) == before


@given(records, evidences)
def test_an_observation_invents_no_exit_and_takes_none_back(record: Record, evidence: Evidence) -> None:
    truth = observe(record, evidence, now=LATER).truth
    is_found = record["status"] not in ("creating", "stopped") and not evidence.process_alive
    may_tell = is_found and evidence.same_boot and evidence.in_sight
    assert truth["exit"] == (evidence.exit if may_tell else record["exit"])
