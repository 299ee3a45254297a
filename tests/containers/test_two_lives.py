"""A command that began with one life of an id leaves the id's next life alone."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.actions.beginning import Request
from runtime.actions.context import find_context
from runtime.actions.create import create
from runtime.actions.delete import delete
from runtime.actions.start import start
from runtime.cgroups import manager
from runtime.errors import CgroupFault, NoSuchContainer
from runtime.kernel import procfs
from runtime.store.record import advance
from runtime.store.store import Store
from tests.support.containers import Runf, make_container_bundle, wait_until
from tests.support.records import LATER

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.cgroups.hierarchy import CgroupPlan

ANOTHER = "0" * 32


@pytest.fixture
def waiting(runf: Runf, bundle: Path) -> str:
    """A bundle whose program waits for ever."""
    return make_container_bundle(bundle, "sleep", "600")


def next_life(runf: Runf) -> str:
    """A bundle with a cgroup of its own."""
    (runf.place / "next").mkdir()
    return make_container_bundle(runf.place / "next", "sleep", "600")


def state_of(pid: int) -> str | None:
    found = procfs.stat("/proc", pid)
    return found and found.state


def has_ended(pid: int) -> bool:
    found = procfs.stat("/proc", pid)
    return found is None or procfs.has_ended(found)


def test_a_foreground_run_deletes_its_own_life_only(runf: Runf, waiting: str) -> None:
    running = subprocess.Popen(runf.argv("run", "--bundle", waiting, "one"), stderr=subprocess.PIPE, text=True)
    wait_until(lambda: '"one"' in runf.ok("list", "-f", "json") and runf.state("one")["status"] == "running", "a start")
    first = runf.state("one")["instance"]
    running.send_signal(signal.SIGSTOP)
    wait_until(lambda: state_of(running.pid) == "T", "the stop")
    runf.ok("delete", "--force", "one")
    runf.ok("create", "--bundle", next_life(runf), "one")
    running.send_signal(signal.SIGCONT)
    _, errors = running.communicate(timeout=20)
    assert (running.returncode, errors) == (128 + signal.SIGKILL, "")
    last = runf.last_record(first)
    has_counters = last["linux"]["cgroup"] is not None
    assert last["exit"] == {"code": 137, "signal": 9, "oomKilled": False if has_counters else None}
    assert runf.state("one")["status"] == "created"


def test_a_forced_delete_that_waited_for_one_life_spares_the_next(runf: Runf, waiting: str) -> None:
    runf.ok("run", "--detach", "--bundle", waiting, "one")
    pid = runf.state("one")["pid"]
    store = Store(str(runf.root), make=False)
    action = store.action("one")
    deleting = subprocess.Popen(runf.argv("delete", "--force", "one"), stderr=subprocess.PIPE, text=True)
    wait_until(lambda: has_ended(pid), "its SIGKILL")
    with store.locked("one") as held:
        manager.remove(held.record["linux"]["cgroup"])
        held.retire(advance(held.record, now=LATER, status="stopped", happenings=("stopped", "deleted")))
    runf.ok("create", "--bundle", next_life(runf), "one")
    action.release()
    store.close()
    _, errors = deleting.communicate(timeout=20)
    assert (deleting.returncode, errors) == (0, "")
    assert runf.state("one")["status"] == "created"


def waits_for_action(pid: int, container_id: str) -> bool:
    """Whether it has opened the lock, which it holds a moment later or waits for."""
    opened = Path(f"/proc/{pid}/fd")
    return any(os.readlink(each).endswith(f"/{container_id}/action") for each in opened.iterdir() if each.is_symlink())


def test_a_forced_delete_of_a_stopped_life_spares_the_next(runf: Runf, waiting: str) -> None:
    runf.ok("run", "--detach", "--bundle", waiting, "one")
    runf.ok("kill", "one", "KILL")
    wait_until(lambda: runf.state("one")["status"] == "stopped", "its end")
    store = Store(str(runf.root), make=False)
    action = store.action("one")
    deleting = subprocess.Popen(runf.argv("delete", "--force", "one"), stderr=subprocess.PIPE, text=True)
    wait_until(lambda: waits_for_action(deleting.pid, "one"), "its wait for the lock")
    with store.locked("one") as held:
        manager.remove(held.record["linux"]["cgroup"])
        held.retire(advance(held.record, now=LATER, happenings=("deleted",)))
    runf.ok("create", "--bundle", next_life(runf), "one")
    action.release()
    store.close()
    _, errors = deleting.communicate(timeout=20)
    assert (deleting.returncode, errors) == (0, "")
    assert runf.state("one")["status"] == "created"


def test_what_is_meant_for_one_life_does_not_reach_another(runf: Runf, waiting: str) -> None:
    runf.ok("create", "--bundle", waiting, "one")
    context = find_context(os.environ, root=str(runf.root))
    with pytest.raises(NoSuchContainer):
        start(context, "one", instance=ANOTHER)
    with pytest.raises(NoSuchContainer):
        delete(context, "one", instance=ANOTHER)
    assert delete(context, "one", force=True, instance=ANOTHER) == []
    assert runf.state("one")["status"] == "created"


@pytest.mark.needs("root", "cgroups")
@pytest.mark.parametrize("moment", ["before it looked at the cgroup", "after it was refused the cgroup"])
@pytest.mark.parametrize("is_readable", [True, False])
def test_a_create_that_died_before_it_had_a_cgroup_takes_nobody_elses_along(
    runf: Runf, waiting: str, moment: str, is_readable: bool
) -> None:
    """Its record names the cgroup, and another container is in it."""
    runf.ok("create", "--bundle", waiting, "one")
    runf.ok("start", "one")
    pid = runf.state("one")["pid"]
    make = manager.make

    def die(plan: CgroupPlan) -> None:
        if moment.startswith("after"):
            with pytest.raises(CgroupFault, match="is in use"):
                make(plan)
        os.kill(os.getpid(), signal.SIGKILL)

    create_and_die(runf, waiting, die)
    if not is_readable:
        (runf.root / "two" / "state.json").write_text("{")
    runf.ok("delete", "--force", "two")
    assert runf.state("one")["status"] == "running"
    assert runf.state("one")["pid"] == pid
    assert not has_ended(pid)
    runf.ok("delete", "--force", "one")


@pytest.mark.needs("root", "cgroups")
@pytest.mark.parametrize("is_claimed", [True, False])
def test_the_cgroup_of_a_create_that_died_once_it_had_one_goes_with_it(
    runf: Runf, waiting: str, is_claimed: bool
) -> None:
    make = manager.make

    def die(plan: CgroupPlan) -> None:
        make(plan)
        if not is_claimed:
            os.kill(os.getpid(), signal.SIGKILL)

    create_and_die(runf, waiting, die, after=lambda plan: os.kill(os.getpid(), signal.SIGKILL))
    paths = set(runf.record("two")["linux"]["cgroup"]["paths"].values())
    assert [path for path in paths if os.path.isdir(path)]
    runf.ok("delete", "--force", "two")
    assert [path for path in paths if os.path.isdir(path)] == []


def create_and_die(
    runf: Runf,
    bundle: str,
    make: Callable[[CgroupPlan], None],
    after: Callable[[CgroupPlan], object] = lambda plan: None,
) -> None:
    """A create of "two" whose step that makes the cgroup is ``make``; ``after`` is what follows once it is claimed."""
    pid = os.fork()
    if pid == 0:
        try:
            manager.make, manager.open_entry = make, after  # type: ignore[assignment]
            create(find_context(os.environ, root=str(runf.root)), "two", Request(bundle))
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    assert runf.state("two")["status"] == "stopped"
