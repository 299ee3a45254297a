"""A glance tells what the record and the kernel's evidence tell, or nothing."""

from __future__ import annotations

import itertools
import os
import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from runtime import glance
from runtime.actions import evidence, status
from runtime.actions.identity import identify
from runtime.kernel import clock
from runtime.store import record as records
from runtime.store.store import Store
from schemas.generated.state_text import GROUPS, PATTERN
from tests.support.records import exit_of, process_of, publish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.actions.evidence import Observer
    from runtime.store.record import Record

MATCH = re.compile(PATTERN).fullmatch
STATUSES = ("creating", "created", "running", "paused", "stopped")
PROCESSES = ("mine", "gone", "zombie", "another since", "elsewhere", "under another clock", "of another boot", "none")
HOLDERS = ("none", "mine", "gone")
GATES = ("waits", "passed", "missing")
RUNTIMES = ("runf", "runc")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(str(tmp_path / "root"), make=True)) as opened:
        yield opened


@pytest.fixture
def processes() -> Iterator[dict[str, Any]]:
    """Each kind that a record may name."""
    mine = identify(os.getpid())
    gone, zombie = _ended(), _ended()
    identities = {"gone": identify(gone), "zombie": identify(zombie)}
    os.waitpid(gone, 0)
    yield {
        **identities,
        "mine": mine,
        "another since": {**mine, "startTime": mine["startTime"] + 1},
        "elsewhere": {**mine, "pidNamespace": 1},
        "under another clock": {**mine, "timeNamespace": 1},
        "of another boot": process_of(os.getpid()),
        "none": None,
    }
    os.waitpid(zombie, 0)


def _ended() -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid


def glanced(record: Record, here: Observer, store: Store) -> str | None:
    found = glance.glance(MATCH, glance.places(GROUPS), records.serialize(record))
    assert found is not None
    return glance.status_of(found, here, store.fds.root)


def judged(record: Record, here: Observer, store: Store) -> status.Observation:
    return status.observe(record, evidence.gather(record, here, store.fds.root), now=clock.now())


def test_of_whatever_a_record_may_say_a_glance_says_the_same_or_nothing(
    store: Store, processes: dict[str, Any]
) -> None:
    first = publish(store)
    gate = f"{store.root}/web/gate"
    here = evidence.observer()
    told: dict[str, set[str | None]] = {name: set() for name in PROCESSES}
    for waits in GATES:
        os.path.exists(gate) and os.remove(gate)
        if waits != "missing":
            os.mkfifo(gate)
        held = os.open(gate, os.O_RDONLY | os.O_NONBLOCK) if waits == "waits" else None
        for name, process, maker, starter, runtime in itertools.product(
            STATUSES, PROCESSES, HOLDERS, HOLDERS, RUNTIMES
        ):
            record: Any = {
                **first,
                "status": name,
                "process": processes[process],
                "maker": processes[maker],
                "starter": processes[starter],
                "runtime": {**first["runtime"], "name": runtime},
            }
            found = glanced(record, here, store)
            if found is not None:
                seen = judged(record, here, store)
                case = (waits, name, process, maker, starter, runtime)
                assert (found, seen.verified) == (seen.truth["status"], True), case
                assert (seen.truth is record) == (found == name), case
                assert name == "stopped" or (maker, starter) == ("none", "none"), case
            if (name, runtime) != ("stopped", "runc"):
                told[process].add(found)
        if held is not None:
            os.close(held)
    assert told == {
        "mine": {"created", "running", "paused", "stopped", None},
        "gone": {"stopped", None},
        "of another boot": {"stopped", None},
        **{each: {"stopped", None} for each in ("zombie", "another since", "elsewhere", "under another clock", "none")},
    }


@pytest.mark.parametrize(("waits", "runtime", "expected"), [(True, "runf", "created"), (False, "runf", None)])
def test_a_created_container_waits_at_its_gate(
    store: Store, processes: dict[str, Any], waits: bool, runtime: str, expected: str | None
) -> None:
    first = publish(store)
    record: Any = {**first, "status": "created", "process": processes["mine"], "maker": None}
    held = os.open(f"{store.root}/web/gate", os.O_RDONLY | os.O_NONBLOCK) if waits else None
    assert glanced(record, evidence.observer(), store) == expected
    if held is not None:
        os.close(held)


def test_of_processes_nobody_knows_where_they_are(store: Store, processes: dict[str, Any]) -> None:
    """Where /proc has only processes it doesn't tell the boot, and before Linux 5.6 there is one clock for all."""
    first = publish(store)
    here = evidence.observer()
    living: Any = {**first, "status": "running", "process": processes["mine"], "maker": None}
    of_another_clock: Any = {**living, "process": processes["under another clock"]}
    assert glanced(living, here, store) == "running"
    assert glanced(living, here._replace(boot_id=""), store) is None
    assert glanced(of_another_clock, here, store) is None
    assert glanced(of_another_clock, here._replace(time_namespace=None), store) == "running"
    assert glanced(living, here._replace(proc="/nonexistent"), store) is None


def test_what_is_no_cgroup_is_left_to_the_one_who_judges(store: Store, tmp_path: Path) -> None:
    first = publish(store)
    (tmp_path / "cgroup.events").write_text("frozen 0\n")
    cgroup = {"version": 2, "paths": {"unified": str(tmp_path)}, "scope": None}
    living: Any = {
        **first,
        "status": "running",
        "process": identify(os.getpid()),
        "maker": None,
        "linux": {**first["linux"], "cgroup": cgroup},
    }
    here = evidence.observer()
    assert glanced(living, here, store) is None
    assert glanced({**living, "linux": {**first["linux"], "cgroup": {**cgroup, "paths": {}}}}, here, store) == "running"


def test_execs_are_done_once_each_has_an_end(store: Store) -> None:
    first = publish(store)
    moment = {"generation": 1, "n": 0, "time": first["created"]}
    added: Any = {"process": process_of(), "started": moment, "ended": None, "exit": exit_of(None)}
    done = {**added, "ended": moment}
    for execs, expected in (([], True), ([done], True), ([done, added], False)):
        found = glance.glance(MATCH, glance.places(GROUPS), records.serialize({**first, "execs": execs}))
        assert found is not None
        assert glance.is_done(found) is expected
