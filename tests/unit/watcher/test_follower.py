"""A root is followed: what happens becomes events, and ends become commits."""

from __future__ import annotations

import fcntl
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from runtime.actions import status
from runtime.actions.identity import identify
from runtime.errors import Fault
from runtime.store.record import UNKNOWN_EXIT, advance, exec_started, new_record
from tests.support.children import wait_readable
from tests.support.records import BOOT_ID, FIFOS, LATER, PRIVATE, exit_of
from watcher import exits as exits_module
from watcher.diff import Known
from watcher.follower import Follower

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runtime.store.record import Process, Record
    from runtime.store.store import Store
    from watcher.events import Event

SOURCE = "//m/containers"


class Watch:
    """A follower, and the events that it has told."""

    def __init__(self, store: Store, *, commits: bool = True) -> None:
        self.events: list[Event] = []
        self.follower = Follower(store, commits=commits, source=SOURCE, on_events=self.events.extend)

    def start(self, known: dict[str, Known] | None = None) -> Watch:
        self.follower.start(known)
        return self

    def settle(self) -> None:
        """Handle all that is ready; a loop that never becomes quiet is a fault."""
        for _ in range(100):
            ready = wait_readable(*self.follower.fds(), timeout_ms=0)
            if not ready:
                return
            for fd in ready:
                self.follower.handle(fd)
        pytest.fail("the follower is never quiet")

    def types(self) -> list[str]:
        """The middle of each type told so far: created, exec.started."""
        self.settle()
        return [event["type"].split(".", 3)[3].removesuffix(".v1") for event in self.events]


@pytest.fixture
def watch(store: Store) -> Iterator[Callable[..., Watch]]:
    made: list[Watch] = []

    def make(**options: Any) -> Watch:
        made.append(Watch(store, **options))
        return made[-1]

    yield make
    for each in made:
        each.follower.close()


def me() -> Process:
    return identify(os.getpid())


def publish(store: Store, maker: Process, container_id: str = "web") -> Record:
    record = new_record(
        container_id=container_id,
        instance=os.urandom(16).hex(),
        bundle="/bundle",
        rootfs="/bundle/rootfs",
        owner="root",
        annotations={},
        version="0",
        maker=maker,
        cgroup=None,
        now="2026-01-31T23:59:59.000000001Z",
    )
    store.publish(record, PRIVATE, FIFOS).release()
    return record


def commit(store: Store, container_id: str = "web", **changes: Any) -> Record:
    with store.locked(container_id) as held:
        held.commit(advance(held.record, now=LATER, **changes))
        return held.record


def run(store: Store, process: Process, container_id: str = "web") -> Record:
    """A running container whose first process that is."""
    publish(store, me(), container_id)
    commit(store, container_id, process=process, pid=process["pid"])
    commit(store, container_id, status="created", happenings=("created",))
    return commit(store, container_id, status="running", happenings=("started",))


def retire(store: Store, container_id: str = "web") -> None:
    with store.action(container_id), store.locked(container_id) as held:
        held.retire(advance(held.record, now=LATER, status="stopped", happenings=("deleted",)))


def last_record(store: Store) -> Record:
    (found,) = store.last_records()
    assert not isinstance(found, Fault)
    return found


def test_what_happens_becomes_events_in_order(store, watch, child):
    watched = watch().start()
    run(store, child().identity)
    assert watched.types() == ["created", "started"]


def test_what_is_there_at_the_start_is_told(store, watch, child):
    run(store, child().identity)
    assert watch().start().types() == ["created", "started"]


def test_what_an_earlier_watcher_told_isnt_told_again(store, watch, child):
    record = run(store, child().identity)
    watched = watch().start({record["instance"]: Known("web", record["generation"])})
    assert watched.types() == []


def test_a_subscriber_begins_with_the_containers_that_are_there(store, watch, child):
    run(store, child().identity)
    watched = watch().start()
    assert [(event["subject"], event["type"]) for event in watched.follower.snapshot_events()] == [
        ("web", "org.runf.container.snapshot.v1")
    ]


def test_an_end_is_committed_with_its_code(store, watch, child):
    watched = watch().start()
    process = child()
    run(store, process.identity)
    watched.settle()
    process.end(7)
    assert watched.types() == ["created", "started", "stopped"]
    record = store.read("web")
    assert (record["status"], record["exit"]["code"], record["finishedPrecision"]) == ("stopped", 7, "exact")


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


def start_exec(store: Store, process: Process) -> None:
    with store.locked("web") as held:
        held.commit(exec_started(held.record, process, now=LATER))


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


def hold_lock(store: Store) -> int:
    fd = os.open(f"{store.root}/web/lock", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def test_a_lock_that_is_held_keeps_nobody_waiting_and_loses_no_end(store, watch, child):
    watched = watch().start()
    process = child()
    run(store, process.identity)
    watched.settle()
    fd = hold_lock(store)
    process.end(7)
    watched.settle()
    assert store.read("web")["status"] == "running"
    os.close(fd)
    watched.follower.tick()
    assert watched.types() == ["created", "started", "stopped"]
    assert store.read("web")["exit"]["code"] == 7


def test_a_correction_that_found_the_lock_held_comes_with_a_tick(store, watch, child):
    process = child()
    run(store, process.identity)
    process.end(7)
    process.reap()
    fd = hold_lock(store)
    watched = watch().start()
    os.close(fd)
    watched.follower.tick()
    assert store.read("web")["status"] == "stopped"


def test_an_exec_whose_end_found_the_lock_held_is_ended_by_a_tick(store, watch, child):
    watched = watch().start()
    process, added = child(), child()
    run(store, process.identity)
    start_exec(store, added.identity)
    watched.settle()
    fd = hold_lock(store)
    added.end(5)
    watched.settle()
    os.close(fd)
    watched.follower.tick()
    assert store.read("web")["execs"][0]["exit"]["code"] == 5


def test_a_zombie_that_cant_be_read_is_committed_once_it_is_reaped(store, watch, child, monkeypatch):
    monkeypatch.setattr(exits_module, "exit_of_zombie", lambda *_: None)
    watched = watch().start()
    process = child()
    run(store, process.identity)
    watched.settle()
    process.end(7)
    watched.settle()
    assert store.read("web")["status"] == "running"
    process.reap()
    assert watched.types() == ["created", "started", "stopped"]
    assert store.read("web")["exit"]["code"] == 7


def test_one_that_only_looks_commits_nothing(store, watch, child):
    watched = watch(commits=False).start()
    process = child()
    record = run(store, process.identity)
    process.end(7)
    watched.settle()
    watched.follower.tick()
    assert store.read("web") == record
    assert watched.types() == ["created", "started"]


def test_one_that_only_looks_tells_what_others_commit(store, watch, child):
    looking, working = watch(commits=False).start(), watch().start()
    process = child()
    run(store, process.identity)
    working.settle()
    process.end(7)
    working.settle()
    assert looking.types() == ["created", "started", "stopped"]


def test_two_that_commit_agree(store, watch, child):
    first, second = watch().start(), watch().start()
    process = child()
    run(store, process.identity)
    first.settle()
    second.settle()
    process.end(7)
    assert first.types() == second.types() == ["created", "started", "stopped"]


def test_an_overflow_is_counted_and_loses_nothing(store, watch, child):
    watched = watch().start()
    run(store, child().identity)
    os.mkdir("a", dir_fd=store.fds.root)
    with open("/proc/sys/fs/inotify/max_queued_events") as file:
        limit = int(file.read())
    for _ in range(limit // 2 + 1):
        os.rename("a", "b", src_dir_fd=store.fds.root, dst_dir_fd=store.fds.root)
        os.rename("b", "a", src_dir_fd=store.fds.root, dst_dir_fd=store.fds.root)
    os.rmdir("a", dir_fd=store.fds.root)
    assert watched.types() == ["created", "started"]
    assert (watched.follower.overflows, watched.follower.rescans) == (1, 1)


def test_more_than_a_record_keeps_is_told_as_a_gap(store, watch, child):
    watched = watch().start()
    run(store, child().identity)
    watched.settle()
    for _ in range(65):
        commit(store, happenings=("updated",))
    watched.settle()
    gap = watched.events[2]
    assert (gap["type"], gap["subject"], gap["data"]["missed"]) == ("org.runf.watcher.gap.v1", "web", 1)


def test_a_root_that_is_removed_ends_the_following(store, watch):
    watched = watch().start()
    shutil.rmtree(store.root)
    with pytest.raises(Fault, match="was removed"):
        watched.settle()


def test_all_that_ended_is_let_go(store, watch, child):
    watched = watch().start()
    processes = [child() for _ in range(5)]
    for number, process in enumerate(processes):
        run(store, process.identity, f"c{number}")
    watched.settle()
    before = len(os.listdir("/proc/self/fd"))
    for process in processes:
        process.end(0)
    watched.settle()
    assert before - len(os.listdir("/proc/self/fd")) == len(processes)
