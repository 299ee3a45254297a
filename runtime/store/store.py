"""The state directory: the only writer of state.json.

    publish   .staging/<instance>.making  -> <root>/<id>            by rename, failing if the id is taken
    commit    .staging/<id>.<instance>.<generation> -> state.json   by rename, under `lock`
    retire    <root>/<id> -> .deleted/<instance>                    by rename, under `action` and `lock`

``Store.locked`` yields a ``Held``; commit and retire exist only there, so that an unlocked write can't be expressed.
"""

from __future__ import annotations

import os

from runtime.errors import BadRecord, ContainerBusy, NoSuchContainer, UnknownBoot
from runtime.kernel import procfs
from runtime.kernel.files import let_go
from runtime.late import Late, load
from runtime.store import layout, lock, reading, staging
from runtime.store.record import ended, exec_ended, in_one_commit, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from runtime.store import deleted
    from runtime.store.layout import RootFds
    from runtime.store.reading import Taken
    from runtime.store.record import Exit, Precision, Process, Record
else:
    deleted = Late("runtime.store.deleted")  # who may have to remove something says so: `prepare_removal`

ACTION_WAIT_S = 10.0
LOCK_WAIT_S = 10.0  # it is held for a commit: who holds it for as long as that hangs


def prepare_removal() -> None:
    """Load what removes a container, which there may be no fd left for when it is needed."""
    load(deleted)


class Action:
    """The ``action`` lock of one life, held: its directory, and what a forked child must close."""

    def __init__(self, container_id: str, instance: str, dir_fd: int, lock_fd: int) -> None:
        self.id = container_id
        self.instance = instance
        self.dir_fd = dir_fd
        self._lock_fd = lock_fd

    def fds(self) -> tuple[int, int]:
        """What a child must not keep: a fork passes the lock on."""
        return self.dir_fd, self._lock_fd

    def release(self) -> None:
        """Let the next one act."""
        if self._lock_fd >= 0:
            let_go(self._lock_fd, self.dir_fd)
            self._lock_fd = self.dir_fd = -1

    def __enter__(self) -> Action:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Held:
    """``lock``, held: the record as it is now, and the two ways to change it."""

    def __init__(self, store: Store, parent_fd: int, name: str, container_id: str, lock_fd: int) -> None:
        self._store = store
        self._parent_fd = parent_fd
        self._name = name
        self._lock_fd = lock_fd
        try:
            self._dir_fd = layout.open_container(parent_fd, name)
        except BaseException:
            os.close(lock_fd)
            raise
        try:
            self.record = reading.read_own(self._dir_fd, container_id)
        except BaseException:
            self.release()
            raise

    def commit(self, record: Record) -> None:
        """Replace the record by the next generation, in however many steps ``record`` was made.

        An invalid one raises, and nothing of a failed commit stays.  An OSError of the fsync after it leaves it
        committed: ``record`` tells which one is in place.
        """
        record = in_one_commit(self.record, record)
        staging.write_record(self._store.fds, self._dir_fd, record)
        self.record = record
        os.fsync(self._dir_fd)

    def replace(self, name: str, content: bytes) -> None:
        """Replace one of the container's private files; nothing of a failed replacement stays."""
        staging.write_private(self._store.fds, self._dir_fd, self.record, name, content)

    def retire(self, record: Record) -> None:
        """Commit the last ``record`` if that can be done, and move the directory to .deleted; needs no space.

        The caller holds the action lock too.
        """
        try:
            self.commit(record)
        except OSError:
            pass  # what counts is the rename: where that fails too, its fault is the one to tell
        deleted.retire(self._store.fds, self._dir_fd, self._name, self.record["instance"], proc=self._store.proc)
        deleted.prune(self._store.fds, self._store.proc)
        staging.sweep(self._store.fds)

    def release(self) -> None:
        """Let the next one decide."""
        if self._lock_fd >= 0:
            let_go(self._lock_fd, self._dir_fd)
            self._lock_fd = self._dir_fd = -1

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Store:
    """One state root, opened."""

    def __init__(self, root: str, *, make: bool, public: bool = False, proc: str = "/proc") -> None:
        self.root = root
        self.proc = proc
        if make:
            prepare_removal()  # of what can't be made as a whole
        self.fds: RootFds = layout.open_root(root, make=make, public=public)

    def close(self) -> None:
        """Close the root's fds."""
        self.fds.close()

    def publish(self, record: Record, private: Mapping[str, bytes], fifos: Iterable[str]) -> Action:
        """Bring the container into being under its id, with its action lock held.

        ContainerExists where the id is taken; nothing is left over then.
        """
        layout.check_id(record["id"])
        staging.sweep(self.fds)
        dir_fd, action_fd = staging.build(self.fds, record, private, fifos)
        return Action(record["id"], record["instance"], dir_fd, action_fd)

    def read(self, container_id: str) -> Record:
        """The record, without a lock; NoSuchContainer, BadRecord."""
        return self.read_as(container_id, parse)

    def read_as(self, container_id: str, take: Callable[[bytes, str], Taken]) -> Taken:
        """The same, as what ``take`` makes of its text and id; it raises BadRecord for what is no record."""
        layout.check_id(container_id)
        found = reading.read_current(self.fds.root, container_id, container_id, take)
        if found is None:
            raise NoSuchContainer(container_id)
        return found

    def read_file(self, container_id: str, name: str) -> bytes:
        """One of the container's private files."""
        return reading.read_private(self.fds.root, f"{container_id}/{name}")

    def has_file(self, container_id: str, name: str) -> bool:
        """Whether one of the container's private files is there."""
        return os.access(f"{container_id}/{name}", os.F_OK, dir_fd=self.fds.root, follow_symlinks=False)

    def scan(self) -> Iterator[tuple[str, Record | BadRecord]]:
        """All containers by id; an unreadable record is named by its fault, and passed over."""
        return self.scan_as(parse)

    def scan_as(self, take: Callable[[bytes, str], Taken]) -> Iterator[tuple[str, Taken | BadRecord]]:
        """The same, each as what ``take`` makes of its text and id; it raises BadRecord for what is no record."""
        owner = os.fstat(self.fds.root).st_uid
        for name in sorted(os.listdir(self.fds.root)):
            if name.startswith("."):
                continue
            try:
                found = reading.read_current(self.fds.root, name, name, take, owner)
            except BadRecord as fault:
                yield name, fault
            else:
                if found is not None:  # else it was deleted between the listing and the read
                    yield name, found

    def last_records(self) -> Iterator[Record | BadRecord]:
        """The last records of deleted containers, in no order."""
        for instance in os.listdir(self.fds.deleted):
            if instance.startswith("."):
                continue
            try:
                found = reading.read_current(self.fds.deleted, instance, None, parse)
            except BadRecord as fault:
                yield fault
            else:
                if found is not None:  # else it was pruned between the listing and the read
                    yield found

    def read_last(self, instance: str, container_id: str) -> Record | None:
        """The last record of a life that was deleted; None where it was pruned, or can't be read."""
        try:
            return reading.read_current(self.fds.deleted, instance, container_id, parse)
        except BadRecord:
            return None

    def action(self, container_id: str, *, wait_s: float = ACTION_WAIT_S) -> Action:
        """Take the action lock; ContainerBusy, naming the holder, when that takes longer than ``wait_s``.

        UnknownBoot, since all that is noted of a life's end names the boot too.
        """
        layout.check_id(container_id)
        if not procfs.boot_id(self.proc):
            raise UnknownBoot(self.proc)
        lock_fd = self._take(container_id, layout.ACTION, wait_s)
        if lock_fd is None:
            raise self._busy(container_id, layout.ACTION)
        try:
            dir_fd = layout.open_container(self.fds.root, container_id)
        except BaseException:
            os.close(lock_fd)
            raise
        try:
            instance = reading.read_own(dir_fd, container_id)["instance"]
        except BaseException:
            os.close(lock_fd)
            os.close(dir_fd)
            raise
        return Action(container_id, instance, dir_fd, lock_fd)

    def _take(self, container_id: str, lock_name: str, wait_s: float, *, in_turn: bool = False) -> int | None:
        """The lock's fd; NoSuchContainer, or BadRecord for a directory that we can't have made."""
        for _ in range(reading.LIVES_BETWEEN):
            try:
                return lock.take(self.fds.root, container_id, lock_name, wait_s=wait_s, in_turn=in_turn)
            except NoSuchContainer:
                if reading.is_gone(self.fds.root, container_id):
                    raise
        raise BadRecord(container_id, f"{container_id}/{lock_name} is missing")

    def locked(self, container_id: str, *, wait_s: float = LOCK_WAIT_S) -> Held:
        """Take ``lock`` and read the record anew; NoSuchContainer, BadRecord; ContainerBusy, naming the holder."""
        layout.check_id(container_id)
        lock_fd = self._take(container_id, layout.LOCK, wait_s, in_turn=True)
        if lock_fd is None:
            raise self._busy(container_id, layout.LOCK)
        return Held(self, self.fds.root, container_id, container_id, lock_fd)

    def try_locked(self, container_id: str) -> Held | None:
        """The same if it can be had at once, else None."""
        layout.check_id(container_id)
        lock_fd = self._take(container_id, layout.LOCK, 0)
        return None if lock_fd is None else Held(self, self.fds.root, container_id, container_id, lock_fd)

    def locked_last(self, instance: str, container_id: str, *, wait_s: float = LOCK_WAIT_S) -> Held:
        """Take the ``lock`` of a last record in .deleted; NoSuchContainer when it was pruned; ContainerBusy."""
        lock_fd = lock.take(self.fds.deleted, instance, layout.LOCK, wait_s=wait_s, in_turn=True)
        if lock_fd is None:
            raise self._busy(container_id, layout.LOCK, lock.holder(self.fds.deleted, instance, layout.LOCK, self.proc))
        return Held(self, self.fds.deleted, instance, container_id, lock_fd)

    def commit_exit(
        self,
        container_id: str,
        instance: str,
        *,
        exit: Exit,
        finished: str,
        precision: Precision,
        now: str,
        process: Process | None = None,
        wait_s: float = LOCK_WAIT_S,
    ) -> bool:
        """Commit the end of that life's first process, or an exit that was unknown; whether there was anything new.

        With ``process`` only where that is the first one still: its maker may have begun another.
        Also in .deleted, where the life has been deleted meanwhile.  ContainerBusy when ``wait_s`` passed first.
        """
        try:
            with self.locked(container_id, wait_s=wait_s) as held:
                if held.record["instance"] == instance:
                    return _commit_end(held, exit, finished, precision, now, process)
        except (NoSuchContainer, BadRecord):
            pass  # deleted by now: its last record can still learn the code
        try:
            with self.locked_last(instance, container_id, wait_s=wait_s) as held:
                return _commit_end(held, exit, finished, precision, now, process)
        except (NoSuchContainer, BadRecord):
            return False  # pruned, or nothing that could learn it

    def commit_exec_end(
        self, container_id: str, instance: str, process: Process, exit: Exit, *, now: str, wait_s: float = LOCK_WAIT_S
    ) -> bool:
        """Commit the end of a process that exec added, or its exit that was unknown; whether there was anything new.

        Also in .deleted, where the life has been deleted meanwhile.  ContainerBusy when ``wait_s`` passed first.
        """
        try:
            with self.locked(container_id, wait_s=wait_s) as held:
                if held.record["instance"] == instance:
                    return _commit_exec_end(held, process, exit, now)
        except NoSuchContainer:
            pass  # deleted by now
        try:
            with self.locked_last(instance, container_id, wait_s=wait_s) as held:
                return _commit_exec_end(held, process, exit, now)
        except NoSuchContainer:
            return False  # pruned

    def discard(self, container_id: str) -> None:
        """Remove a container whose record can't be read; whatever its processes were, nothing tells.

        NoSuchContainer; ContainerBusy for one that can be read after all: the id's next life has begun.
        """
        layout.check_id(container_id)
        try:
            lock_fd = lock.take(self.fds.root, container_id, layout.LOCK, wait_s=ACTION_WAIT_S)
            if lock_fd is None:
                raise self._busy(container_id, layout.LOCK)
        except NoSuchContainer:
            lock_fd = -1  # gone, or without a lock, and so nobody's
        try:
            if self._is_readable(container_id):
                raise self._busy(container_id, layout.ACTION)
            deleted.discard(self.fds, container_id)
        except FileNotFoundError:
            raise NoSuchContainer(container_id) from None
        finally:
            if lock_fd >= 0:
                os.close(lock_fd)
        staging.sweep(self.fds)

    def _is_readable(self, container_id: str) -> bool:
        try:
            self.read(container_id)
            for lock_name in (layout.LOCK, layout.ACTION):
                os.stat(f"{container_id}/{lock_name}", dir_fd=self.fds.root, follow_symlinks=False)
        except (BadRecord, FileNotFoundError):
            return False
        return True

    def _busy(self, container_id: str, lock_name: str, pid: int | None = None) -> ContainerBusy:
        pid = pid or lock.holder(self.fds.root, container_id, lock_name, self.proc)
        return ContainerBusy(
            f'container "{container_id}" is busy: {f"process {pid}" if pid else "another command"} acts on it',
            hint="try again once that has ended",
        )


def _commit_end(held: Held, exit: Exit, finished: str, precision: Precision, now: str, process: Process | None) -> bool:
    if process not in (None, held.record["process"]):
        return False
    following = ended(held.record, exit=exit, finished=finished, precision=precision, now=now)
    if following is None:
        return False
    held.commit(following)
    return True


def _commit_exec_end(held: Held, process: Process, exit: Exit, now: str) -> bool:
    following = exec_ended(held.record, process, exit, now=now)
    if following is held.record:
        return False
    held.commit(following)
    return True


def open_store(root: str, *, proc: str = "/proc") -> Store | None:
    """The store of an existing root, or None where there is none yet."""
    try:
        return Store(root, make=False, proc=proc)
    except NoSuchContainer:
        return None
