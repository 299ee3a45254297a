"""What /proc tells: parsers are pure, readers take the mount point and answer None for a process that is gone.

The kernel ends lines with a newline and escapes only that, the space, the tab and the backslash in the names of others:
a carriage return, a form feed or U+0085 in one is part of the name, where ``str.splitlines`` would see two lines.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from runtime.values import NamedTuple

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")  # namespaces(7)
# inode of the first user namespace: PROC_USER_INIT_INO in linux/proc_ns.h
_INITIAL_USER_NAMESPACE = 0xEFFFFFFD
OWN = "/proc"  # the processes that kill(2) knows too
# linux/sched.h
PF_EXITING = 0x4
_READ_BYTES = 4096
_FIELDS_AFTER_COMM = 50
_DEAD_STATES = ("Z", "X", "x")
_OCTAL_DIGITS = "01234567"

_boot_ids: dict[str, str] = {}
_own_namespaces: dict[tuple[str, str, int], int | None] = {}


class ProcStat(NamedTuple):
    """Fields of /proc/<pid>/stat (proc_pid_stat(5)); ``exit_code`` is the wait status of a zombie.

    ``threads`` counts the first one even when that has ended, and is 0 once the process was reaped; ``flags`` are
    PF_* of linux/sched.h.
    """

    pid: int
    comm: str
    state: str
    ppid: int
    start_time: int
    exit_code: int
    threads: int
    flags: int


class MountInfo(NamedTuple):
    """One line of /proc/<pid>/mountinfo (proc_pid_mountinfo(5)), its escapes resolved."""

    mount_id: int
    parent_id: int
    root: str
    mount_point: str
    options: str
    optional: tuple[str, ...]
    fstype: str
    source: str
    super_options: str


class CgroupLine(NamedTuple):
    """One line of /proc/<pid>/cgroup: ``controllers`` is empty for v2, and ``name=x`` for a named hierarchy."""

    hierarchy: int
    controllers: tuple[str, ...]
    path: str


class IdMap(NamedTuple):
    """One line of /proc/<pid>/uid_map or gid_map."""

    inside: int
    outside: int
    size: int


def parse_stat(text: str) -> ProcStat:
    """A whole /proc/<pid>/stat; the name may hold spaces and parentheses.  ValueError for anything else."""
    head, opened, rest = text.partition(" (")
    comm, closed, fields_text = rest.rpartition(") ")
    fields = fields_text.split()
    if not opened or not closed or len(fields) < _FIELDS_AFTER_COMM:
        raise ValueError("not a line of /proc/<pid>/stat")
    state, ppid, flags, threads, started, exit_code = (fields[index] for index in (0, 1, 6, 17, 19, 49))
    return ProcStat(int(head), comm, state, int(ppid), int(started), int(exit_code), int(threads), int(flags))


def stat(proc: str, pid: int | str) -> ProcStat | None:
    """The process's stat; None when it is gone."""
    text = _read(f"{proc}/{pid}/stat")
    return parse_stat(text) if text else None


def is_gone(proc: str, pid: int) -> bool:
    """Whether there is no process by that pid, for sure: kill(2) takes a third of the time that /proc takes."""
    if proc != OWN:
        return stat(proc, pid) is None  # kill(2) would tell of other processes
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def is_hidden(proc: str, pid: int) -> bool:
    """Whether there is a process of which ``proc`` tells nothing: it is another user's (proc(5), hidepid)."""
    return not is_gone(proc, pid) and stat(proc, pid) is None


def has_ended(found: ProcStat) -> bool:
    """Whether the whole process has ended, reaped or not: a first thread that ended alone looks like a zombie too."""
    return found.state in _DEAD_STATES and found.threads <= 1


def is_exiting(found: ProcStat) -> bool:
    """Whether the first thread ends or has ended: the flag is set before the kernel closes a process's fds."""
    return bool(found.flags & PF_EXITING) or found.state in _DEAD_STATES


def start_time(proc: str, pid: int | str) -> int | None:
    """Clock ticks from boot to the process's start; None when it is gone."""
    found = stat(proc, pid)
    return found.start_time if found else None


def is_pidfd(fd: int) -> bool:
    """Whether our own ``fd`` is a pidfd (proc_pid_fdinfo(5)); of which process, nobody can tell once that is reaped."""
    return "\nPid:\t" in (_read(f"{OWN}/self/fdinfo/{fd}") or "")


def boot_id(proc: str) -> str:
    """The random id of this boot, 36 characters; read once, since it lasts longer than we do.

    Empty where /proc has only processes (proc(5), subset=pid).
    """
    if proc not in _boot_ids:
        _boot_ids[proc] = (_read(f"{proc}/sys/kernel/random/boot_id") or "").strip()
    return _boot_ids[proc]


def namespace_inode(proc: str, pid: int | str, kind: str) -> int | None:
    """The inode of one namespace of the process; None when the process or the kind isn't there, or may not be seen."""
    try:
        return os.stat(f"{proc}/{pid}/ns/{kind}").st_ino
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None


def own_namespace(proc: str, kind: str) -> int | None:
    """The inode of our own namespace, read once in each process: for whoever stays in it."""
    key = (proc, kind, os.getpid())
    if key not in _own_namespaces:
        _own_namespaces[key] = namespace_inode(proc, "self", kind)
    return _own_namespaces[key]


def namespaces(proc: str, pid: int | str) -> dict[str, int]:
    """The inode of each namespace of the process by its name in /proc/<pid>/ns.

    The names aren't listed there but known: a process that is not dumpable may follow its own, and not list them.
    """
    found = {kind: namespace_inode(proc, pid, kind) for kind in NAMESPACES}
    return {kind: inode for kind, inode in found.items() if inode is not None}


def is_initial_user_namespace(proc: str) -> bool:
    """Whether we are in the first user namespace."""
    return namespace_inode(proc, "self", "user") in (None, _INITIAL_USER_NAMESPACE)


def innermost_pid(proc: str, pid: int) -> int:
    """The process's pid as its own pid namespace sees it (NSpid in /proc/<pid>/status); 0 when it is gone."""
    for line in _lines(_read(f"{proc}/{pid}/status") or ""):
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return 0


def thread_group(proc: str, thread: int) -> int | None:
    """The pid of the process that ``thread`` belongs to (Tgid in /proc/<tid>/status); None when it is gone."""
    for line in _lines(_read(f"{proc}/{thread}/status") or ""):
        if line.startswith("Tgid:"):
            return int(line.split()[1])
    return None


def parse_id_map(text: str) -> list[IdMap]:
    """The lines of uid_map or gid_map (user_namespaces(7))."""
    return [IdMap(int(inside), int(outside), int(size)) for inside, outside, size in map(str.split, _lines(text))]


def id_map(proc: str, pid: int | str, kind: str) -> list[IdMap]:
    """The process's ``uid`` or ``gid`` map; empty when it is gone."""
    return parse_id_map(_read(f"{proc}/{pid}/{kind}_map") or "")


def denies_setgroups(proc: str, pid: int | str) -> bool:
    """Whether setgroups(2) is forbidden for good in the process's user namespace (user_namespaces(7))."""
    return (_read(f"{proc}/{pid}/setgroups") or "").strip() == "deny"


def outer_uid(proc: str, uid: int) -> int:
    """What ``uid`` is one user namespace further out; itself in the first, or where nothing maps it."""
    for each in id_map(proc, "self", "uid"):
        if each.inside <= uid < each.inside + each.size:
            return each.outside + uid - each.inside
    return uid


def parse_mountinfo(text: str) -> list[MountInfo]:
    """All lines of a mountinfo."""
    return [_parse_mountinfo_line(line) for line in _lines(text)]


def _parse_mountinfo_line(line: str) -> MountInfo:
    left, separator, right = line.partition(" - ")
    fields = left.split(" ")
    tail = right.split(" ")
    if not separator or len(fields) < 6 or len(tail) < 3:
        raise ValueError("not a line of mountinfo")
    return MountInfo(
        int(fields[0]),
        int(fields[1]),
        unescape(fields[3]),
        unescape(fields[4]),
        fields[5],
        tuple(fields[6:]),
        tail[0],
        unescape(tail[1]),
        tail[2],
    )


def unescape(text: str) -> str:
    """The text behind the octal escapes of /proc (space, tab, newline, backslash and other ASCII); others stay."""
    if "\\" not in text:
        return text
    first, *rest = text.split("\\")
    return first + "".join(chr(int(part[:3], 8)) + part[3:] if _is_escape(part) else "\\" + part for part in rest)


def _is_escape(part: str) -> bool:
    return len(part) >= 3 and part[0] in "01" and part[1] in _OCTAL_DIGITS and part[2] in _OCTAL_DIGITS


def mountinfo(proc: str, pid: int | str = "self") -> str:
    """The text of /proc/<pid>/mountinfo; empty when the process is gone."""
    return _read(f"{proc}/{pid}/mountinfo") or ""


def mounts(proc: str, pid: int | str = "self", *, fstype: str = "") -> list[MountInfo]:
    """The mounts that the process sees, or only those of one file system type; empty when it is gone.

    A host may have hundreds, and taking a line apart takes longer than passing over it.
    """
    text = mountinfo(proc, pid)
    if fstype:
        text = "\n".join(line for line in text.split("\n") if f" - {fstype} " in line)
    return parse_mountinfo(text)


def parse_cgroup(text: str) -> list[CgroupLine]:
    """All lines of /proc/<pid>/cgroup (cgroups(7))."""
    lines = []
    for line in _lines(text):
        hierarchy, controllers, path = line.split(":", 2)
        lines.append(CgroupLine(int(hierarchy), tuple(filter(None, controllers.split(","))), path))
    return lines


def cgroup_paths(proc: str, pid: int | str = "self") -> list[CgroupLine]:
    """Where the process is in each hierarchy; empty when it is gone."""
    return parse_cgroup(_read(f"{proc}/{pid}/cgroup") or "")


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


def _read(path: str) -> str | None:
    """All of a /proc file; None when the process is gone or hidden."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    try:
        chunks = []
        while chunk := os.read(fd, _READ_BYTES):
            chunks.append(chunk)
        return b"".join(chunks).decode("utf-8", "surrogateescape")
    except ProcessLookupError:
        return None  # it ended between the open and the read
    finally:
        os.close(fd)
