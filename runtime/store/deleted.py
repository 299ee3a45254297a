"""Last records: how a life leaves the root, and how few of them are kept.

Bounded by count and by age.  The age is told by CLOCK_BOOTTIME and the boot id, written into ``retired`` beside the
record, so that a jump of the wall clock empties nothing.  Looking at all of them costs, so that happens when there are
too many, and otherwise once a minute at most.  ``.pruned`` counts what went and tells the newest finish among it, and
which life was retired last, and when (by CLOCK_BOOTTIME).  It is written before they go, and the oldest goes first:
while the newest of them is still there, whoever pruned has died or is at it, and what is left of them is counted.
"""

from __future__ import annotations

import os

from runtime import jsontext
from runtime.errors import BadRecord
from runtime.kernel import clock, files, procfs
from runtime.store import layout, staging
from runtime.store.record import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NamedTuple, TypedDict

    from runtime.store.layout import RootFds

    class Moment(TypedDict):
        bootId: str
        boottimeNs: int

    class Pruned(TypedDict):
        count: int
        newestFinished: str | None
        newestRetired: Moment | None
        newestInstance: str | None
        checked: Moment | None

else:
    from runtime.values import NamedTuple


class Gone(NamedTuple):
    """How many last records have gone, and the newest of them, if any.

    While a prune is under way, or was broken off, nobody knows the newest, but the ``oldest_left``. ``left`` are those
    that ``number`` doesn't count.
    """

    number: int
    newest: str | None
    oldest_left: str | None
    left: set[str]


COUNT_LIMIT = 4096
AGE_LIMIT_NS = 3600 * 10**9
CHECK_EVERY_NS = 60 * 10**9
_KEPT = (layout.STATE, layout.LOCK, layout.RETIRED)
_NOTE_BYTES = 4096
_RECORD_BYTES = 1 << 20
_SELF_AND_PARENT_LINKS = 2


def retire(fds: RootFds, dir_fd: int, name: str, instance: str, *, proc: str = "/proc") -> None:
    """Move the directory to .deleted, then remove what is private.  The caller holds both locks.

    What is secret goes before: whoever dies in between leaves the rest to the next prune.
    """
    _note_time(dir_fd, layout.RETIRED, moment_of_now(proc))
    try:
        os.unlink(layout.CONFIG, dir_fd=dir_fd)
    except OSError:
        pass  # it isn't there, or it goes with the rest
    # plain rename(2), which needs no ctypes: where anything has that name but an empty directory, it fails as well
    os.rename(name, instance, src_dir_fd=fds.root, dst_dir_fd=fds.deleted)
    _remove_private(dir_fd)
    os.fsync(fds.root)
    os.fsync(fds.deleted)


def _remove_private(dir_fd: int) -> None:
    for inner in os.listdir(dir_fd):
        if inner not in _KEPT:
            staging.remove_tree(dir_fd, inner)


def _finish_retirement(deleted_fd: int, name: str) -> None:
    """Remove what is private if somebody died between the rename and that."""
    try:
        dir_fd = files.open_within(deleted_fd, name, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return  # pruned just now
    try:
        _remove_private(dir_fd)
    except OSError:
        return  # private still: the next prune tries again
    finally:
        os.close(dir_fd)


def moment_of_now(proc: str) -> Moment:
    """By CLOCK_BOOTTIME, which no jump of the wall clock moves."""
    return {"bootId": procfs.boot_id(proc), "boottimeNs": clock.boottime_ns()}


def _note_time(dir_fd: int, path: str, here: Moment) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        fd = os.open(path, flags, layout.PRIVATE_MODE, dir_fd=dir_fd)
    except OSError:
        return  # a full file system: the next prune that has space for it notes its own time
    try:
        os.fchmod(fd, layout.PRIVATE_MODE)
        os.write(fd, jsontext.encode(here).encode())
    except OSError:
        return
    finally:
        os.close(fd)


def discard(fds: RootFds, container_id: str) -> None:
    """Remove a directory of the root for good, by rename into staging first."""
    gone = f"{os.urandom(16).hex()}{layout.GONE_SUFFIX}"
    files.renameat2(fds.root, container_id, fds.staging, gone, files.RENAME_NOREPLACE)
    staging.remove_tree(fds.staging, gone)


def prune(fds: RootFds, proc: str = "/proc") -> None:
    """Remove last records that are too old or too many; best effort, since deleting must not fail for it."""
    try:
        here = moment_of_now(proc)
        if not _is_due(fds, here):
            return
        sweep_fd = staging.try_sweep_lock(fds)
        if sweep_fd is None:
            return  # another command prunes or makes something: the next one that deletes looks again
        try:
            names = _prune(fds, here)
        finally:
            os.close(sweep_fd)
        for name in names:  # whoever makes something needn't wait for this: retire does the same without that lock
            _finish_retirement(fds.deleted, name)
    except OSError:
        return


def _is_due(fds: RootFds, here: Moment) -> bool:
    checked = read_pruned(fds)["checked"]
    is_recent = (
        checked is not None
        and checked["bootId"] == here["bootId"]
        and here["boottimeNs"] - checked["boottimeNs"] < CHECK_EVERY_NS
    )
    return not is_recent or _count(fds.deleted) > COUNT_LIMIT


def _prune(fds: RootFds, here: Moment) -> list[str]:
    """Those that were there, pruned or not."""
    noted = {name: _noted(fds.deleted, name, here) for name in _names(fds)}
    names = sorted(noted, key=lambda name: (_order(noted[name], here), name))  # the oldest first
    # to an eighth below the limit, so that not each delete after it looks at all of them
    excess = 0 if len(names) <= COUNT_LIMIT else len(names) - (COUNT_LIMIT - COUNT_LIMIT // 8)
    before = read_pruned(fds)
    counted = _counted(noted, before, here)
    outdated = [
        name for place, name in enumerate(names) if place < excess or name in counted or _is_old(noted[name], here)
    ]
    newest, retired = before["newestInstance"], before["newestRetired"]
    if outdated and _order(noted[outdated[-1]], here) >= _order(retired, here):
        newest, retired = outdated[-1], noted[outdated[-1]]
    finishes = [before["newestFinished"], *(_finished(fds.deleted, name) for name in outdated)]
    after: Pruned = {
        "count": before["count"] + len(set(outdated) - counted),
        "newestFinished": max(filter(None, finishes), default=None),
        "newestRetired": retired,
        "newestInstance": newest,
        "checked": here,
    }
    is_written = _write_pruned(fds, after)
    for name in outdated:
        gone = name + layout.GONE_SUFFIX
        try:
            os.rename(name, gone, src_dir_fd=fds.deleted, dst_dir_fd=fds.staging)
            staging.remove_tree(fds.staging, gone)
        except OSError:
            continue  # the next prune meets it again
    if not is_written:
        _write_pruned(fds, after)  # the file system was full, and what went has made room
    return names


def _names(fds: RootFds) -> list[str]:
    return [name for name in os.listdir(fds.deleted) if not name.startswith(".")]


def _order(moment: Moment | None, here: Moment) -> tuple[bool, int]:
    """What was on another boot was before this one, and what has no note before all else."""
    return (moment["bootId"] == here["bootId"], moment["boottimeNs"]) if moment else (False, -1)


def _is_old(moment: Moment | None, here: Moment) -> bool:
    """Whether it was retired too long ago; one of another boot at least when this one started."""
    if moment is None:
        return False
    return here["boottimeNs"] - (moment["boottimeNs"] if moment["bootId"] == here["bootId"] else 0) > AGE_LIMIT_NS


def _counted(noted: Mapping[str, Moment | None], pruned: Pruned, here: Moment) -> set[str]:
    """Those that ``pruned`` counts, and that are still there."""
    if pruned["newestInstance"] not in noted:
        return set()
    until = _order(pruned["newestRetired"], here)
    return {name for name, moment in noted.items() if moment and _order(moment, here) <= until}


def read_gone(fds: RootFds, proc: str = "/proc") -> Gone:
    """Which last records have gone by now."""
    pruned, names = _pruned_and_names(fds)
    if pruned["newestInstance"] not in names:
        return Gone(pruned["count"], pruned["newestInstance"], None, set(names))
    here = moment_of_now(proc)
    noted = {name: _read_moment(fds.deleted, f"{name}/{layout.RETIRED}") for name in names}
    oldest = min(names, key=lambda name: _order(noted[name], here))
    left = {name for name, moment in noted.items() if moment}  # the others have gone since they were listed
    return Gone(pruned["count"] - len(_counted(noted, pruned, here)), None, oldest, left)


def _pruned_and_names(fds: RootFds) -> tuple[Pruned, list[str]]:
    """The count and the names of one moment: what a prune removes it counts first."""
    pruned = read_pruned(fds)
    while True:
        names, again = _names(fds), read_pruned(fds)
        if again == pruned:
            return pruned, names
        pruned = again


def retirement_order(fds: RootFds, instance: str, here: Moment) -> tuple[bool, int]:
    """Sorts last records by their retirement."""
    return _order(_read_moment(fds.deleted, f"{instance}/{layout.RETIRED}"), here)


def read_pruned(fds: RootFds) -> Pruned:
    """How many last records went so far, the newest end and retirement among them, and when somebody last looked."""
    nothing: Pruned = {
        "count": 0,
        "newestFinished": None,
        "newestRetired": None,
        "newestInstance": None,
        "checked": None,
    }
    try:
        fd = files.open_within(fds.deleted, layout.PRUNED, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return nothing
    try:
        found = jsontext.decode(os.read(fd, _NOTE_BYTES))
        checked, retired = (
            _moment(each) if each is not None else None for each in (found["checked"], found.get("newestRetired"))
        )
        newest, instance = found["newestFinished"], found.get("newestInstance")
        return {
            "count": int(found["count"]),
            "newestFinished": newest if isinstance(newest, str) else None,
            "newestRetired": retired,
            "newestInstance": instance if isinstance(instance, str) else None,
            "checked": checked,
        }
    except (OSError, jsontext.BadJson, KeyError, TypeError, ValueError):
        return nothing
    finally:
        os.close(fd)


def _moment(found: Any) -> Moment:
    return {"bootId": str(found["bootId"]), "boottimeNs": int(found["boottimeNs"])}


def _write_pruned(fds: RootFds, pruned: Pruned) -> bool:
    """Replace .pruned; False where the file system is too full for it."""
    temporary = f"{os.urandom(16).hex()}{layout.GONE_SUFFIX}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        fd = os.open(temporary, flags, layout.PUBLIC_MODE, dir_fd=fds.staging)
        try:
            os.fchmod(fd, layout.PUBLIC_MODE)
            os.write(fd, jsontext.encode(pruned).encode() + b"\n")
        finally:
            os.close(fd)
        os.rename(temporary, layout.PRUNED, src_dir_fd=fds.staging, dst_dir_fd=fds.deleted)
    except OSError:
        staging.remove_tree(fds.staging, temporary)
        return False
    return True


def _count(deleted_fd: int) -> int:
    """How many directories lie there: the link count tells, where the file system counts them."""
    links = os.fstat(deleted_fd).st_nlink
    return links - _SELF_AND_PARENT_LINKS if links >= _SELF_AND_PARENT_LINKS else len(os.listdir(deleted_fd))


def _noted(deleted_fd: int, name: str, here: Moment) -> Moment | None:
    """When it was retired; None for one without a readable note.

    That one gets a note now, so that its age begins; until that can be written it is the next to go.
    """
    path = f"{name}/{layout.RETIRED}"
    noted = _read_moment(deleted_fd, path)
    if noted is None:
        _note_time(deleted_fd, path, here)
    return noted


def _read_moment(deleted_fd: int, path: str) -> Moment | None:
    try:
        fd = files.open_within(deleted_fd, path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return _moment(jsontext.decode(os.read(fd, _NOTE_BYTES)))
    except (OSError, jsontext.BadJson, KeyError, TypeError, ValueError):
        return None
    finally:
        os.close(fd)


def _finished(deleted_fd: int, name: str) -> str | None:
    try:
        fd = files.open_within(deleted_fd, f"{name}/{layout.STATE}", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return parse(os.read(fd, _RECORD_BYTES), None)["finished"]
    except (OSError, BadRecord):
        return None
    finally:
        os.close(fd)
