"""Filters: values of one name are alternatives, names must all match."""

from __future__ import annotations

import pytest

from runtime.errors import UsageFault
from tests.support.lives import SOURCE, Life
from tests.support.records import NOW, exit_of
from watcher.events import gap_event, snapshot_event, source_of
from watcher.filters import TYPES, make_event_filter, make_record_filter


def event_of(kind: str = "created", container_id: str = "web", **members):
    (event,) = Life(container_id, **members).step(kind)
    return event


def test_without_a_filter_everything_is_wanted():
    assert make_event_filter([])(event_of())


@pytest.mark.parametrize(
    ("query", "is_wanted"),
    [
        ([("id", "web")], True),
        ([("id", "db")], False),
        ([("id", "db"), ("id", "web")], True),
        ([("type", "created")], True),
        ([("type", "org.runf.container.created.v1")], True),
        ([("type", "stopped")], False),
        ([("type", "stopped"), ("type", "created")], True),
        ([("type", "created"), ("id", "db")], False),
        ([("owner", "root")], True),
        ([("owner", "nobody")], False),
        ([("status", "creating")], True),
        ([("status", "running")], False),
        ([("annotation", "team")], True),
        ([("annotation", "team=red")], True),
        ([("annotation", "team=a=b")], False),
        ([("annotation", "team=")], False),
        ([("annotation", "tea")], False),
        ([("prefix", "w")], True),
        ([("prefix", "eb")], False),
        ([("prefix", "db"), ("id", "web")], True),
        ([("prefix", "we"), ("id", "db")], True),
        ([("runtime", "runf")], True),
        ([("runtime", "crun"), ("owner", "root")], False),
        ([("exit", "unknown")], False),
    ],
)
def test_an_event_is_judged_by_its_type_and_its_record(query, is_wanted):
    assert make_event_filter(query)(event_of(annotations={"team": "red"})) is is_wanted


@pytest.mark.parametrize(
    ("code", "asked", "is_wanted"),
    [
        (0, ["0"], True),
        (0, ["failed", "unknown"], False),
        (7, ["0", "7"], True),
        (7, ["failed"], True),
        (7, ["unknown"], False),
        (None, ["unknown"], True),
        (None, ["0", "failed"], False),
    ],
)
def test_an_ended_container_is_judged_by_its_exit(code, asked, is_wanted):
    (event,) = Life().step("stopped", status="stopped", exit=exit_of(code))
    assert make_event_filter([("exit", text) for text in asked])(event) is is_wanted
    assert make_record_filter([("exit", text) for text in asked])(event["data"], "/a") is is_wanted


@pytest.mark.parametrize("text", ["256", "07", "-1", "seven", "", "\u0667", "9" * 5000])
def test_what_is_no_exit_code_is_refused(text):
    with pytest.raises(UsageFault) as caught:
        make_record_filter([("exit", text)])
    assert str(caught.value) == f"{text!r} is no exit code; ask for 0 to 255, failed or unknown"


def test_an_unknown_status_is_refused_and_the_known_ones_are_named():
    with pytest.raises(UsageFault) as caught:
        make_event_filter([("status", "dead")])
    assert str(caught.value) == "there is no status 'dead'; there are creating, created, running, paused, stopped"


def test_an_annotation_may_hold_an_equals_sign():
    assert make_event_filter([("annotation", "team=a=b")])(event_of(annotations={"team": "a=b"}))


def test_the_snapshot_comes_whatever_types_were_asked_for():
    wants = make_event_filter([("type", "stopped"), ("id", "web")])
    assert wants(snapshot_event(Life("web").record, source=SOURCE))
    assert not wants(snapshot_event(Life("db").record, source=SOURCE))


@pytest.mark.parametrize(("subject", "is_wanted"), [("", True), ("web", True), ("db", False)])
def test_a_gap_comes_to_whom_it_may_concern(subject, is_wanted):
    gap = gap_event(subject=subject, source=SOURCE, time=NOW, after=None, missed=None, reason="lost")
    assert make_event_filter([("type", "stopped"), ("id", "web"), ("owner", "x")])(gap) is is_wanted


def test_records_have_the_same_filters():
    record = Life("web", annotations={"team": "red"}).record
    assert make_record_filter([("id", "web"), ("annotation", "team=red"), ("status", "creating")])(record, "/a")
    assert not make_record_filter([("owner", "nobody")])(record, "/a")


def test_a_root_is_told_by_an_events_source():
    record = Life("web").record
    for root, is_wanted in (("/run/my containers", True), ("/run", False)):
        query = [("root", root), ("root", "/other")]
        event = snapshot_event(record, source=source_of("m", "/run/my containers"))
        assert make_event_filter(query)(event) is is_wanted
        assert make_record_filter(query)(record, "/run/my containers") is is_wanted


@pytest.mark.parametrize(
    ("make", "query", "text"),
    [
        (
            make_event_filter,
            ("typ", "stopped"),
            "there is no filter 'typ'; there are id, prefix, status, owner, annotation, runtime, exit, root, type",
        ),
        (
            make_record_filter,
            ("type", "stopped"),
            "there is no filter 'type'; there are id, prefix, status, owner, annotation, runtime, exit, root",
        ),
    ],
)
def test_an_unknown_filter_is_refused(make, query, text):
    with pytest.raises(UsageFault) as caught:
        make([query])
    assert str(caught.value) == text


def test_an_unknown_type_is_refused_and_the_known_ones_are_named():
    with pytest.raises(UsageFault, match=r"there is no event type 'died'; there are checkpointed, created, deleted, "):
        make_event_filter([("type", "died")])


def test_every_type_of_the_schema_can_be_asked_for():
    for kind in TYPES:
        make_event_filter([("type", kind)])
