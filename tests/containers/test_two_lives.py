"""A command that began with one life of an id leaves the id's next life alone."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from runtime.actions.context import find_context
from runtime.actions.delete import delete
from runtime.actions.start import start
from runtime.cgroups import manager
from runtime.errors import NoSuchContainer
from runtime.kernel import procfs
from runtime.store.record import advance
from runtime.store.store import Store
from tests.support.containers import Runf, make_container_bundle, wait_until
from tests.support.records import LATER

if TYPE_CHECKING:
    from pathlib import Path

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


def test_what_is_meant_for_one_life_does_not_reach_another(runf: Runf, waiting: str) -> None:
    runf.ok("create", "--bundle", waiting, "one")
    context = find_context(os.environ, root=str(runf.root))
    with pytest.raises(NoSuchContainer):
        start(context, "one", instance=ANOTHER)
    with pytest.raises(NoSuchContainer):
        delete(context, "one", instance=ANOTHER)
    assert delete(context, "one", force=True, instance=ANOTHER) == []
    assert runf.state("one")["status"] == "created"
