"""The life of a container as podman's and Docker's users drive it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.clients.engines import DOCKER, PODMAN, PODMAN_USER
from tests.support.machine import wait_for

if TYPE_CHECKING:
    from tests.clients.engines import Engine

CLIENTS = (PODMAN, PODMAN_USER, DOCKER)
# podman pauses and measures by cgroups, which an ordinary user has none of on v1
only_root = pytest.mark.clients(PODMAN, DOCKER)
LISTENS = ("box", "sh", "-c", "trap 'exit 3' TERM; trap 'exit 4' USR1; echo up; while :; do sleep 0.05; done")


def test_run_passes_the_output_on(engine: Engine) -> None:
    done = engine("run", "--rm", "--network", "none", "box", "sh", "-c", "echo out; echo err >&2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "out\n", "err\n")


def test_run_passes_stdin_on(engine: Engine) -> None:
    assert engine.run("-i", "box", "cat", stdin="through\n") == "through"


def test_run_gives_a_terminal(engine: Engine) -> None:
    assert engine.run("-t", "box", "sh", "-c", "test -t 0 && tty").strip() == "/dev/pts/0"


@pytest.mark.parametrize("code", [0, 7, 255])
def test_run_passes_the_exit_code_on(engine: Engine, code: int) -> None:
    assert engine("run", "--rm", "--network", "none", "box", "sh", "-c", f"exit {code}").returncode == code


def test_a_missing_program_is_127(engine: Engine) -> None:
    done = engine("run", "--rm", "--network", "none", "box", "no-such-program")
    assert (done.returncode, "no-such-program" in done.stderr) == (127, True), done.stderr


def test_a_program_that_may_not_be_executed_is_126(engine: Engine) -> None:
    done = engine("run", "--rm", "--network", "none", "box", "/etc/motd")
    assert (done.returncode, "ermission denied" in done.stderr) == (126, True), done.stderr


def test_a_container_that_failed_to_start_can_be_removed(engine: Engine) -> None:
    name = engine.name()
    assert engine("run", "--name", name, "--network", "none", "box", "no-such-program").returncode == 127
    engine.ok("rm", name)


def test_logs_has_both_streams(engine: Engine) -> None:
    name = engine.up("box", "sh", "-c", "echo out; echo err >&2")
    engine.ok("wait", name)
    done = engine("logs", name)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_stop_ends_a_program_that_listens(engine: Engine) -> None:
    name = engine.up(*LISTENS)
    wait_for(engine.machine, lambda: engine.ok("logs", name) == "up", "the trap")
    engine.ok("stop", name)
    assert engine.inspect(name)["State"]["ExitCode"] == 3


def test_stop_kills_a_program_that_does_not(engine: Engine) -> None:
    name = engine.up()
    engine.ok("stop", "--time", "0", name)
    assert engine.inspect(name)["State"]["ExitCode"] == 137


def test_kill_sends_the_signal(engine: Engine) -> None:
    name = engine.up(*LISTENS)
    wait_for(engine.machine, lambda: engine.ok("logs", name) == "up", "the trap")
    engine.ok("kill", "--signal", "USR1", name)
    assert engine.ok("wait", name) == "4"


def test_kill_without_a_name_is_kill(engine: Engine) -> None:
    name = engine.up()
    engine.ok("kill", name)
    assert engine.ok("wait", name) == "137"


@only_root
def test_removal_ends_every_process(engine: Engine) -> None:
    name = engine.up("--pid", "host", "box", "sh", "-c", f"sleep 77{engine.place()[-1]} & exec sleep 1000")
    child = f"/proc/{engine.inspect(name)['State']['Pid']}/task"
    engine.ok("rm", "--force", name)
    assert "sleep 77" not in engine.machine.ok("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; true"), child


def test_restart_runs_it_anew(engine: Engine) -> None:
    name = engine.up()
    before = engine.inspect(name)["State"]["Pid"]
    engine.ok("restart", "--time", "0", name)
    after = engine.inspect(name)["State"]
    assert (after["Status"], after["Pid"] == before) == ("running", False)


def test_a_restart_policy_is_obeyed(engine: Engine) -> None:
    place = engine.place()
    script = "echo >> /data/ran; test $(wc -l < /data/ran) = 3"
    name = engine.up("--restart", "on-failure:5", "--volume", f"{place}:/data", "box", "sh", "-c", script)
    ran = engine.machine.path(f"{place}/ran")
    wait_for(engine.machine, lambda: ran.exists() and len(ran.read_text()) == 3, "three lives")
    wait_for(engine.machine, lambda: engine.inspect(name)["State"]["Status"] == "exited", "the last one's end")
    assert engine.inspect(name)["State"]["ExitCode"] == 0


def test_start_attached_passes_output_and_exit_code_on(engine: Engine) -> None:
    name = engine.name()
    engine.ok("create", "--name", name, "--network", "none", "box", "sh", "-c", "echo again; exit 5")
    for _ in range(2):
        done = engine("start", "--attach", name)
        assert (done.returncode, done.stdout) == (5, "again\n")


def test_attach_follows_the_output(engine: Engine) -> None:
    place = engine.place()
    script = "while test ! -e /data/go; do echo seen; sleep 0.1; done; exit 6"
    name = engine.up("--volume", f"{place}:/data", "box", "sh", "-c", script)
    attached = engine.start("attach", "--no-stdin", name)
    assert attached.stdout is not None
    assert attached.stdout.readline() == "seen\n"
    engine.machine.write(f"{place}/go", "")
    attached.communicate(timeout=60)
    assert engine.ok("wait", name) == "6"


def test_wait_prints_the_exit_code(engine: Engine) -> None:
    name = engine.up("box", "sh", "-c", "sleep 0.2; exit 8")
    assert engine.ok("wait", name) == "8"


@only_root
def test_pause_stops_everything_and_unpause_goes_on(engine: Engine) -> None:
    name = engine.up()
    engine.ok("pause", name)
    assert engine.inspect(name)["State"]["Status"] == "paused"
    assert engine("exec", name, "true").returncode != 0
    engine.ok("unpause", name)
    assert engine.inspect(name)["State"]["Status"] == "running"


@only_root
def test_a_paused_container_can_be_removed(engine: Engine) -> None:
    name = engine.up()
    engine.ok("pause", name)
    engine.ok("rm", "--force", name)
    assert engine("inspect", name).returncode != 0


@only_root
def test_stats_shows_what_it_uses(engine: Engine) -> None:
    name = engine.up()
    said = engine.ok("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}} {{.MemUsage}}", name).split()
    assert said[:2] == [name, "1"]
    assert float(said[2].rstrip("kKMiB")) > 0


def test_top_shows_its_processes(engine: Engine) -> None:
    assert "sleep 1000" in engine.ok("top", engine.up())


def test_inspect_tells_the_runtime_and_the_state(engine: Engine) -> None:
    name = engine.up()
    state = engine.inspect(name)["State"]
    assert (engine.runtime_of(name), state["Status"], state["Pid"] > 1) == (engine.runtime, "running", True)


@pytest.mark.parametrize(("check", "health"), [("true", "healthy"), ("false", "unhealthy")])
def test_a_health_check_tells(engine: Engine, check: str, health: str) -> None:
    # podman leaves the repetition to timers of systemd; "healthcheck run" is what these call
    often = "100ms" if engine.client == DOCKER else "disable"
    name = engine.up("--health-cmd", check, "--health-interval", often, "--health-retries", "1")
    if engine.client == DOCKER:
        wait_for(engine.machine, lambda: engine.inspect(name)["State"]["Health"]["Status"] != "starting", "a check")
    else:
        assert engine("healthcheck", "run", name).returncode == (0 if health == "healthy" else 1)
    assert engine.inspect(name)["State"]["Health"]["Status"] == health


def test_events_tell_its_life(engine: Engine) -> None:
    name = engine.up("box", "true")
    engine.ok("wait", name)
    engine.ok("rm", name)
    now = ("--until", str(int(time.time()) + 1)) if engine.client == DOCKER else ("--stream=false",)
    told = engine.ok(
        "events", "--since", "10m", *now, "--filter", f"container={name}", "--format", "{{.Status}}"
    ).split()
    wanted = ("create", "start", "die", "destroy") if engine.client == DOCKER else ("create", "start", "died", "remove")
    assert [word for word in told if word in wanted] == list(wanted)


def test_twenty_run_at_once(engine: Engine) -> None:
    ends = [
        engine.start("run", "--name", engine.name(), "--network", "none", "box", "sh", "-c", f"exit {code}")
        for code in range(20)
    ]
    said = [each.communicate(timeout=120) for each in ends]
    assert [each.returncode for each in ends] == list(range(20)), said


@pytest.mark.clients(PODMAN)
def test_a_hundred_run_one_after_another(engine: Engine) -> None:
    again = 'for i in $(seq 100); do "$@" || exit; done'
    words = engine.argv("run", "--rm", "--network", "none", "box", "echo", "x")
    done = engine.machine("sh", "-c", again, "sh", *words, env=engine.environ, deadline_s=900)
    assert (done.returncode, done.stdout) == (0, "x\n" * 100), done.stderr


def test_a_stopped_container_can_be_listed_with_its_exit_code(engine: Engine) -> None:
    name = engine.up("box", "sh", "-c", "exit 9")
    engine.ok("wait", name)
    shown = engine.ok("ps", "--all", "--filter", f"name={name}", "--format", "{{.Status}}")
    assert shown.startswith("Exited (9)")


def test_its_changes_can_be_committed(engine: Engine) -> None:
    name = engine.up("box", "sh", "-c", "echo changed > /etc/motd")
    engine.ok("wait", name)
    engine.ok("commit", name, f"{name}-image")
    assert engine.run(f"{name}-image", "cat", "/etc/motd") == "changed"
    engine.ok("rmi", f"{name}-image")


def test_files_can_be_copied_in_and_out(engine: Engine) -> None:
    name = engine.up()
    place = engine.place()
    engine.machine.write(f"{place}/file", "copied\n")
    engine.ok("cp", f"{place}/file", f"{name}:/tmp/file")
    engine.ok("cp", f"{name}:/tmp/file", f"{place}/back")
    assert engine.machine.path(f"{place}/back").read_text() == "copied\n"
    assert json.dumps(engine.inspect(name)["State"]["Status"]) == '"running"'
