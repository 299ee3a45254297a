"""Out of memory: every kill is told once, by the counters of real cgroups."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from runtime.actions.identity import identify
from runtime.actions.oomkills import AT_ONCE
from runtime.cgroups import manager
from runtime.store.record import advance, new_record
from tests.support.cgroups import Groups, eat_memory, ended_in
from tests.support.needs import needs
from tests.support.records import FIFOS, LATER, NOW, PRIVATE
from tests.support.watching import reading, short

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from runtime.cgroups.hierarchy import CgroupPlan
    from runtime.store.record import Process, Record
    from runtime.store.store import Store
    from tests.support.watching import Answer

MIB = 1 << 20
SIZE = {"limit": 16 * MIB, "swap": 16 * MIB}


def run(store: Store, plan: CgroupPlan, process: Process) -> Record:
    """A running container in that cgroup."""
    me = identify(os.getpid())
    first = new_record(
        container_id="web",
        instance=os.urandom(16).hex(),
        bundle="/bundle",
        rootfs="/bundle/rootfs",
        owner="root",
        annotations={"team": "red"},
        version="0",
        maker=me,
        cgroup=manager.record_cgroup(plan),
        now=NOW,
    )
    store.publish(first, PRIVATE, FIFOS).release()
    with store.locked("web") as held:
        held.commit(advance(held.record, now=LATER, status="created", process=process, pid=process["pid"]))
        held.commit(advance(held.record, now=LATER, status="running", happenings=("started",)))
        return held.record


def until_last_of(answer: Answer, kind: str) -> list[dict[str, Any]]:
    """The events up to the first of that kind."""
    found = [answer.event()]
    while short(found[-1]) != kind:
        found.append(answer.event())
    return found


needs_memory = pytest.mark.parametrize(
    "version",
    [
        pytest.param(1, marks=needs("root", "cgroup1"), id="v1"),
        pytest.param(2, marks=needs("root", "real cgroup2 controller:memory"), id="v2"),
    ],
)


@needs_memory
def test_each_kill_of_a_container_that_lives_on_is_told_once(store, watcher, child, groups, version):
    plan = groups.made(memory=SIZE)
    run(store, plan, child().identity)
    watching = watcher()
    with reading(watching.get("/v1/events")) as stream:
        assert short(stream.event()) == "snapshot"
        for number in (1, 2):
            assert ended_in(plan, eat_memory) == -signal.SIGKILL
            event = stream.event()
            assert (short(event), event["data"]["linux"]["oomKills"]) == ("oom", number)
            assert (event["data"]["status"], event["data"]["annotations"]) == ("running", {"team": "red"})
        watching.end()
        assert stream.line() == ""
    with reading(watcher().get("/v1/events?type=oom")) as stream:
        assert short(stream.event()) == "snapshot"
        ended_in(plan, eat_memory)
        assert stream.event()["data"]["linux"]["oomKills"] == 3
    assert [each["type"] for each in store.read("web")["transitions"]].count("oom") == 3


@needs_memory
def test_a_first_process_that_is_killed_has_its_kill_before_its_end(store, watcher, child, groups, version):
    plan = groups.made(memory=SIZE)
    process = child()
    run(store, plan, process.identity)
    watching = watcher()
    with reading(watching.get("/v1/events")) as stream:
        stream.event()
        ended_in(plan, eat_memory)
        process.kill()
        events = until_last_of(stream, "stopped")
    assert [short(event) for event in events] == ["oom", "stopped"]
    assert events[-1]["data"]["exit"] == {"code": 137, "signal": 9, "oomKilled": True}


@needs_memory
def test_a_container_that_never_lacked_memory_says_so(store, watcher, child, groups, version):
    process = child()
    run(store, groups.made(memory=SIZE), process.identity)
    with reading(watcher().get("/v1/events")) as stream:
        stream.event()
        process.end(7)
        (event,) = until_last_of(stream, "stopped")
    assert event["data"]["exit"] == {"code": 7, "signal": None, "oomKilled": False}


@needs_memory
def test_what_happened_before_the_watcher_came_is_told_when_it_comes(store, watcher, child, groups, version):
    plan = groups.made(memory=SIZE)
    for _ in range(AT_ONCE + 1):
        ended_in(plan, eat_memory)
    run(store, plan, child().identity)
    watching = watcher()
    with reading(watching.get("/v1/containers")) as answer:
        epoch = answer.headers["Runf-Cursor"].partition(".")[0]
    with reading(watching.get(f"/v1/events?after={epoch}.0&type=oom")) as stream:
        events = stream.events(AT_ONCE)
    assert events[-1]["data"]["linux"]["oomKills"] == AT_ONCE + 1
    assert len({event["id"] for event in events}) == AT_ONCE
    assert [each["type"] for each in store.read("web")["transitions"]].count("oom") == AT_ONCE


@needs("root", "cgroup1")
def test_a_cgroup_that_is_removed_beneath_a_container_disturbs_nobody(
    store: Store, watcher: Callable[..., Any], child: Callable[..., Any], groups: Groups
) -> None:
    plan = groups.made(memory=SIZE)
    process = child()
    run(store, plan, process.identity)
    with reading(watcher().get("/v1/events")) as stream:
        stream.event()
        manager.remove(manager.record_cgroup(plan))
        process.end(3)
        assert until_last_of(stream, "stopped")[-1]["data"]["exit"]["oomKilled"] is None
