"""How a first process ended is committed, by whoever is not its parent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runtime.actions import status
from runtime.store.record import UNKNOWN_EXIT
from tests.support.following import SOURCE, commit, last_record, me, publish, retire, run, settle
from tests.support.records import BOOT_ID, exit_of
from watcher.follower import Follower

if TYPE_CHECKING:
    pass


def test_an_end_is_committed_with_its_code(store, watch, child):
    watched = watch().start()
    process = child()
    run(store, process.identity)
    watched.settle()
    process.end(7)
    assert watched.types() == ["created", "started", "stopped"]
    record = store.read("web")
    assert (record["status"], record["exit"]["code"], record["finishedPrecision"]) == ("stopped", 7, "exact")


def test_an_end_that_finds_the_lock_held_is_committed_a_moment_later(store, child):
    soon = []

    def later(_, act):
        soon.append(act)

    follower = Follower(store, commits=True, source=SOURCE, on_events=lambda _: None, later=later)
    follower.start()
    process = child()
    run(store, process.identity)
    settle(follower)
    with store.locked("web"):
        process.end(7)
        settle(follower)
        assert len(soon) == 1
        soon.pop()()
        assert len(soon) == 1  # it tries once more, and no more often
    soon.pop()()
    record = store.read("web")
    follower.close()
    assert (record["status"], record["exit"]["code"], record["finishedPrecision"], soon) == ("stopped", 7, "exact", [])


def test_an_end_by_a_signal_is_committed_with_it(store, watch, child):
    watched = watch().start()
    process = child()
    run(store, process.identity)
    watched.settle()
    process.kill()
    watched.settle()
    assert (store.read("web")["exit"]["code"], store.read("web")["exit"]["signal"]) == (137, 9)


def test_who_was_reaped_by_its_parent_has_a_code_all_the_same(store, watch, child):
    watched = watch().start()
    process = child()
    run(store, process.identity)
    watched.settle()
    process.end(7)
    process.reap()
    watched.settle()
    assert store.read("web")["exit"]["code"] == 7


def test_a_zombie_that_waits_for_a_watcher_to_start_has_its_code(store, watch, child):
    process = child()
    run(store, process.identity)
    process.end(7)
    watch().start().settle()
    record = store.read("web")
    assert (record["status"], record["exit"]["code"], record["finishedPrecision"]) == ("stopped", 7, "observed")


def test_who_died_while_no_watcher_was_there_is_observed_without_a_code(store, watch, child):
    process = child()
    run(store, process.identity)
    process.end(7)
    process.reap()
    assert watch().start().types() == ["created", "started", "stopped"]
    record = store.read("web")
    assert (record["exit"], record["finishedPrecision"]) == (UNKNOWN_EXIT, "observed")


def test_a_container_of_another_boot_is_stopped(store, watch, child):
    run(store, {**child().identity, "bootId": BOOT_ID})
    watch().start().settle()
    assert store.read("web")["status"] == "stopped"


def test_a_container_of_another_pid_namespace_is_left_alone(store, watch):
    record = run(store, {**me(), "pid": 4_194_304, "pidNamespace": 1})
    watch().start().settle()
    assert store.read("web") == record


def test_a_process_that_has_another_ones_pid_is_not_taken_for_it(store, watch, child):
    process = child()
    run(store, {**process.identity, "startTime": process.identity["startTime"] - 1})
    watch().start().settle()
    assert store.read("web")["status"] == "stopped"


def test_while_its_starter_lives_an_end_is_in_its_hands(store, watch, child):
    watched = watch().start()
    process = child()
    publish(store, me())
    commit(store, process=process.identity, pid=process.pid)
    commit(store, status="created", happenings=("created",))
    commit(store, starter=me())
    watched.settle()
    process.end(7)
    watched.settle()
    assert store.read("web")["status"] == "created"
    commit(store, status="running", happenings=("started",))
    assert watched.types() == ["created", "started", "stopped"]
    assert store.read("web")["exit"]["code"] == 7


def test_a_starter_that_is_committed_but_not_yet_seen_has_the_end_in_its_hands(store, watch, child, monkeypatch):
    """What the watcher has read is old by then: only the record under the lock tells."""
    watched = watch().start()
    process = child()
    publish(store, me())
    commit(store, process=process.identity, pid=process.pid)
    commit(store, status="created", happenings=("created",))
    watched.settle()
    commit(store, starter=me())
    process.end(7)
    monkeypatch.setattr(watched.follower, "_look", lambda _: None)
    watched.follower.handle(watched.follower.fds()[1])
    assert store.read("web")["status"] == "created"


def test_a_starter_that_dies_leaves_the_end_to_the_watcher(store, watch, child):
    watched = watch().start()
    process, starter = child(), child()
    publish(store, me())
    commit(store, process=process.identity, pid=process.pid)
    commit(store, status="created", happenings=("created",))
    commit(store, starter=starter.identity)
    watched.settle()
    process.end(7)
    watched.settle()
    assert store.read("web")["status"] == "created"
    starter.kill()
    assert watched.types() == ["created", "started", "stopped"]
    assert store.read("web")["exit"]["code"] == 7


def test_a_starter_that_dies_after_it_opened_the_gate_leaves_a_running_container(store, watch, child):
    watched = watch().start()
    process, starter = child(), child()
    publish(store, me())
    commit(store, process=process.identity, pid=process.pid)
    commit(store, status="created", happenings=("created",))
    commit(store, starter=starter.identity)
    watched.settle()
    starter.kill()
    assert watched.types() == ["created", "started"]
    assert store.read("web")["status"] == "running"


def test_a_gate_that_opens_after_its_starter_died_is_seen_by_a_tick(store, watch, child):
    watched = watch().start()
    process, starter = child(), child()
    publish(store, me())
    gate = os.open(f"{store.root}/web/gate", os.O_RDWR)
    commit(store, process=process.identity, pid=process.pid)
    commit(store, status="created", happenings=("created",))
    commit(store, starter=starter.identity)
    watched.settle()
    starter.kill()
    watched.settle()
    assert store.read("web")["status"] == "created"
    os.close(gate)
    watched.follower.tick()
    assert watched.types() == ["created", "started"]


def test_a_maker_that_dies_leaves_an_interrupted_create(store, watch, child):
    watched = watch().start()
    maker = child()
    publish(store, maker.identity)
    watched.settle()
    maker.kill()
    assert watched.types() == ["stopped"]
    assert store.read("web")["fault"] == status.INTERRUPTED


def test_a_maker_that_died_before_we_came_leaves_an_interrupted_create(store, watch, child):
    maker = child()
    publish(store, maker.identity)
    maker.kill()
    maker.reap()
    watch().start().settle()
    assert store.read("web")["fault"] == status.INTERRUPTED


def test_a_child_that_dies_with_its_maker_leaves_an_interrupted_create_with_its_code(store, watch, child):
    watched = watch().start()
    maker, process = child(), child()
    publish(store, maker.identity)
    commit(store, process=process.identity, pid=process.pid)
    watched.settle()
    process.end(1)
    watched.settle()
    assert store.read("web")["status"] == "creating"
    maker.kill()
    watched.settle()
    record = store.read("web")
    assert (record["status"], record["exit"]["code"], record["fault"]) == ("stopped", 1, status.INTERRUPTED)


def test_a_stop_without_its_code_learns_it(store, watch, child):
    watched = watch().start()
    process = child()
    run(store, process.identity)
    watched.settle()
    commit(store, status="stopped", happenings=("stopped",))
    watched.settle()
    process.end(7)
    assert watched.types() == ["created", "started", "stopped", "exit"]
    assert store.read("web")["exit"]["code"] == 7


def test_a_deleted_container_learns_its_code(store, watch, child):
    watched = watch().start()
    process = child()
    run(store, process.identity)
    watched.settle()
    commit(store, status="stopped", happenings=("stopped",))
    retire(store)
    watched.settle()
    process.end(7)
    assert watched.types() == ["created", "started", "stopped", "deleted", "exit"]
    assert last_record(store)["exit"]["code"] == 7


def test_a_second_life_never_gets_the_first_ones_end(store, watch, child):
    watched = watch().start()
    first, second = child(), child()
    run(store, first.identity)
    watched.settle()
    commit(store, status="stopped", happenings=("stopped",))
    retire(store)
    run(store, second.identity)
    first.end(7)
    watched.settle()
    assert store.read("web")["status"] == "running"
    assert last_record(store)["exit"]["code"] == 7


def test_an_end_that_is_recorded_with_its_code_is_let_go(store, watch, child):
    watched = watch().start()
    process = child()
    run(store, process.identity)
    watched.settle()
    record = commit(store, status="stopped", exit=exit_of(3), happenings=("stopped",))
    process.end(3)
    watched.settle()
    assert store.read("web") == record
