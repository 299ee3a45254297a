"""The kernel's word that a cgroup is out of memory, from real ones."""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING

import pytest

from runtime.cgroups import manager, stats
from runtime.cgroups.oom import OomWatch, watch_oom
from runtime.errors import CgroupFault
from tests.support.cgroups import Groups, eat_memory, ended_in
from tests.support.needs import needs

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
DEADLINE_MS = 20000


def is_told(watch: OomWatch) -> bool:
    poll = select.poll()
    poll.register(watch.fd, watch.events)
    return bool(poll.poll(DEADLINE_MS))


@needs("root", "cgroup1")
def test_v1_tells_each_time_that_no_memory_is_left(groups: Groups) -> None:
    plan = groups.made(memory={"limit": 8 * MIB, "swap": 8 * MIB})
    watch = watch_oom(manager.record_cgroup(plan))
    assert watch is not None
    with watch:
        assert watch.read() == 0
        for _ in range(2):
            assert ended_in(plan, eat_memory) == -signal.SIGKILL
            assert is_told(watch)
            assert watch.read() >= 1
            assert watch.read() == 0


def test_v2_tells_of_each_process_that_was_killed(tmp_path: Path) -> None:
    events = tmp_path / "memory.events"
    events.write_text("low 0\nmax 3\noom 1\noom_kill 2\n")
    with OomWatch(os.open(events, os.O_RDONLY), select.POLLPRI) as watch:
        assert watch.read() == 0
        events.write_text("low 9\nmax 9\noom 9\noom_kill 2\n")
        assert watch.read() == 0
        events.write_text("low 9\nmax 9\noom 9\noom_kill 5\n")
        assert [watch.read(), watch.read()] == [3, 0]


@pytest.mark.parametrize("cgroup", [None, {"version": 1, "paths": {}}, {"version": 2, "paths": {"unified": "/tmp"}}])
def test_where_nothing_counts_memory_nothing_is_watched(cgroup: dict[str, object] | None) -> None:
    assert watch_oom(cgroup) is None


@needs("root", "cgroup1")
def test_statistics_of_a_cgroup_that_is_gone_are_none(groups: Groups) -> None:
    plan = groups.made()
    record = manager.record_cgroup(plan)
    assert (stats.read_stats(record) or {})["pids"] == {"current": 0}
    manager.remove(record)
    assert stats.read_stats(record) is None


def test_statistics_of_what_is_no_cgroup_are_refused() -> None:
    with pytest.raises(CgroupFault, match="is no cgroup of a container"):
        stats.read_stats({"version": 2, "paths": {"unified": "/tmp"}})
