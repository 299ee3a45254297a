"""The store dies, or a call fails, at each system call in turn: nothing is half-done, and the id can be used again.

A forked child carries out one operation in which the calls that the store makes are counted; at the n-th it ends by
``os._exit``, as by kill -9, or that call raises.  The root is looked at after each.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from runtime.errors import BadRecord, NoSuchContainer
from runtime.store import staging
from runtime.store.record import advance, parse
from runtime.store.store import Store
from tests.support.breaker import KILLED, NEVER, Breaker
from tests.support.records import FIFOS, LATER, PRIVATE, exit_of, first_record, process_of, publish, retire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runtime.store.record import Record

# the store makes such calls for each operation at least; fewer would mean that the counting is broken
FEWEST_POINTS = 5


def publish_one(store: Store) -> None:
    store.publish(first_record(), PRIVATE, FIFOS)


def commit_one(store: Store) -> None:
    with store.locked("web") as held:
        held.commit(advance(held.record, now=LATER, status="created", happenings=("created",), process=process_of()))


def commit_exit(store: Store) -> None:
    instance = store.read("web")["instance"]
    store.commit_exit("web", instance, exit=exit_of(3), finished=LATER, precision="exact", now=LATER)


def retire_one(store: Store) -> None:
    retire(store)


def discard_one(store: Store) -> None:
    store.discard("web")


def without_a_record(root: Path) -> None:
    publish_into(root)
    (root / "web" / "state.json").write_text("{")


def publish_into(root: Path) -> None:
    store = Store(str(root), make=True)
    publish(store)
    store.close()


def nothing(root: Path) -> None:
    """Begin with an empty root."""


OPERATIONS: dict[str, tuple[Callable[[Path], None], Callable[[Store], None]]] = {
    "publish": (nothing, publish_one),
    "commit": (publish_into, commit_one),
    "exit": (publish_into, commit_exit),
    "retire": (publish_into, retire_one),
    "discard": (without_a_record, discard_one),
}
# how the call breaks
WAYS = {"killed": None, "ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EMFILE": errno.EMFILE}


def broken(root: Path, operation: Callable[[Store], None], number: int, error: int | None) -> str:
    """How it ended in a child whose ``number``-th call is broken: "died", "failed" or "done <calls>"."""
    store = Store(str(root), make=True)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        say, leave = os.write, os._exit
        breaker = Breaker(number, error)
        breaker.install()
        answer = "failed"
        try:
            operation(store)
            answer = f"done {breaker.count}"
        except OSError:
            pass
        except BaseException as fault:  # anything but a file system's failure is a bug, and the parent says so
            if "state.json can't be read" not in str(fault):
                answer = f"{type(fault).__name__}: {fault}"
        finally:
            say(writing, answer.encode())
            leave(0)
    os.close(writing)
    with os.fdopen(reading) as answers:
        answer = answers.read()
    _, status = os.waitpid(pid, 0)
    store.close()
    return "died" if os.waitstatus_to_exitcode(status) == KILLED else answer


def look_at(root: Path) -> dict[str, Record]:
    """The records in the root; every directory there has one that is whole and valid, and nobody holds its locks."""
    found = {}
    for place in root.iterdir():
        if not place.name.startswith("."):
            found[place.name] = parse((place / "state.json").read_bytes(), place.name)
            is_leaving = found[place.name]["transitions"][-1]["type"] == "deleted"
            wanted = {"lock", "action", *FIFOS, *(() if is_leaving else ("config.json",))}
            assert wanted <= set(os.listdir(place))
    for place in (root / ".deleted").iterdir():
        if place.name == ".pruned":
            json.loads(place.read_text() or "{}")
        else:
            assert parse((place / "state.json").read_bytes(), None)["instance"] == place.name
    return found


def live_again(root: Path) -> None:
    """Whatever is there is retired, and the id lives once more; then nothing is left over but last records."""
    store = Store(str(root), make=True)
    try:
        retire(store)
    except BadRecord:
        store.discard("web")
    except NoSuchContainer:
        pass
    record = publish(store)
    assert store.read("web") == record
    retire(store)
    staging.sweep(store.fds)
    assert os.listdir(root / ".staging") == [".sweep"]
    assert sorted(os.listdir(root)) == [".deleted", ".staging"]
    kept = [set(os.listdir(root / ".deleted" / name)) for name in os.listdir(root / ".deleted") if name[0] != "."]
    store.close()
    assert {"state.json", "lock", "retired"} in kept


def check(name: str, root: Path, outcome: str) -> None:
    """What one broken operation may leave."""
    assert outcome in ("died", "failed") or outcome.startswith("done "), outcome
    if name == "discard":
        broken_record = root / "web" / "state.json"
        assert not broken_record.exists() or broken_record.read_text() == "{"
    else:
        found = look_at(root)
        if name == "publish" and outcome == "failed":
            assert found == {}
        if name in ("commit", "exit"):
            assert found["web"]["generation"] in (1, 2)
    if outcome == "failed":
        left = [entry for entry in os.listdir(root / ".staging") if not entry.endswith((".sweep", ".gone"))]
        assert left == []


@pytest.mark.parametrize("error", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_nothing_is_half_done_wherever_it_breaks(
    root: Path, name: str, error: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare, operation = OPERATIONS[name]
    prepare(root)
    whole = broken(root, operation, NEVER, None)
    points = int(whole.removeprefix("done "))
    assert points >= FEWEST_POINTS
    for number in range(1, points + 1):
        shutil.rmtree(root)
        prepare(root)
        outcome = broken(root, operation, number, error)
        assert outcome == "died" or error is not None
        check(name, root, outcome)
        live_again(root)
    with capsys.disabled():
        print(f" [{points} points]", end="")
