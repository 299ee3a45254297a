"""Whatever is done to a root in whatever order, and wherever it is interrupted, a simple model tells what is there."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runtime.errors import BadRecord, ContainerExists, NoSuchContainer
from runtime.store import staging
from runtime.store.record import advance, ended
from runtime.store.store import Store
from tests.support.breaker import KILLED, Breaker
from tests.support.forked import exit_status_of
from tests.support.records import FIFOS, LATER, NOW, PRIVATE, exit_of, first_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.store.record import Record

ids = st.sampled_from(["a", "b", "a.b", "+"])
happenings = st.sampled_from(["paused", "resumed", "updated", "oom"])
codes = st.none() | st.integers(0, 255)
errors = st.sampled_from([errno.ENOSPC, errno.EIO, errno.EMFILE, errno.ENOMEM])
# from none of an operation's calls to more than any makes
points = st.integers(1, 80)
UNEXPECTED = 3
FAILED = 4


class StoreMachine(RuleBasedStateMachine):
    """``live`` holds the records in the root by id, ``last`` those in .deleted by instance."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.mkdtemp(prefix="runf-test-")
        self.root = f"{self.place}/containers"
        self.store = Store(self.root, make=True)
        self.live: dict[str, Record] = {}
        self.spoilt: set[str] = set()
        self.last: dict[str, Record] = {}

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.place)

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = Store(self.root, make=True)

    @rule(container_id=ids)
    def publish(self, container_id: str) -> None:
        record = first_record(container_id)
        if container_id in self.live or container_id in self.spoilt:
            with pytest.raises(ContainerExists):
                self.store.publish(record, PRIVATE, FIFOS)
        else:
            self.store.publish(record, PRIVATE, FIFOS).release()
            self.live[container_id] = record

    @rule(container_id=ids, happening=happenings)
    def commit(self, container_id: str, happening: str) -> None:
        if container_id not in self.live:
            with pytest.raises((NoSuchContainer, BadRecord)):
                self.store.locked(container_id)
            return
        with self.store.locked(container_id) as held:
            assert held.record == self.live[container_id]
            self.live[container_id] = following(held.record, happening)
            held.commit(self.live[container_id])

    @rule(container_id=ids, code=codes, data=st.data())
    def commit_exit(self, container_id: str, code: int | None, data: st.DataObject) -> None:
        known = [record["instance"] for record in (*self.live.values(), *self.last.values())]
        instance = data.draw(st.sampled_from([*known, "0" * 32]))
        expected = self.expect_exit(container_id, instance, code)
        assert self.record_exit(container_id, instance, code) == expected

    def record_exit(self, container_id: str, instance: str, code: int | None) -> bool:
        return self.store.commit_exit(
            container_id, instance, exit=exit_of(code), finished=NOW, precision="exact", now=LATER
        )

    def expect_exit(self, container_id: str, instance: str, code: int | None) -> bool:
        """Whether recording that exit brings news; the model learns it."""
        places: list[tuple[dict[str, Record], str]] = [(self.live, container_id), (self.last, instance)]
        for records, key in places:
            record = records.get(key)
            if record is not None and record["instance"] == instance and record["id"] == container_id:
                after = ended(record, exit=exit_of(code), finished=NOW, precision="exact", now=LATER)
                records[key] = after or record
                return after is not None
        return False

    @rule(container_id=ids)
    def retire(self, container_id: str) -> None:
        if container_id not in self.live:
            with pytest.raises((NoSuchContainer, BadRecord)):
                self.store.action(container_id)
            return
        record = last_of(self.live.pop(container_id))
        retire(self.store, record)
        self.last[record["instance"]] = record
        assert os.listdir(f"{self.root}/.staging") == [".sweep"]

    @rule(container_id=ids)
    def read(self, container_id: str) -> None:
        if container_id in self.live:
            assert self.store.read(container_id) == self.live[container_id]
        else:
            with pytest.raises(BadRecord if container_id in self.spoilt else NoSuchContainer):
                self.store.read(container_id)

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def spoil(self, data: st.DataObject) -> None:
        container_id = data.draw(st.sampled_from(sorted(self.live)))
        with open(f"{self.root}/{container_id}/state.json", "w") as file:
            file.write("{")
        del self.live[container_id]
        self.spoilt.add(container_id)

    @precondition(lambda self: self.spoilt)
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        container_id = data.draw(st.sampled_from(sorted(self.spoilt)))
        self.store.discard(container_id)
        self.spoilt.remove(container_id)

    @rule(container_id=ids, point=points)
    def die_publishing(self, container_id: str, point: int) -> None:
        record = first_record(container_id)
        self.die(point, lambda: self.store.publish(record, PRIVATE, FIFOS))
        if self.found(container_id) == record:
            self.live[container_id] = record

    @precondition(lambda self: self.live)
    @rule(data=st.data(), point=points)
    def die_committing(self, data: st.DataObject, point: int) -> None:
        before = self.live[data.draw(st.sampled_from(sorted(self.live)))]
        after = following(before, "updated")
        self.die(point, lambda: commit(self.store, after))
        if self.found(before["id"]) == after:
            self.live[before["id"]] = after

    @precondition(lambda self: self.live)
    @rule(data=st.data(), point=points)
    def die_retiring(self, data: st.DataObject, point: int) -> None:
        before = self.live[data.draw(st.sampled_from(sorted(self.live)))]
        after = last_of(before)
        self.die(point, lambda: retire(self.store, after))
        found = self.found(before["id"])
        if found is None:
            del self.live[before["id"]]
            self.last[before["instance"]] = after
        elif found == after:
            self.live[before["id"]] = after

    @rule(container_id=ids, point=points, error=errors)
    def fail_publishing(self, container_id: str, point: int, error: int) -> None:
        record = first_record(container_id)
        is_done = self.fail(point, error, lambda: self.store.publish(record, PRIVATE, FIFOS))
        if self.found(container_id) == record:
            assert is_done
            self.live[container_id] = record

    @precondition(lambda self: self.live)
    @rule(data=st.data(), point=points, error=errors)
    def fail_committing(self, data: st.DataObject, point: int, error: int) -> None:
        before = self.live[data.draw(st.sampled_from(sorted(self.live)))]
        after = following(before, "updated")
        is_done = self.fail(point, error, lambda: commit(self.store, after))
        if self.found(before["id"]) == after:
            self.live[before["id"]] = after
        else:
            assert not is_done

    @precondition(lambda self: self.live)
    @rule(data=st.data(), point=points, error=errors)
    def fail_retiring(self, data: st.DataObject, point: int, error: int) -> None:
        before = self.live[data.draw(st.sampled_from(sorted(self.live)))]
        after = last_of(before)
        is_done = self.fail(point, error, lambda: retire(self.store, after))
        found = self.found(before["id"])
        if found is None:
            del self.live[before["id"]]
            (last,) = (each for each in self.lasts() if each["instance"] == before["instance"])
            assert last in (before, after)  # its last commit is best effort
            self.last[before["instance"]] = last
        else:
            assert not is_done
            assert found in (before, after)
            self.live[before["id"]] = found

    def found(self, container_id: str) -> Record | None:
        return next((each for name, each in self.store.scan() if name == container_id and isinstance(each, dict)), None)

    def lasts(self) -> list[Record]:
        return [each for each in self.store.last_records() if not isinstance(each, BadRecord)]

    def die(self, point: int, act: Callable[[], object]) -> None:
        """Let a child do it and die at its ``point``-th call, if it makes so many."""
        assert self.break_off(point, None, act) == KILLED

    def fail(self, point: int, error: int, act: Callable[[], object]) -> bool:
        """Let a child do it while its ``point``-th call fails; whether it was done all the same."""
        status = self.break_off(point, error, act)
        assert status in (KILLED, FAILED)
        return status == KILLED

    def break_off(self, point: int, error: int | None, act: Callable[[], object]) -> int:
        pid = os.fork()
        if pid == 0:
            leave, status = os._exit, UNEXPECTED
            try:
                Breaker(point, error).install()
                act()
                status = KILLED
            except ContainerExists:
                status = KILLED
            except (OSError, BadRecord):  # BadRecord: the call that failed was one that reads it
                status = FAILED if error else UNEXPECTED
            finally:
                leave(status)
        return exit_status_of(pid)

    @rule()
    def sweep(self) -> None:
        staging.sweep(self.store.fds)
        assert os.listdir(f"{self.root}/.staging") in ([], [".sweep"])

    @invariant()
    def the_root_holds_what_the_model_does(self) -> None:
        found = dict(self.store.scan())
        assert {name for name, each in found.items() if isinstance(each, BadRecord)} == self.spoilt
        assert {name: each for name, each in found.items() if not isinstance(each, BadRecord)} == self.live

    @invariant()
    def every_life_that_ended_left_its_last_record(self) -> None:
        assert {each["instance"]: each for each in self.lasts()} == self.last


def following(record: Record, happening: str) -> Record:
    return advance(record, now=NOW, happenings=(happening,))  # type: ignore[arg-type]


def last_of(record: Record) -> Record:
    return advance(record, now=LATER, status="stopped", happenings=("deleted",))


def commit(store: Store, record: Record) -> None:
    with store.locked(record["id"]) as held:
        held.commit(record)


def retire(store: Store, record: Record) -> None:
    with store.action(record["id"]), store.locked(record["id"]) as held:
        held.retire(record)


StoreMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestStore = StoreMachine.TestCase
