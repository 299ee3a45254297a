"""containerd's shim, driven through ``ctr``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients.engines import CONTAINERD, IMAGE, Containerd
from tests.support.machine import wait_for

if TYPE_CHECKING:
    from tests.clients.engines import Engine

CLIENTS = (CONTAINERD,)


@pytest.fixture
def ctr(engine: Engine) -> Containerd:
    assert isinstance(engine, Containerd)
    return engine


def test_run_passes_output_on(ctr: Containerd) -> None:
    assert ctr.run("box", "echo", "hello") == "hello"


@pytest.mark.parametrize("code", [0, 7, 255])
def test_run_passes_the_exit_code_on(ctr: Containerd, code: int) -> None:
    assert ctr("run", "--rm", IMAGE, ctr.name(), "sh", "-c", f"exit {code}").returncode == code


def test_a_missing_program_is_told(ctr: Containerd) -> None:
    done = ctr("run", "--rm", IMAGE, ctr.name(), "no-such-program")
    assert (done.returncode, "executable file not found" in done.stderr) == (1, True), done.stderr


def test_environment_and_directory_are_as_asked(ctr: Containerd) -> None:
    said = ctr.run("--env", "A=b", "--cwd", "/tmp", "box", "sh", "-c", "echo $A; pwd")
    assert said.split() == ["b", "/tmp"]


def test_a_task_runs_and_is_killed_and_deleted(ctr: Containerd) -> None:
    name = ctr.up()
    assert ctr.status(name) == "RUNNING"
    ctr.ok("tasks", "kill", "--signal", "KILL", name)
    wait_for(ctr.machine, lambda: ctr.status(name) == "STOPPED", "the end")
    ctr.ok("tasks", "delete", name)
    assert ctr.status(name) == ""


def test_kill_all_reaches_every_process(ctr: Containerd) -> None:
    name = ctr.up("box", "sh", "-c", "sleep 1000 & exec sleep 1000")
    ctr.ok("tasks", "kill", "--all", "--signal", "KILL", name)
    wait_for(ctr.machine, lambda: ctr.status(name) == "STOPPED", "the end")


def test_a_task_is_paused_and_resumed(ctr: Containerd) -> None:
    name = ctr.up()
    ctr.ok("tasks", "pause", name)
    assert ctr.status(name) == "PAUSED"
    ctr.ok("tasks", "resume", name)
    assert ctr.status(name) == "RUNNING"


def test_exec_passes_output_and_exit_code_on(ctr: Containerd) -> None:
    name = ctr.up()
    done = ctr("tasks", "exec", "--exec-id", "one", name, "sh", "-c", "echo inside; exit 9")
    assert (done.returncode, done.stdout) == (9, "inside\n")


def test_exec_in_the_background_goes_on(ctr: Containerd) -> None:
    name = ctr.up()
    ctr.ok("tasks", "exec", "--detach", "--exec-id", "one", name, "sh", "-c", "echo done > /tmp/file")
    looks = ("tasks", "exec", "--exec-id", "two", name, "cat", "/tmp/file")
    wait_for(ctr.machine, lambda: ctr(*looks).stdout == "done\n", "the file")


def test_ps_lists_the_processes(ctr: Containerd) -> None:
    rows = ctr.ok("tasks", "ps", ctr.up("box", "sh", "-c", "sleep 1000 & exec sleep 1000")).splitlines()
    assert len(rows) == 3  # with a heading


def test_metrics_tell_what_it_uses(ctr: Containerd) -> None:
    assert "pids" in ctr.ok("tasks", "metrics", ctr.up())


def test_the_default_filter_is_on(ctr: Containerd) -> None:
    assert ctr.run("--seccomp", "box", "grep", "Seccomp:", "/proc/self/status").split() == ["Seccomp:", "2"]


def test_memory_is_limited(ctr: Containerd) -> None:
    name = ctr.up("--memory-limit", "33554432")
    is_v1 = ctr.machine.version == 1
    top, file = ("/sys/fs/cgroup/memory", "memory.limit_in_bytes") if is_v1 else ("/sys/fs/cgroup", "memory.max")
    assert ctr.machine.ok("cat", f"{top}/default/{name}/{file}") == "33554432\n"


def test_a_mount_is_as_asked(ctr: Containerd) -> None:
    path = ctr.machine.write("/mnt/tmp/mounted/file", "mounted\n").rsplit("/", 1)[0]
    asked = f"type=bind,src={path},dst=/data,options=rbind:ro"
    assert ctr.run("--mount", asked, "box", "cat", "/data/file") == "mounted"


def test_a_root_can_be_moved_in_place_of_a_pivot(ctr: Containerd) -> None:
    assert ctr.run("--no-pivot", "box", "echo", "moved") == "moved"


def test_a_privileged_container_runs(ctr: Containerd) -> None:
    said = ctr.run("--privileged", "box", "grep", "CapEff", "/proc/self/status").split()
    assert int(said[1], 16) >> 21 & 1 == 1


def test_a_read_only_root_is_read_only(ctr: Containerd) -> None:
    done = ctr("run", "--rm", "--read-only", IMAGE, ctr.name(), "touch", "/a")
    assert (done.returncode, "Read-only file system" in done.stderr) == (1, True), done.stderr


def test_ten_run_at_once(ctr: Containerd) -> None:
    started = [ctr.start("run", "--rm", IMAGE, ctr.name(), "sh", "-c", f"exit {code}") for code in range(10)]
    said = [each.communicate(timeout=120) for each in started]
    assert [each.returncode for each in started] == list(range(10)), said
