"""On a full file system an exit is still recorded and a container still deleted."""

from __future__ import annotations

import errno
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from runtime.store import deleted
from runtime.store.record import advance, exec_ended, exec_started
from runtime.store.store import Store
from tests.support.forked import needs_root
from tests.support.records import LATER, commit, exit_of, process_of, publish, retire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = needs_root


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 128 blocks and 64 inodes."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k,nr_inodes=64", "tmpfs", str(place)], check=True, capture_output=True
    )
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def small_store(small: Path) -> Iterator[Store]:
    """A store on it."""
    opened = Store(str(small / "containers"), make=True)
    yield opened
    opened.close()


def fill_blocks(place: Path) -> None:
    """Take the last free byte."""
    with (place / "filler").open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"x" * 4096)
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017 - the end of the loop, not the subject
                return


def fill_inodes(place: Path) -> None:
    """Take the last free inode."""
    for number in range(1000):
        try:
            (place / f"filler{number}").touch()
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017 - the end of the loop, not the subject
            return


def fill_both(place: Path) -> None:
    fill_inodes(place)
    (place / "filler0").rename(place / "filler")
    fill_blocks(place)


FILLERS = [fill_blocks, fill_inodes, fill_both]


def record_exit(store: Store, code: int | None) -> bool:
    instance = store.read("web")["instance"]
    return store.commit_exit("web", instance, exit=exit_of(code), finished=LATER, precision="exact", now=LATER)


@pytest.mark.parametrize("fill", FILLERS)
def test_an_exit_is_recorded_on_a_full_file_system(
    small: Path, small_store: Store, fill: Callable[[Path], None]
) -> None:
    publish(small_store)
    commit(small_store, status="running", happenings=("started",))
    fill(small)
    assert record_exit(small_store, 3)
    record = small_store.read("web")
    assert (record["status"], record["exit"], record["generation"]) == ("stopped", exit_of(3), 3)
    assert os.listdir(small / "containers" / ".staging") == [".sweep"]


@pytest.mark.parametrize("fill", FILLERS)
def test_a_stop_and_then_its_code_are_recorded_on_a_full_file_system(
    small: Path, small_store: Store, fill: Callable[[Path], None]
) -> None:
    publish(small_store)
    commit(small_store, status="running", happenings=("started",))
    fill(small)
    assert record_exit(small_store, None)
    assert record_exit(small_store, 3)
    assert small_store.read("web")["exit"] == exit_of(3)


@pytest.mark.parametrize("fill", FILLERS)
def test_many_execs_are_recorded_on_a_full_file_system(
    small: Path, small_store: Store, fill: Callable[[Path], None]
) -> None:
    publish(small_store)
    fill(small)
    for number in range(1, 60):
        with small_store.locked("web") as held:
            held.commit(exec_started(held.record, process_of(number), now=LATER))
            held.commit(exec_ended(held.record, process_of(number), exit_of(0), now=LATER))
    assert small_store.read("web")["execsDropped"] == 27
    assert record_exit(small_store, 3)


@pytest.mark.parametrize("fill", FILLERS)
def test_a_container_is_retired_on_a_full_file_system(
    small: Path, small_store: Store, fill: Callable[[Path], None]
) -> None:
    publish(small_store)
    fill(small)
    assert retire(small_store)["status"] == "stopped"
    assert sorted(os.listdir(small / "containers")) == [".deleted", ".staging"]
    (last,) = small_store.last_records()
    assert isinstance(last, dict)
    assert last["transitions"][-1]["type"] == "deleted"


@pytest.mark.parametrize("fill", FILLERS)
def test_a_container_without_its_spare_is_retired_with_the_record_it_had(
    small: Path, small_store: Store, fill: Callable[[Path], None]
) -> None:
    before = publish(small_store)
    (small / "containers" / "web" / "spare").unlink()
    fill(small)
    assert retire(small_store) == before
    assert list(small_store.last_records()) == [before]


def test_without_space_a_commit_fails_and_leaves_the_record_as_it_was(small: Path, small_store: Store) -> None:
    before = publish(small_store)
    (small / "containers" / "web" / "spare").unlink()
    fill_both(small)
    with pytest.raises(OSError, match="No space left on device"):
        commit(small_store)
    assert small_store.read("web") == before
    assert os.listdir(small / "containers" / ".staging") == [".sweep"]


def test_a_record_that_outgrew_its_spare_leaves_that_for_the_next(small: Path, small_store: Store) -> None:
    before = publish(small_store)
    fill_blocks(small)
    with small_store.locked("web") as held:
        with pytest.raises(OSError, match="No space left on device"):
            held.commit(advance(held.record, now=LATER, annotations={"a": "x" * 40_000}))
        assert small_store.read("web") == before
        held.commit(advance(held.record, now=LATER, pid=7))
    assert small_store.read("web")["pid"] == 7


@pytest.mark.parametrize("fill", FILLERS)
def test_a_publication_on_a_full_file_system_leaves_nothing(
    small: Path, small_store: Store, fill: Callable[[Path], None]
) -> None:
    publish(small_store, "other")
    fill(small)
    with pytest.raises(OSError, match="No space left on device"):
        publish(small_store)
    assert sorted(os.listdir(small / "containers")) == [".deleted", ".staging", "other"]
    assert os.listdir(small / "containers" / ".staging") == [".sweep"]


def test_no_life_begins_without_space_for_its_end(small: Path, small_store: Store) -> None:
    fill_blocks(small)
    with (small / "filler").open("r+b") as file:
        file.truncate(file.seek(0, os.SEEK_END) - 4 * 4096)  # enough for the record, not for its spare
    with pytest.raises(OSError, match="No space left on device"):
        publish(small_store)


def test_pruning_makes_room_on_a_full_file_system_and_tells(
    small: Path, small_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        publish(small_store, name)
        retire(small_store, name)
    publish(small_store)
    monkeypatch.setattr(deleted, "COUNT_LIMIT", 1)
    fill_both(small)
    retire(small_store)
    assert len(list(small_store.last_records())) == 1
    assert deleted.read_pruned(small_store.fds)["count"] == 3
