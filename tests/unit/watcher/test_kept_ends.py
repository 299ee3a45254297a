"""An end that can't be committed at once is kept, and keeps nobody waiting."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from tests.support.following import run, start_exec
from watcher import exits as exits_module

if TYPE_CHECKING:
    from runtime.store.store import Store


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
