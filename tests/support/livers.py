"""Processes that let containers live, one after the other, each with a first process of its own and no namespaces.

A worker takes a byte of its pipe for each life, and ends with the pipe.  How a life ends is drawn by lot: its parent
records the exit code, or a watcher, or a query, or several of them at once; then it is deleted, as the command does.
"""

from __future__ import annotations

import os
import random
import signal
import traceback
from typing import TYPE_CHECKING

from runtime.actions import inspect
from runtime.actions.context import Context, find_context
from runtime.actions.delete import delete
from runtime.actions.identity import identify
from runtime.kernel import clock
from runtime.store.record import advance
from runtime.store.store import Store
from tests.support.children import Child
from tests.support.containers import wait_until
from tests.support.records import FIFOS, PRIVATE, first_record

if TYPE_CHECKING:
    from runtime.store.record import Happening, Record

PASSING: tuple[tuple[Happening, ...], ...] = (("updated",), ("paused", "resumed"), ("oom",))
MOST_PASSING = 6
CODE_WAIT_S = 60


class Workers:
    """``number`` processes on the root of ``store``; each has ids of its own, which it uses again and again."""

    def __init__(self, root: str, number: int, seed: int) -> None:
        tokens, self._give = os.pipe()
        done, told = os.pipe()
        self._done = done
        self.pids = []
        for index in range(number):
            pid = os.fork()
            if pid == 0:
                for fd in (self._give, done):
                    os.close(fd)
                _work(root, index, random.Random(seed * 1000 + index), tokens, told)
            self.pids.append(pid)
        os.close(tokens)
        os.close(told)

    def let_live(self, lives: int) -> None:
        """Let them begin that many lives; doesn't wait."""
        while lives > 0:
            lives -= os.write(self._give, b"." * min(lives, 4096))

    def wait_for(self, lives: int) -> None:
        """Wait until that many more lives have ended."""
        while lives > 0:
            told = os.read(self._done, lives)
            assert told, "the workers have ended"
            lives -= len(told)

    def end(self) -> None:
        """Let each end after its life; none may have failed."""
        os.close(self._give)
        statuses = [os.waitpid(pid, 0)[1] for pid in self.pids]
        self.pids.clear()
        os.close(self._done)
        assert statuses == [0] * len(statuses)

    def kill(self) -> None:
        """After a failure."""
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self.pids.clear()


def _work(root: str, index: int, lot: random.Random, tokens: int, told: int) -> None:
    status = 1
    try:
        store = Store(root, make=False)
        context = find_context(os.environ, root=root)
        while os.read(tokens, 1):
            live(context, store, f"c{index}.{lot.randrange(3)}", lot)
            os.write(told, b".")
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def live(context: Context, store: Store, container_id: str, lot: random.Random) -> None:
    """One life, from its publication to its deletion."""
    record = first_record(container_id, maker=identify(os.getpid()))
    action = store.publish(record, PRIVATE, FIFOS)
    child = Child()
    try:
        _commit(store, container_id, pid=child.pid, process=child.identity)
        _commit(store, container_id, status="created", happenings=("created",), maker=None)
        _commit(store, container_id, starter=identify(os.getpid()))
        _commit(store, container_id, status="running", happenings=("started",), starter=None)
        action.release()
        for _ in range(lot.randrange(MOST_PASSING)):
            _commit(store, container_id, happenings=lot.choice(PASSING))
        _end(context, store, record, child, lot)
        assert delete(context, container_id) == []
    finally:
        child.clean_up()


def _end(context: Context, store: Store, record: Record, child: Child, lot: random.Random) -> None:
    code = lot.randrange(256)
    child.end(code)
    told_by = lot.choice(("parent", "parent after a query", "whoever looks while it is a zombie", "whoever saw it"))
    container_id, instance = record["id"], record["instance"]
    if told_by.startswith("parent"):
        if "query" in told_by:
            inspect.state(context, container_id)
        store.commit_exit(
            container_id,
            instance,
            exit={"code": code, "signal": None, "oomKilled": None},
            finished=clock.now(),
            precision="exact",
            now=clock.now(),
        )
        found = store.read(container_id)["exit"]["code"]
        assert found == code
        return
    if told_by == "whoever saw it":
        child.reap()
    else:
        inspect.state(context, container_id)
        wait_until(lambda: store.read(container_id)["exit"]["code"] == code, f"{code} in the record", CODE_WAIT_S)
    seen = inspect.state(context, container_id)
    assert seen["status"] == "stopped"
    assert seen["exit"]["code"] in (None, code)


def _commit(store: Store, container_id: str, **changes: object) -> None:
    with store.locked(container_id) as held:
        held.commit(advance(held.record, now=clock.now(), **changes))  # type: ignore[arg-type]
