"""Events: CloudEvents that our schema, and jsonschema, accept."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from runtime.store.record import advance
from schemas.generated.event import validate
from tests.support.records import LATER, NOW, first_record
from watcher.diff import Happening
from watcher.events import event_of, event_type, gap_event, line_of, snapshot_event, snapshot_line, source_of
from watcher.snapshot import Found, kept_of

SCHEMA = Path(__file__).parents[3] / "schemas" / "event.schema.json"
SOURCE = "//0123456789abcdef0123456789abcdef/run/opencontainer/containers"
STOPPED = Happening(7, 1, "stopped", NOW)


def test_the_id_is_instance_generation_and_place():
    record = first_record()
    assert event_of(record, STOPPED, source=SOURCE)["id"] == f"{record['instance']}:7:1"


def test_an_event_tells_its_container_time_and_type():
    event = event_of(first_record("web"), STOPPED, source=SOURCE)
    assert (event["subject"], event["time"], event["type"]) == ("web", NOW, "org.runf.container.stopped.v1")


def test_the_data_is_the_whole_record():
    record = first_record()
    assert event_of(record, STOPPED, source=SOURCE)["data"] == record


def test_two_derivations_of_one_happening_are_the_same_event():
    record = first_record()
    assert event_of(record, STOPPED, source=SOURCE) == event_of(record, STOPPED, source=SOURCE)


def test_an_exec_has_types_of_its_own():
    assert event_type("exec.ended") == "org.runf.container.exec.ended.v1"


def test_a_snapshot_is_dated_by_the_last_thing_that_happened():
    record = advance(first_record(), now=LATER, happenings=("updated",))
    event = snapshot_event(record, source=SOURCE)
    assert (event["time"], event["type"]) == (LATER, "org.runf.container.snapshot.v1")


def test_a_snapshot_of_a_record_without_transitions_is_dated_by_its_creation():
    record = {**first_record(), "transitions": []}
    assert snapshot_event(record, source=SOURCE)["time"] == record["created"]


def test_the_source_names_machine_and_root():
    assert source_of("m", "/run/user/1000/c") == "//m/run/user/1000/c"


def test_a_root_with_a_space_still_makes_a_uri():
    assert source_of("m", "/tmp/a root?#") == "//m/tmp/a%20root%3F%23"


@pytest.mark.parametrize("text", [None, b'{"id": "web"}'])
def test_a_line_is_the_event_with_its_place(text):
    event = event_of({**first_record("web"), "id": "web"}, STOPPED, source='//m"/a%20root', text=text)
    line = line_of(event, sequence=7, cursor="e.7")
    members = {**event, "sequence": "00000000000000000007", "cursor": "e.7"}
    assert json.loads(line) == (members if text is None else {**members, "data": {"id": "web"}})


def test_the_line_of_a_gap_is_the_gap():
    gap = gap_event(subject="", source=SOURCE, time=NOW, after="e.1", missed=2, reason='so "it" is')
    assert json.loads(line_of(gap, sequence=1, cursor="e.1")) == {**gap, "sequence": f"{1:020}", "cursor": "e.1"}


@pytest.mark.parametrize("cursor", [None, "e.7"])
def test_the_line_of_a_snapshot_is_its_event(cursor):
    record = advance(first_record(), now=LATER, happenings=("updated",))
    line = snapshot_line(kept_of(Found(record, json.dumps(record).encode())), source=SOURCE, cursor=cursor)
    members = dict(snapshot_event(record, source=SOURCE))
    assert json.loads(line) == (members if cursor is None else {**members, "cursor": cursor})


def test_every_kind_of_event_passes_the_schema():
    record = first_record()
    gap = gap_event(subject="", source=SOURCE, time=NOW, after=None, missed=None, reason="too much happened")
    for event in (event_of(record, STOPPED, source=SOURCE), snapshot_event(record, source=SOURCE), gap):
        jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(event)
        validate(dict(event))
