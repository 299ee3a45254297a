"""How a process of exec ended is committed, also in a last record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.store.record import UNKNOWN_EXIT
from tests.support.following import commit, last_record, retire, run, start_exec
from tests.support.records import exit_of

if TYPE_CHECKING:
    pass


def test_the_end_of_an_exec_is_committed_with_its_code(store, watch, child):
    watched = watch().start()
    process, added = child(), child()
    run(store, process.identity)
    start_exec(store, added.identity)
    watched.settle()
    added.end(5)
    assert watched.types() == ["created", "started", "exec.started", "exec.ended"]
    assert store.read("web")["execs"][0]["exit"]["code"] == 5
    assert store.read("web")["status"] == "running"


def test_an_exec_that_ended_unseen_is_ended_without_a_code(store, watch, child):
    process, added = child(), child()
    run(store, process.identity)
    start_exec(store, added.identity)
    added.end(5)
    added.reap()
    assert watch().start().types() == ["created", "started", "exec.started", "exec.ended"]
    assert store.read("web")["execs"][0]["exit"] == UNKNOWN_EXIT


def test_an_exec_that_ended_unseen_with_its_container_is_ended_too(store, watch, child):
    process, added = child(), child()
    run(store, process.identity)
    start_exec(store, added.identity)
    commit(store, status="stopped", exit=exit_of(3), happenings=("stopped",))
    for each in (process, added):
        each.end(5)
        each.reap()
    assert watch().start().types() == ["created", "started", "exec.started", "stopped", "exec.ended"]


def test_the_last_record_learns_how_an_exec_ended(store, watch, child):
    watched = watch().start()
    process, added = child(), child()
    run(store, process.identity)
    start_exec(store, added.identity)
    watched.settle()
    retire(store)
    added.end(5)
    assert watched.types() == ["created", "started", "exec.started", "deleted", "exec.ended"]
    assert last_record(store)["execs"][0]["exit"]["code"] == 5


def test_a_last_record_with_an_exec_that_nobody_saw_end_is_completed(store, watch, child):
    process, added = child(), child()
    run(store, process.identity)
    start_exec(store, added.identity)
    added.end(5)
    added.reap()
    retire(store)
    assert watch().start().types()[-1] == "exec.ended"
    ended = last_record(store)["execs"][0]
    assert (ended["exit"], ended["ended"] is not None) == (UNKNOWN_EXIT, True)
