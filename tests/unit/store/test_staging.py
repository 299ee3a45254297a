"""What is made in .staging comes into place whole, or not at all; what crashes leave there goes."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from runtime.errors import ContainerExists, Fault
from runtime.store import staging
from runtime.store.record import MAX_EXECS, MAX_TRANSITIONS, advance, ended, exec_ended, exec_started, serialize
from runtime.store.store import Store
from schemas.invalid import Invalid
from tests.support.records import (
    FIFOS,
    LATER,
    NOW,
    PRIVATE,
    commit,
    exit_of,
    first_record,
    process_of,
    publish,
    retire,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runtime.store.record import Record

MAKING = f"{'1' * 32}.making"


def fail_with(number: int) -> Callable[..., Any]:
    """A system call that always fails so."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def staged(root: Path) -> list[str]:
    return sorted(name for name in os.listdir(root / ".staging") if name != ".sweep")


def following(record: Record) -> Record:
    return advance(record, now=LATER, status="created", happenings=("created",), pid=7, process=process_of(7))


def test_a_new_life_has_all_its_files_at_once(store: Store, root: Path) -> None:
    record = first_record()
    action = store.publish(record, {"config.json": b'{"a": 1}'}, FIFOS)
    assert sorted(os.listdir(root / "web")) == sorted(["state.json", "lock", "action", "spare", "config.json", *FIFOS])
    assert (root / "web" / "config.json").read_bytes() == b'{"a": 1}'
    assert all(stat.S_ISFIFO((root / "web" / name).stat().st_mode) for name in FIFOS)
    assert store.read("web") == record
    assert staged(root) == []
    assert (action.id, action.instance) == ("web", record["instance"])
    assert os.path.samestat(os.fstat(action.dir_fd), (root / "web").stat())
    action.release()


def test_a_new_life_is_published_with_action_held_and_lock_free(store: Store) -> None:
    with store.publish(first_record(), PRIVATE, ()):
        held = store.try_locked("web")
        assert held is not None
        held.release()


def test_an_id_that_is_taken_is_refused_and_nothing_is_left(store: Store, root: Path) -> None:
    first = publish(store)
    with pytest.raises(ContainerExists, match='container "web" already exists'):
        publish(store)
    assert store.read("web") == first
    assert staged(root) == []


@pytest.mark.parametrize("kind", ["file", "link", "empty directory"])
def test_whatever_lies_under_an_id_is_not_replaced(store: Store, root: Path, kind: str) -> None:
    {
        "file": (root / "web").touch,
        "link": lambda: (root / "web").symlink_to("nowhere"),
        "empty directory": (root / "web").mkdir,
    }[kind]()
    before = (root / "web").lstat()
    with pytest.raises(ContainerExists):
        publish(store)
    assert (root / "web").lstat() == before
    assert staged(root) == []


def test_an_invalid_record_is_never_published(store: Store, root: Path) -> None:
    record: Any = {**first_record(), "pid": -1}
    with pytest.raises(Invalid, match="/pid: must be at least 0"):
        store.publish(record, PRIVATE, ())
    assert sorted(os.listdir(root)) == [".deleted", ".staging"]
    assert staged(root) == []


def test_a_record_too_large_to_be_read_is_never_published(store: Store, root: Path) -> None:
    with pytest.raises(Fault, match="1048576 are the limit; shorten the annotations"):
        publish(store, annotations={"pod": "x" * (1 << 20)})
    assert sorted(os.listdir(root)) == [".deleted", ".staging"]


@pytest.mark.parametrize("call", ["mkfifo", "posix_fallocate", "write", "fchmod"])
def test_a_failed_publication_leaves_nothing(
    store: Store, root: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    before = os.listdir("/proc/self/fd")
    monkeypatch.setattr(os, call, fail_with(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        publish(store)
    monkeypatch.undo()
    assert os.listdir("/proc/self/fd") == before
    assert staged(root) == []
    publish(store)


def test_a_file_system_without_preallocation_has_no_spare(
    store: Store, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", fail_with(errno.EOPNOTSUPP))
    publish(store)
    assert not (root / "web" / "spare").exists()
    assert commit(store)["generation"] == 2


def test_a_commit_passes_through_staging_under_a_name_of_its_own(
    store: Store, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = publish(store)["instance"]
    seen: list[list[str]] = []
    real = os.rename

    def rename(*arguments: Any, **options: Any) -> None:
        seen.append([arguments[0], arguments[1], *staged(root)])
        real(*arguments, **options)

    monkeypatch.setattr(os, "rename", rename)
    commit(store)
    name = f"web.{instance}.2"
    assert seen == [[name, "state.json", name]]
    assert staged(root) == []


@pytest.mark.usefixtures("tight_umask")
def test_a_committed_record_is_public_whatever_the_umask(store: Store, root: Path) -> None:
    publish(store)
    record = commit(store, pid=7)
    assert stat.S_IMODE((root / "web" / "state.json").stat().st_mode) == 0o644
    assert store.read("web") == record
    assert (record["generation"], record["pid"]) == (2, 7)


@pytest.mark.parametrize(("call", "number"), [("rename", errno.EIO), ("write", errno.EIO), ("fchmod", errno.EPERM)])
def test_a_failed_commit_unlinks_its_temporary(
    store: Store, root: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    before = publish(store)
    with store.locked("web") as held:
        monkeypatch.setattr(os, call, fail_with(number))
        with pytest.raises(OSError, match=os.strerror(number)):
            held.commit(following(held.record))
        monkeypatch.undo()
        assert held.record == before
        assert store.read("web") == before
        assert staged(root) == []
        held.commit(following(held.record))
        assert store.read("web")["status"] == "created"


def test_an_invalid_record_is_never_committed(store: Store, root: Path) -> None:
    before = publish(store)
    with store.locked("web") as held:
        record: Any = {**held.record, "owner": ""}
        with pytest.raises(Invalid, match="/owner: must have at least 1 characters"):
            held.commit(record)
        assert held.record == before
    assert store.read("web") == before
    assert staged(root) == []


def test_the_temporary_of_a_dead_committer_is_in_nobodys_way(store: Store, root: Path) -> None:
    instance = publish(store)["instance"]
    (root / ".staging" / f"web.{instance}.2").write_text("half")
    assert commit(store)["generation"] == 2
    assert store.read("web")["generation"] == 2
    assert staged(root) == []


def test_a_clean_up_that_fails_too_does_not_hide_the_first_fault(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store)
    with store.locked("web") as held:
        monkeypatch.setattr(os, "rename", fail_with(errno.EIO))
        monkeypatch.setattr(os, "unlink", fail_with(errno.EROFS))
        with pytest.raises(OSError, match="Input/output error") as caught:
            held.commit(following(held.record))
    assert caught.value.__notes__[0].endswith("[Errno 30] Read-only file system")


def test_leftovers_of_the_dead_are_removed(store: Store, root: Path) -> None:
    making = root / ".staging" / MAKING
    making.mkdir()
    for name in ("lock", "action", "state.json"):
        (making / name).touch()
    os.mkfifo(making / "gate")
    (root / ".staging" / f"{'2' * 32}.making").mkdir()
    gone = root / ".staging" / f"{'3' * 32}.gone"
    (gone / "deep" / "deeper").mkdir(parents=True)
    (root / ".staging" / f"{'4' * 32}.gone").touch()
    for name in (f"web.{'5' * 32}.7", f"a.b.{'5' * 32}.7", "stray"):
        (root / ".staging" / name).touch()
    staging.sweep(store.fds)
    assert staged(root) == []


def test_the_next_publication_sweeps(store: Store, root: Path) -> None:
    (root / ".staging" / MAKING).mkdir()
    publish(store)
    assert staged(root) == []


def test_what_somebody_is_making_is_left_alone(store: Store, root: Path) -> None:
    opened: list[int] = []
    staging._make_locked(store.fds, MAKING, opened)
    staging.sweep(store.fds)
    assert staged(root) == [MAKING]
    for fd in opened:
        os.close(fd)
    staging.sweep(store.fds)
    assert staged(root) == []


def test_nobody_sweeps_between_a_directory_and_its_lock(
    store: Store, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    real = os.mkdir

    def mkdir(*arguments: Any, **options: Any) -> None:
        real(*arguments, **options)
        staging.sweep(store.fds)
        found.append(staged(root))

    monkeypatch.setattr(os, "mkdir", mkdir)
    record = publish(store)
    assert found == [[f"{record['instance']}.making"]]


def test_the_temporary_of_a_committer_at_work_is_left_alone(store: Store, root: Path) -> None:
    instance = publish(store)["instance"]
    temporary = root / ".staging" / f"web.{instance}.2"
    with store.locked("web"):
        temporary.touch()
        staging.sweep(store.fds)
        assert temporary.exists()
    staging.sweep(store.fds)
    assert not temporary.exists()


def test_the_temporary_of_a_committer_into_deleted_is_left_alone(store: Store, root: Path) -> None:
    publish(store)
    instance = retire(store)["instance"]
    publish(store)
    temporary = root / ".staging" / f"web.{instance}.3"
    with store.locked_last(instance, "web"):
        temporary.touch()
        staging.sweep(store.fds)
        assert temporary.exists()
    staging.sweep(store.fds)
    assert not temporary.exists()


def test_a_leftover_that_can_not_be_removed_fails_no_command(
    store: Store, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / ".staging" / MAKING).mkdir()
    (root / ".staging" / f"{'3' * 32}.gone").touch()
    monkeypatch.setattr(os, "rmdir", fail_with(errno.EPERM))
    publish(store)
    assert staged(root) == [MAKING]


def test_a_sweep_of_nothing_takes_no_lock(store: Store, root: Path) -> None:
    staging.sweep(store.fds)
    assert os.listdir(root / ".staging") == []


def largest(record: Record) -> Record:
    """``record`` after all that can happen to it."""
    namespaces = dict.fromkeys(["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"], 4026531836)
    linux = {**record["linux"], "namespaces": namespaces}
    record = advance(record, now=NOW, status="running", pid=4194304, process=process_of(4194304, 1 << 40), linux=linux)
    for _ in range(MAX_TRANSITIONS + 1):
        record = advance(record, now=NOW, happenings=("resumed",), fault="x" * 4096)
    for number in range(MAX_EXECS + 1):
        process = process_of(4_000_000 + number, 1 << 40)
        record = exec_started(record, process, now=NOW)
        record = exec_ended(record, process, {"code": 137, "signal": 9, "oomKilled": False}, now=NOW)
    last = ended(record, exit=exit_of(255), finished=NOW, precision="observed", now=NOW)
    assert last is not None
    return last


def test_the_spare_holds_whatever_a_record_can_grow_to(store: Store, root: Path) -> None:
    record = publish(store)
    assert (root / "web" / "spare").stat().st_size >= len(serialize(largest(record)))


def test_all_is_synced_before_its_rename(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(root), make=True)
    synced: list[str] = []
    real = os.rename
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))

    def rename(*arguments: Any, **options: Any) -> None:
        synced.append("rename")
        real(*arguments, **options)

    monkeypatch.setattr(os, "rename", rename)
    instance = publish(store)["instance"]
    making = f"{root}/.staging/{instance}.making"
    assert synced == [f"{making}/config.json", f"{making}/state.json", making, str(root)]
    synced.clear()
    commit(store)
    assert synced == [f"{root}/.staging/web.{instance}.2", "rename", f"{root}/web"]
    synced.clear()
    retire(store)
    assert synced[:3] == [f"{root}/.staging/web.{instance}.3", "rename", f"{root}/web"]
    assert synced[3:6] == ["rename", str(root), f"{root}/.deleted"]
    store.close()


def test_a_publication_that_can_not_be_synced_leaves_no_container(
    store: Store, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail = fail_with(errno.EIO)
    monkeypatch.setattr(os, "fsync", lambda fd: fail() if fd == store.fds.root else None)
    with pytest.raises(OSError, match="Input/output error"):
        publish(store)
    assert sorted(os.listdir(root)) == [".deleted", ".staging"]
    assert staged(root) == []


def test_a_commit_that_can_not_be_synced_is_known_to_be_in_place(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store)
    fail = fail_with(errno.EIO)
    with store.locked("web") as held:
        monkeypatch.setattr(os, "fsync", lambda fd: fail() if fd == held._dir_fd else None)
        with pytest.raises(OSError, match="Input/output error"):
            held.commit(following(held.record))
        assert held.record == store.read("web")
        assert held.record["generation"] == 2
