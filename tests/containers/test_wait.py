"""``runf wait``: exit codes for whoever asks."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from runtime.kernel.process import pidfd_exit_info
from tests.support.containers import Runf, make_container_bundle, wait_until


def kernel_tells_exits() -> bool:
    """Whether pidfds of reaped processes know how those ended (Linux 6.15)."""
    pid = os.fork()
    if pid == 0:
        os._exit(3)
    pidfd = os.pidfd_open(pid)
    os.waitpid(pid, 0)
    found = pidfd_exit_info(pidfd)
    os.close(pidfd)
    return found is not None and found.code == 3


needs_exit_info = pytest.mark.skipif(not kernel_tells_exits(), reason="needs PIDFD_INFO_EXIT (Linux 6.15)")


def waiting(runf: Runf, *ids: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(runf.argv("wait", *ids), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # it waits once it polls its pidfd: an anonymous inode among its fds
    wait_until(lambda: any("pidfd" in target for target in fds_of(process.pid)), "it waits")
    return process


def fds_of(pid: int) -> list[str]:
    """What the process's fds are of, but for those that it closes meanwhile."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    return found


@needs_exit_info
def test_a_detached_container_tells_its_exit_code(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done")
    runf.ok("run", "--detach", "-b", path, "one")
    process = waiting(runf, "one")
    runf.ok("kill", "one", "TERM")
    assert process.communicate(timeout=30) == ("7\n", "")
    assert process.returncode == 0
    runf.ok("delete", "one")


@needs_exit_info
def test_a_signal_counts_as_128_and_its_number(runf: Runf, bundle: Path) -> None:
    runf.ok("create", "-b", make_container_bundle(bundle, "true"), "one")
    process = waiting(runf, "one")
    runf.ok("kill", "one", "KILL")
    assert process.communicate(timeout=30)[0] == f"{128 + signal.SIGKILL}\n"


def test_of_one_that_has_ended_the_record_tells(runf: Runf, bundle: Path) -> None:
    assert runf("run", "--keep", "-b", make_container_bundle(bundle, "sh", "-c", "exit 9"), "one").returncode == 9
    assert runf.ok("wait", "one") == "9\n"


def test_a_foreground_run_that_removes_its_container_is_waited_for(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sh", "-c", "read line; exit 5")
    running = subprocess.Popen(runf.argv("run", "-b", path, "one"), stdin=subprocess.PIPE)
    wait_until(lambda: (runf.root / "one").exists() and runf.record("one")["status"] == "running", "it runs")
    process = waiting(runf, "one")
    running.communicate(b"\n", timeout=30)
    assert process.communicate(timeout=30) == ("5\n", "")


def test_nobody_is_one_line(runf: Runf) -> None:
    refused = runf("wait", "nobody")
    assert (refused.returncode, refused.stderr) == (1, 'runf: container "nobody" does not exist\n')
