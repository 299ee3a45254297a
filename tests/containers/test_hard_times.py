"""Another boot, a read-only root, a lock whose holder hangs or dies, a pid that was given to somebody else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from runtime.kernel import mount, procfs
from tests.support.containers import Runf, make_container_bundle, wait_until
from tests.support.forked import in_namespaces
from tests.support.hard_times import hold, in_another_boot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.needs("root")


@pytest.fixture
def running(runf: Runf, bundle: Path) -> dict[str, Any]:
    """The state of a container that runs, by the id ``one``."""
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    return runf.state("one")


class TestAnotherBoot:
    """The root lies on a disk, and the machine has started again; what has the same pid and cgroup is a stranger."""

    @pytest.fixture
    def later(self, runf: Runf) -> Runf:
        """The same commands, on another boot."""
        return Runf(runf.place, in_another_boot(runf.place))

    def test_a_container_of_it_is_stopped(self, running: dict[str, Any], later: Runf) -> None:
        state = later.state("one")
        assert (state["status"], state["verified"], state["pid"], state["exit"]["code"]) == ("stopped", True, 0, None)

    @pytest.mark.parametrize("force", [(), ("--force",)], ids=["delete", "delete-force"])
    def test_its_deletion_strikes_nobody(self, running: dict[str, Any], later: Runf, force: tuple[str, ...]) -> None:
        later.ok("delete", *force, "one")
        assert later.ok("list", "-q") == ""
        try:
            found = procfs.stat("/proc", running["pid"])
            assert found is not None
            assert not procfs.has_ended(found), "a process of this boot was killed"
            assert all(os.path.isdir(path) for path in running["linux"]["cgroup"]["paths"].values())
        finally:
            os.kill(running["pid"], signal.SIGKILL)
            for path in set(running["linux"]["cgroup"]["paths"].values()):
                wait_until(lambda path=path: is_removed(path), "the end of the cgroup")

    def test_its_id_lives_again(self, running: dict[str, Any], later: Runf, bundle: Path) -> None:
        assert later("kill", "one", "KILL").returncode == 1
        later.ok("delete", "one")
        later.ok("create", "-b", make_container_bundle(bundle / "next", "sleep", "600"), "one")
        later.ok("start", "one")
        assert later.state("one")["status"] == "running"
        later.ok("delete", "--force", "one")
        os.kill(running["pid"], signal.SIGKILL)
        for path in set(running["linux"]["cgroup"]["paths"].values()):
            wait_until(lambda path=path: is_removed(path), "the end of the cgroup")


def is_removed(path: str) -> bool:
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False  # somebody is still in it
    return True


@pytest.fixture
def fixed(runf: Runf) -> Iterator[Runf]:
    """The root on a file system that can be made read-only."""
    runf.root.mkdir()
    runf.root.chmod(0o750)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=750", "tmpfs", str(runf.root)], check=True)
    try:
        yield runf
    finally:
        remount(runf, "rw")
        runf("delete", "--force", "one")
        mount.umount2(str(runf.root), mount.MNT_DETACH)


def remount(runf: Runf, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(runf.root)], check=True)


def test_a_read_only_root_is_answered_from_and_told(fixed: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sleep", "600")
    fixed.ok("create", "-b", path, "one")
    remount(fixed, "ro")
    before = fixed.record("one")
    assert fixed.state("one")["status"] == "created"
    for words in (("start", "one"), ("delete", "--force", "nobody"), ("create", "-b", path, "two")):
        done = fixed(*words)
        assert done.returncode == (0 if "nobody" in words else 1)
        assert done.stderr == "" or "Read-only file system" in done.stderr
        assert done.stderr.count("\n") == done.returncode
    assert fixed.state("one")["status"] == "created"
    fixed.ok("kill", "one", "KILL")
    wait_until(lambda: fixed.state("one")["status"] == "stopped", "the truth, though it can't be committed")
    assert json.loads(fixed.ok("list", "--format", "json"))[0]["status"] == "stopped"
    assert fixed.record("one") == before
    assert fixed("delete", "one").returncode == 1
    remount(fixed, "rw")
    fixed.ok("delete", "one")


@pytest.mark.parametrize("name", ["action", "lock"])
def test_a_holder_that_hangs_keeps_no_query_and_no_signal_waiting(
    runf: Runf, running: dict[str, Any], name: str
) -> None:
    holder = hold(runf.root / "one" / name)
    try:
        os.kill(holder, signal.SIGSTOP)
        assert runf.state("one")["status"] == "running"
        assert runf.ok("list", "-q") == "one\n"
        runf.ok("kill", "one", "KILL")
        wait_until(lambda: runf.state("one")["status"] == "stopped", "the truth")
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
    runf.ok("delete", "one")


def test_a_delete_that_waits_goes_on_when_the_holder_dies(runf: Runf, running: dict[str, Any]) -> None:
    holder = hold(runf.root / "one" / "action")
    os.kill(holder, signal.SIGSTOP)
    deleting = subprocess.Popen(runf.argv("delete", "--force", "one"), stderr=subprocess.PIPE, text=True)
    wait_until(lambda: runf.state("one")["status"] == "stopped", "its SIGKILL, which waits for no lock")
    assert deleting.poll() is None
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    assert deleting.communicate(timeout=60) == (None, "")
    assert deleting.returncode == 0
    assert runf.ok("list", "-q") == ""


def test_a_delete_that_waited_in_vain_names_the_holder(runf: Runf, running: dict[str, Any]) -> None:
    holder = hold(runf.root / "one" / "action")
    try:
        done = runf("delete", "--force", "one")
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
    assert done.returncode == 1
    assert done.stderr.startswith(f'runf: container "one" is busy: process {holder} acts on it; ')


@pytest.mark.needs("file:/proc/sys/kernel/ns_last_pid")
def test_a_stranger_with_the_containers_pid_is_left_alone(runf: Runf, bundle: Path) -> None:
    """In a pid namespace of our own, where the next pid can be chosen."""
    path = make_container_bundle(bundle, "sleep", "600")
    found = in_namespaces(
        procfs_flags(),
        lambda: reuse_pid(runf, path),
    )
    assert found == {
        "is the pid": True,
        "status": "stopped",
        "kill": 1,
        "delete": 0,
        "the stranger lives": True,
        "left": "",
    }


def procfs_flags() -> int:
    from runtime.kernel.process import CLONE_NEWNS, CLONE_NEWPID

    return CLONE_NEWPID | CLONE_NEWNS


def reuse_pid(runf: Runf, path: str) -> dict[str, object]:
    """As the first process of the namespace, which reaps whoever ends."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    runf.ok("run", "-d", "-b", path, "one")
    pid = runf.state("one")["pid"]
    os.kill(pid, signal.SIGKILL)
    while True:
        try:
            if os.waitpid(pid, 0)[0] == pid:
                break
        except ChildProcessError:
            break
    with open("/proc/sys/kernel/ns_last_pid", "w") as file:
        file.write(str(pid - 1))
    stranger = subprocess.Popen(["sleep", "600"])
    seen: dict[str, object] = {
        "is the pid": stranger.pid == pid,
        "status": runf.state("one")["status"],
        "kill": runf("kill", "one", "KILL").returncode,
        "delete": runf("delete", "--force", "one").returncode,
        "the stranger lives": stranger.poll() is None,
        "left": runf.ok("list", "-q"),
    }
    stranger.kill()
    stranger.wait()
    return seen
