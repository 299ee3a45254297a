"""Processes that exec added, found dead: what that makes of the record."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runtime.actions.evidence import ended_execs, observer
from runtime.actions.identity import identify
from runtime.actions.status import Evidence, observe
from runtime.store.record import UNKNOWN_EXIT, advance, exec_ended, exec_started
from schemas.generated.state import validate
from tests.support.records import LATER, NOW, exit_of, first_record, process_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.store.record import Exit, Process, Record

FOUND = "2026-02-01T00:00:09.000000000Z"
ALIVE = Evidence(
    same_boot=True, in_sight=True, process_alive=True, maker_alive=False, starter_alive=False, gate_waits=None
)
FIRST, SECOND = process_of(11), process_of(12)


def with_execs(*added: Process) -> Record:
    """A running container with these processes added."""
    record = advance(first_record(), now=NOW, process=process_of(), pid=4242)
    record = advance(record, now=NOW, status="created", happenings=("created",))
    record = advance(record, now=NOW, status="running", happenings=("started",))
    for each in added:
        record = exec_started(record, each, now=NOW)
    return record


def moments(record: Record) -> list[tuple[int, int] | None]:
    """Generation, counted from the record's own, and place of each end."""
    ends = [each["ended"] for each in record["execs"]]
    return [None if each is None else (each["generation"] - record["generation"], each["n"]) for each in ends]


def seen(record: Record, evidence: Evidence, *ends: tuple[Process, Exit]) -> Record:
    truth = observe(record, evidence._replace(execs=ends), now=FOUND).truth
    validate(truth)
    return truth


def test_those_that_ended_are_ended_in_one_generation_and_the_others_left() -> None:
    record = with_execs(FIRST, process_of(10), SECOND)
    truth = seen(record, ALIVE, (SECOND, exit_of(3)), (FIRST, UNKNOWN_EXIT))
    assert truth["generation"] == record["generation"] + 1
    assert moments(truth) == [(0, 0), None, (0, 1)]
    assert [each["exit"]["code"] for each in truth["execs"]] == [None, None, 3]
    assert truth["status"] == "running"


def test_they_follow_what_else_is_found_in_the_same_generation() -> None:
    record = with_execs(FIRST)
    truth = seen(record, ALIVE._replace(process_alive=False), (FIRST, UNKNOWN_EXIT))
    assert (truth["generation"], truth["status"]) == (record["generation"] + 1, "stopped")
    assert (truth["transitions"][-1]["n"], moments(truth)) == (0, [(0, 1)])


def test_a_stopped_container_has_them_ended_too() -> None:
    record = advance(with_execs(FIRST), now=LATER, status="stopped", happenings=("stopped",))
    truth = seen(record, ALIVE, (FIRST, UNKNOWN_EXIT))
    assert truth["generation"] == record["generation"] + 1
    assert moments(truth) == [(0, 0)]


def test_what_cant_be_verified_is_left_as_it_is() -> None:
    record = with_execs(FIRST)
    evidence = ALIVE._replace(in_sight=False, execs=((FIRST, UNKNOWN_EXIT),))
    assert observe(record, evidence, now=FOUND).truth is record


def test_a_known_exit_stays_and_an_unknown_one_becomes_known_once() -> None:
    record = exec_ended(with_execs(FIRST), FIRST, UNKNOWN_EXIT, now=NOW)
    known = exec_ended(record, FIRST, exit_of(3), now=LATER)
    assert known["execs"][0] == {**record["execs"][0], "exit": exit_of(3)}
    assert exec_ended(known, FIRST, exit_of(4), now=LATER) is known
    assert exec_ended(known, SECOND, exit_of(4), now=LATER) is known


class TestEvidence:
    @pytest.fixture
    def zombie(self) -> Iterator[int]:
        pid = os.fork()
        if pid == 0:
            os._exit(3)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        yield pid
        os.waitpid(pid, 0)

    def test_a_zombie_tells_its_exit_and_a_living_process_is_no_news(self, zombie: int) -> None:
        record = with_execs(identify(os.getpid()), identify(zombie))
        assert ended_execs(record, observer()) == ((identify(zombie), exit_of(3)),)

    def test_one_that_is_gone_has_an_unknown_exit(self) -> None:
        gone: Process = {**identify(os.getpid()), "startTime": 1}
        assert ended_execs(with_execs(gone), observer()) == ((gone, UNKNOWN_EXIT),)

    def test_one_of_another_boot_has_ended_and_one_of_another_namespace_says_nothing(self) -> None:
        other: Process = {**identify(os.getpid()), "pidNamespace": 1}
        record = with_execs(process_of(11), other)
        assert ended_execs(record, observer()) == ((process_of(11), UNKNOWN_EXIT),)

    def test_one_that_ended_before_is_not_looked_at(self) -> None:
        assert ended_execs(exec_ended(with_execs(FIRST), FIRST, exit_of(0), now=NOW), observer()) == ()
