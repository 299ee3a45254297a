"""Where everything is made before it is renamed into place, and how leftovers of crashed makers go.

makers    hold .sweep shared around making a directory and locking it
sweepers  hold .sweep exclusively, and take what has a lock that can be taken: its maker is dead
"""

from __future__ import annotations

import errno
import fcntl
import os

from runtime.errors import ContainerBusy, ContainerExists, NoSuchContainer
from runtime.kernel import files
from runtime.store import layout, lock
from runtime.store.record import serialize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runtime.store.layout import RootFds
    from runtime.store.record import Record

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
# the most that transitions, execs and a fault add to a record after its publication
_SPARE_SLACK_BYTES = 24576
_BLOCK_BYTES = 4096
# a sweep, or a prune with its look at all last records, is short by itself; among two hundred busy commands it is not
SWEEP_WAIT_S = 40.0
_FULL = (errno.ENOSPC, errno.EDQUOT)


def build(fds: RootFds, record: Record, private: Mapping[str, bytes], fifos: Iterable[str]) -> tuple[int, int]:
    """Make the directory of a new life and rename it into the root; its fd and that of its action lock, held.

    ContainerExists where the id is taken; ContainerBusy where a sweep hangs.  On any failure nothing is left.
    """
    text = serialize(record)
    name = record["instance"] + layout.MAKING_SUFFIX
    opened: list[int] = []
    try:
        action_fd, dir_fd = _make_locked(fds, name, opened)
        for file_name, content in private.items():
            os.close(_write_new(dir_fd, file_name, content, layout.PRIVATE_MODE))
        for fifo in fifos:
            os.mkfifo(fifo, layout.PRIVATE_MODE, dir_fd=dir_fd)
            os.chmod(fifo, layout.PRIVATE_MODE, dir_fd=dir_fd)
        _make_spare(dir_fd, _spare_bytes(text))
        os.close(_write_new(dir_fd, layout.STATE, text, layout.PUBLIC_MODE))
        os.fsync(dir_fd)
        _rename_in(fds, name, record["id"])
        opened.remove(dir_fd)
        opened.remove(action_fd)
        return dir_fd, action_fd
    except BaseException as fault:
        _take_back(fds.staging, name, fault)
        raise
    finally:
        files.let_go(*opened)  # the record's lock with them: from here on anybody may look and decide


def _make_locked(fds: RootFds, name: str, opened: list[int]) -> tuple[int, int]:
    """The fds of the new directory's action lock and of itself; those and its lock's are entered in ``opened``."""
    sweep_fd = _open_sweep(fds.staging)
    try:
        if not lock.flock(sweep_fd, fcntl.LOCK_SH, SWEEP_WAIT_S, in_turn=True):
            raise _swept(fds)
        os.mkdir(name, 0o700, dir_fd=fds.staging)
        os.chmod(name, layout.DIRECTORY_MODE, dir_fd=fds.staging)  # the umask may have kept it from ourselves
        dir_fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=fds.staging)
        opened.append(dir_fd)
        for lock_name in (layout.LOCK, layout.ACTION):
            fd = os.open(lock_name, (_CREATE & ~os.O_WRONLY) | os.O_RDWR, layout.PRIVATE_MODE, dir_fd=dir_fd)
            opened.append(fd)
            os.fchmod(fd, layout.PRIVATE_MODE)
            fcntl.flock(fd, fcntl.LOCK_EX)
        return fd, dir_fd
    finally:
        os.close(sweep_fd)


def _swept(fds: RootFds) -> ContainerBusy:
    pid = lock.holder(fds.staging, ".", layout.SWEEP)
    return ContainerBusy(
        f"the state root is busy: {f'process {pid}' if pid else 'another command'} clears its staging directory",
        hint="try again once that has ended",
    )


def _open_sweep(staging_fd: int) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(layout.SWEEP, flags, layout.PRIVATE_MODE, dir_fd=staging_fd)
    try:
        os.fchmod(fd, layout.PRIVATE_MODE)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _rename_in(fds: RootFds, name: str, container_id: str) -> None:
    try:
        files.renameat2(fds.staging, name, fds.root, container_id, files.RENAME_NOREPLACE)
    except FileExistsError:
        raise ContainerExists(container_id) from None
    try:
        os.fsync(fds.root)
    except OSError:  # a publication that failed leaves no container
        os.rename(container_id, name, src_dir_fd=fds.root, dst_dir_fd=fds.staging)
        raise


def _write_new(dir_fd: int, name: str, content: bytes, mode: int) -> int:
    """The fd of a new file with that content and mode, whatever the umask; a failed one is unlinked."""
    fd = os.open(name, _CREATE, mode, dir_fd=dir_fd)
    try:
        os.fchmod(fd, mode)
        _write_all(fd, content)
        os.fsync(fd)
    except BaseException as fault:
        os.close(fd)
        _take_back(dir_fd, name, fault)
        raise
    return fd


def _take_back(parent_fd: int, name: str, fault: BaseException) -> None:
    try:
        remove_tree(parent_fd, name)
    except OSError as error:
        fault.add_note(f"what was made of {name} stays until the next command sweeps: {error}")


def _write_all(fd: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(fd, left) :]


def _spare_bytes(text: bytes) -> int:
    return -(-(len(text) + _SPARE_SLACK_BYTES) // _BLOCK_BYTES) * _BLOCK_BYTES


def _make_spare(dir_fd: int, size_bytes: int) -> None:
    """Blocks and an inode for one more record on a file system that is full by then; none where it can't promise."""
    fd = os.open(layout.SPARE, _CREATE, layout.PRIVATE_MODE, dir_fd=dir_fd)
    try:
        os.fchmod(fd, layout.PRIVATE_MODE)
        files.fallocate(fd, size_bytes)
    except OSError as error:
        os.unlink(layout.SPARE, dir_fd=dir_fd)
        if error.errno != errno.EOPNOTSUPP:
            raise
    finally:
        os.close(fd)


def _renew_spare(dir_fd: int, text: bytes) -> None:
    """A spare for the next record in place of the used one, as large as a full file system still lets it be."""
    for size_bytes in range(_spare_bytes(text), len(text), -_BLOCK_BYTES):
        try:
            _make_spare(dir_fd, size_bytes)
        except OSError as error:
            if error.errno not in _FULL:
                return  # the commit is done: nothing that happens here undoes it
        else:
            return


def write_record(fds: RootFds, dir_fd: int, record: Record) -> None:
    """Replace the record in ``dir_fd`` by way of ``.staging/<id>.<instance>.<generation>``.

    The caller holds its lock.  Raises OSError with the old record in place and nothing left in staging.
    """
    text = serialize(record)
    name = f"{record['id']}.{record['instance']}.{record['generation']}"
    uses_spare = False
    try:
        try:
            _write_staged(fds, name, text)
        except OSError as error:
            if error.errno not in _FULL or not _write_into_spare(fds, dir_fd, name, text):
                raise
            uses_spare = True
        os.rename(name, layout.STATE, src_dir_fd=fds.staging, dst_dir_fd=dir_fd)
    except BaseException as fault:
        _take_back(fds.staging, name, fault)
        raise
    if uses_spare:
        _renew_spare(dir_fd, text)


def write_private(fds: RootFds, dir_fd: int, record: Record, name: str, content: bytes) -> None:
    """Replace the private file ``name`` of the life of ``record`` in ``dir_fd``.

    The caller holds its lock.  Raises OSError with the old file in place and nothing left in staging.
    """
    staged = f"{record['id']}.{record['instance']}{layout.PRIVATE_SUFFIX}"
    try:
        _write_staged(fds, staged, content, layout.PRIVATE_MODE)
        os.rename(staged, name, src_dir_fd=fds.staging, dst_dir_fd=dir_fd)
    except BaseException as fault:
        _take_back(fds.staging, staged, fault)
        raise
    os.fsync(dir_fd)


def _write_staged(fds: RootFds, name: str, text: bytes, mode: int = layout.PUBLIC_MODE) -> None:
    try:
        os.close(_write_new(fds.staging, name, text, mode))
    except FileExistsError:  # left by a committer that died; we hold the lock, so it isn't at work
        os.unlink(name, dir_fd=fds.staging)
        os.close(_write_new(fds.staging, name, text, mode))


def _write_into_spare(fds: RootFds, dir_fd: int, name: str, text: bytes) -> bool:
    """Put ``text`` under ``name`` in staging, in the blocks kept back; False where there are none or too few."""
    try:
        fd = os.open(layout.SPARE, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=dir_fd)
    except FileNotFoundError:
        return False
    try:
        if os.fstat(fd).st_size < len(text):
            return False
        _write_all(fd, text)
        os.ftruncate(fd, len(text))
        os.fchmod(fd, layout.PUBLIC_MODE)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(layout.SPARE, name, src_dir_fd=dir_fd, dst_dir_fd=fds.staging)
    return True


def try_sweep_lock(fds: RootFds) -> int | None:
    """The fd of .sweep, held exclusively; None while makers or another sweeper are at work."""
    sweep_fd = _open_sweep(fds.staging)
    try:
        fcntl.flock(sweep_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(sweep_fd)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return sweep_fd


def sweep(fds: RootFds) -> None:
    """Remove what crashed commands left, if there is anything and nobody is just making something.

    Best effort: no command fails for what another one left.
    """
    try:
        names = [name for name in os.listdir(fds.staging) if name != layout.SWEEP]
        sweep_fd = try_sweep_lock(fds) if names else None
    except OSError:
        return
    if sweep_fd is None:
        return
    try:
        for name in names:
            _remove_left_over(fds, name)
    finally:
        os.close(sweep_fd)


def _remove_left_over(fds: RootFds, name: str) -> None:
    """Remove one entry of staging if whoever made it is dead: then each lock it may hold can be taken, or is gone."""
    held: list[int] = []
    try:
        if all(_is_dead(parent_fd, owner, held) for parent_fd, owner in _owners(fds, name)):
            remove_tree(fds.staging, name)
    except OSError:
        return  # the next command that meets it tries again
    finally:
        for fd in held:
            os.close(fd)


def _owners(fds: RootFds, name: str) -> list[tuple[int, str]]:
    """The directories in which the maker of ``name`` may hold the lock."""
    if name.endswith(layout.GONE_SUFFIX):
        return []  # on its way out already: it doesn't matter who removes it
    if name.endswith(layout.MAKING_SUFFIX):
        return [(fds.staging, name)]
    # a commit: the life lies in the root, or, since a retirement, in .deleted.  This order, for it moves that way
    container_id, _, rest = name.rpartition(".")[0].rpartition(".")
    return [(fds.root, container_id), (fds.deleted, rest)] if container_id and rest else []


def _is_dead(parent_fd: int, owner: str, held: list[int]) -> bool:
    """Whether nobody holds the owner's lock; it is taken then, and entered in ``held``."""
    try:
        fd = lock.take(parent_fd, owner, layout.LOCK, wait_s=0)
    except NoSuchContainer:
        return True
    if fd is None:
        return False
    held.append(fd)
    return True


def remove_tree(parent_fd: int, name: str) -> None:
    """Remove a file, or a directory of files; what others remove at the same time is fine."""
    try:
        os.unlink(name, dir_fd=parent_fd)
        return
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.EISDIR, errno.EPERM):
            raise
    try:
        dir_fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=parent_fd)
    except FileNotFoundError:
        return  # somebody else removed it
    try:
        for inner in os.listdir(dir_fd):
            remove_tree(dir_fd, inner)
    finally:
        os.close(dir_fd)
    try:
        os.rmdir(name, dir_fd=parent_fd)
    except FileNotFoundError:
        return  # somebody else removed it
