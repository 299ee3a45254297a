"""The processes of a container's cgroups: who they are, and a signal to all of them.

The functions take the record's ``linux.cgroup``, or None for a container without one, which has no processes here.

    v2   cgroup.kill, and cgroup.events tells when nothing is left
    v1   freeze, signal all, thaw, wait for their ends; again until nothing is left
"""

from __future__ import annotations

import errno
import os
import select

from runtime.cgroups.claims import open_claimed, read_file, walk, write_file
from runtime.cgroups.events import await_event
from runtime.errors import CgroupFault
from runtime.kernel import procfs
from runtime.kernel.process import pidfd_open, pidfd_send_signal
from runtime.late import Late

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from runtime.cgroups import freezer as freezers
else:
    freezers = Late("runtime.cgroups.freezer")  # most containers are empty when they are killed

SIGKILL = 9
KILL_ROUNDS = 100
DEATH_WAIT_S = 10.0
SETTLE_WAIT_S = 0.5
PIDFDS_AT_ONCE = 100
_GONE = (errno.ENOENT, errno.ENODEV)
_PROC = "/proc"
_PROCS, _THREADS = "cgroup.procs", "cgroup.threads"


def pids(cgroup: Mapping[str, Any] | None, *, recursive: bool = True) -> list[int]:
    """The pids in the cgroup, and with ``recursive`` in those beneath; of those that our pid namespace knows."""
    return sorted(set(_listed(cgroup, recursive=recursive)) - {0})


def has_processes(cgroup: Mapping[str, Any]) -> bool:
    """Whether anything is in it or beneath it, be it of a pid namespace that we can't see."""
    return bool(_listed(cgroup, recursive=True))


def has_process(path: str, pid: int) -> bool:
    """Whether the process is in the cgroup at ``path`` itself."""
    return pid in _listed({"paths": {"here": path}}, recursive=False)


def _listed(cgroup: Mapping[str, Any] | None, *, recursive: bool) -> list[int]:
    """As the kernel lists them: unordered, perhaps twice, and 0 for a process without a pid in our namespace."""
    for path in _processes_paths(cgroup):
        fd = open_claimed(path)
        if fd is None:
            continue
        try:
            found = _read_pids(fd, _PROCS)
            if recursive:
                for parent, name in walk(fd):
                    found += _read_pids(parent, f"{name}/{_PROCS}")
            return found
        finally:
            os.close(fd)
    return []


def _processes_paths(cgroup: Mapping[str, Any] | None) -> list[str]:
    """Where to look, the best first: the freezer, since what it holds can be stopped while we look."""
    if not cgroup:
        return []
    paths: Mapping[str, str] = cgroup["paths"]
    first = [paths[name] for name in ("freezer", "unified", "pids") if name in paths]
    return list(dict.fromkeys((*first, *paths.values())))


def _read_pids(fd: int, name: str) -> list[int]:
    try:
        return [int(line) for line in read_file(fd, name).split()]
    except OSError as error:
        if error.errno in _GONE:
            return []  # removed at this moment
        if error.errno == errno.EOPNOTSUPP:
            return _read_threads(fd, f"{name.removesuffix(_PROCS)}{_THREADS}")
        raise


def _read_threads(fd: int, name: str) -> list[int]:
    """A threaded cgroup lists no processes, but the threads in it: whose they are, /proc tells."""
    try:
        threads = [int(line) for line in read_file(fd, name).split()]
    except OSError as error:
        if error.errno in (*_GONE, errno.EOPNOTSUPP):
            return []  # removed; or one that can hold nothing, since it isn't threaded below one that is
        raise
    leaders = {thread: procfs.thread_group(_PROC, thread) if thread else 0 for thread in threads}
    return [leader for leader in leaders.values() if leader is not None]


def kill_all(cgroup: Mapping[str, Any] | None, signal: int = SIGKILL) -> None:
    """Send ``signal`` to all; with SIGKILL wait until nothing is left.  CgroupFault: something doesn't die."""
    if cgroup is None or not _listed(cgroup, recursive=True):
        return
    if signal == SIGKILL:
        if not _kill_at_once(cgroup):
            _kill_by_rounds(cgroup)
    else:
        _signal_frozen(cgroup, signal)


def _kill_at_once(cgroup: Mapping[str, Any]) -> bool:
    """By cgroup.kill, Linux 5.14, v2 only; whether there is such a thing, which a threaded cgroup lacks."""
    if "unified" not in cgroup["paths"]:
        return False
    fd = open_claimed(cgroup["paths"]["unified"])
    if fd is None:
        return True
    try:
        write_file(fd, "cgroup.kill", "1")
        if not await_event(fd, "populated 0", DEATH_WAIT_S):
            raise _immortal(cgroup)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EOPNOTSUPP):
            return False
        if error.errno != errno.ENODEV:  # removed at this moment
            raise
    finally:
        os.close(fd)
    return True


def _kill_by_rounds(cgroup: Mapping[str, Any]) -> None:
    """Frozen, nothing can fork faster than it is looked for; what forked before it froze is met in the next round."""
    for _ in range(KILL_ROUNDS):
        if not _listed(cgroup, recursive=True):
            return
        freezer = freezers.open_freezer(cgroup)
        if freezer is None:
            opened = _signal(cgroup, SIGKILL)
        else:
            with freezer:
                freezer.freeze()
                try:
                    opened = _signal(cgroup, SIGKILL)
                finally:
                    freezer.thaw()  # on v1 a frozen process dies only once it is thawed
        if not _await_ends(opened):
            raise _immortal(cgroup)
        if not opened and not pids(cgroup) and has_processes(cgroup):
            raise CgroupFault(
                "processes in the container's cgroup can't be killed: they lie outside of this pid namespace",
                hint="run this command in the namespaces that the container was created in",
            )
    raise _immortal(cgroup)


def _immortal(cgroup: Mapping[str, Any]) -> CgroupFault:
    return CgroupFault(
        f"processes {pids(cgroup)} of the container's cgroup do not die",
        hint="look at their state with ps; they may hang in the kernel",
    )


def _signal_frozen(cgroup: Mapping[str, Any], signal: int) -> None:
    """Once to each process; what doesn't freeze soon gets it all the same, but may have forked meanwhile."""
    freezer = freezers.open_freezer(cgroup)
    if freezer is None:
        _close(_signal(cgroup, signal))
        return
    with freezer:
        was_asked = freezer.is_asked()
        freezer.freeze()
        try:
            freezer.await_frozen(SETTLE_WAIT_S)
            _close(_signal(cgroup, signal))
        finally:
            if not was_asked:
                freezer.thaw()


def _signal(cgroup: Mapping[str, Any], signal: int) -> list[int]:
    """Signal all; the pidfds of some of them, at most PIDFDS_AT_ONCE, for the caller to close."""
    found = pids(cgroup)
    opened: list[int] = []
    for start in range(0, len(found), PIDFDS_AT_ONCE):
        _close(opened)
        opened = _open_members(cgroup, found[start : start + PIDFDS_AT_ONCE])
        for pidfd in opened:
            try:
                pidfd_send_signal(pidfd, signal)
            except ProcessLookupError:
                continue  # it ended before the signal
    return opened


def _open_members(cgroup: Mapping[str, Any], candidates: Sequence[int]) -> list[int]:
    """Pidfds of those that are in the cgroup: a pid still listed then can't have gone to a stranger before."""
    opened: dict[int, int] = {}
    try:
        for pid in candidates:
            try:
                opened[pid] = pidfd_open(pid)
            except ProcessLookupError:
                continue  # it ended between the reading and this
        members = set(pids(cgroup))
    except BaseException:
        _close(opened.values())
        raise
    _close(pidfd for pid, pidfd in opened.items() if pid not in members)
    return [pidfd for pid, pidfd in opened.items() if pid in members]


def _close(fds: Iterable[int]) -> None:
    for fd in fds:
        os.close(fd)


def _await_ends(opened: list[int]) -> bool:
    try:
        for pidfd in opened:
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            if not poll.poll(int(DEATH_WAIT_S * 1000)):
                return False
        return True
    finally:
        _close(opened)
