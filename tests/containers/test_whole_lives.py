"""Whole lives of real containers, as a subscriber sees them: execs, memory, annotations, filters."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from runtime.kernel.process import pidfd_exit_info
from tests.support.containers import Runf, make_container_bundle
from tests.support.watching import Watcher, reading, short

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEAM = {"org.example.team": "red"}


def bundle_of(bundle: Path, *words: str, memory: int | None = None) -> str:
    def change(config: dict[str, Any]) -> None:
        config["annotations"] = TEAM
        if memory is not None:
            config["linux"]["resources"] = {"memory": {"limit": memory, "swap": memory}}

    return make_container_bundle(bundle, *words, change=change)


def until(next_event: Callable[[], dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    found = [next_event()]
    while short(found[-1]) != kind:
        found.append(next_event())
    return found


def test_every_event_of_a_life_explains_itself(runf: Runf, bundle: Path, watching: Watcher) -> None:
    with reading(watching.get("/v1/events?annotation=org.example.team%3Dred")) as stream:
        runf.ok("run", "--detach", "-b", bundle_of(bundle, "sleep", "1000"), "one")
        assert runf("exec", "one", "sh", "-c", "exit 5").returncode == 5
        assert runf("exec", "one", "sh", "-c", "kill -TERM $$").returncode == 128 + 15
        runf.ok("kill", "one", "KILL")
        events = until(stream.event, "stopped")
        runf.ok("delete", "one")
        events += until(stream.event, "deleted")
    execs = ["exec.started", "exec.ended"]
    assert [short(event) for event in events] == ["created", "started", *execs, *execs, "stopped", "deleted"]
    assert all(event["data"]["annotations"] == TEAM and event["data"]["owner"] for event in events)
    last = events[-1]["data"]
    assert [(each["exit"]["code"], each["exit"]["signal"]) for each in last["execs"]] == [(5, None), (143, 15)]
    assert (last["exit"]["code"], last["exit"]["signal"]) == (137, 9)
    assert len({(event["source"], event["id"]) for event in events}) == len(events)


def test_a_detached_execs_end_is_told_by_the_watcher_alone(runf: Runf, bundle: Path, watching: Watcher) -> None:
    with reading(watching.get("/v1/events?type=exec.ended")) as stream:
        runf.ok("run", "--detach", "-b", bundle_of(bundle, "sleep", "1000"), "one")
        runf.ok("exec", "--detach", "one", "sh", "-c", "exit 6")
        event = until(stream.event, "exec.ended")[-1]
    (only,) = event["data"]["execs"]
    generation = int(event["id"].split(":")[1])
    assert only["ended"]["generation"] == generation
    assert only["exit"]["code"] in ((6,) if kernel_tells() else (6, None))


def kernel_tells() -> bool:
    """Whether a pidfd tells the exit of a process that its parent has reaped (Linux 6.15)."""
    import os

    pid = os.fork()
    if pid == 0:
        os._exit(3)
    pidfd = os.pidfd_open(pid)
    os.waitpid(pid, 0)
    with contextlib.closing(os.fdopen(pidfd)):
        return pidfd_exit_info(pidfd) is not None


@pytest.mark.needs("root", "cgroups")
def test_a_container_that_runs_out_of_memory_tells_each_kill(runf: Runf, bundle: Path, watching: Watcher) -> None:
    eat = "head -c 64m /dev/zero | tail -c 64m >/dev/null"
    path = bundle_of(
        bundle, "sh", "-c", f"for n in 1 2; do ({eat}); done; exec {eat.replace('|', '| exec')}", memory=8 << 20
    )
    with reading(watching.get("/v1/events")) as stream:
        runf.ok("run", "--detach", "-b", path, "one")
        events = until(stream.event, "stopped")
    kinds = [short(event) for event in events]
    assert kinds.count("oom") == events[-1]["data"]["linux"]["oomKills"] == 3
    assert events[-1]["data"]["exit"]["oomKilled"] is True
    with reading(watching.get("/metrics")) as answer:
        text = answer.text()
    (line,) = [line for line in text.splitlines() if line.startswith("container_oom_events_total")]
    assert line.endswith(" 3")
