"""A root is followed: what happens becomes events."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from runtime.errors import Fault
from tests.support.following import commit, run
from watcher.diff import Known

if TYPE_CHECKING:
    pass


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
