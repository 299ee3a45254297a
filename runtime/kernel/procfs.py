"""What /proc tells: parsers are pure, readers take the mount point and answer None for a process that is gone."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from runtime.values import NamedTuple

# inode of the first user namespace: PROC_USER_INIT_INO in linux/proc_ns.h
_INITIAL_USER_NAMESPACE = 0xEFFFFFFD
_READ_BYTES = 4096
_FIELDS_AFTER_COMM = 50


class ProcStat(NamedTuple):
    """Fields of /proc/<pid>/stat (proc_pid_stat(5)); ``exit_code`` is the wait status of a zombie."""

    pid: int
    comm: str
    state: str
    ppid: int
    start_time: int
    exit_code: int


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
    return ProcStat(int(head), comm, fields[0], int(fields[1]), int(fields[19]), int(fields[49]))


def stat(proc: str, pid: int | str) -> ProcStat | None:
    """The process's stat; None when it is gone."""
    text = _read(f"{proc}/{pid}/stat")
    return parse_stat(text) if text else None


def start_time(proc: str, pid: int | str) -> int | None:
    """Clock ticks from boot to the process's start; None when it is gone."""
    found = stat(proc, pid)
    return found.start_time if found else None


def boot_id(proc: str) -> str:
    """The random id of this boot, 36 characters."""
    return (_read(f"{proc}/sys/kernel/random/boot_id") or "").strip()


def namespace_inode(proc: str, pid: int | str, kind: str) -> int | None:
    """The inode of one namespace of the process; None when the process or the kind isn't there, or may not be seen."""
    try:
        return os.stat(f"{proc}/{pid}/ns/{kind}").st_ino
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None


def namespaces(proc: str, pid: int | str) -> dict[str, int]:
    """The inode of each namespace of the process by its name in /proc/<pid>/ns, but for those of its children."""
    try:
        kinds = sorted(os.listdir(f"{proc}/{pid}/ns"))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return {}
    found = {kind: namespace_inode(proc, pid, kind) for kind in kinds if not kind.endswith("_for_children")}
    return {kind: inode for kind, inode in found.items() if inode is not None}


def is_initial_user_namespace(proc: str) -> bool:
    """Whether we are in the first user namespace."""
    return namespace_inode(proc, "self", "user") in (None, _INITIAL_USER_NAMESPACE)


def innermost_pid(proc: str, pid: int) -> int:
    """The process's pid as its own pid namespace sees it (NSpid in /proc/<pid>/status); 0 when it is gone."""
    for line in (_read(f"{proc}/{pid}/status") or "").splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return 0


def parse_id_map(text: str) -> list[IdMap]:
    """The lines of uid_map or gid_map (user_namespaces(7))."""
    return [IdMap(int(inside), int(outside), int(size)) for inside, outside, size in map(str.split, text.splitlines())]


def id_map(proc: str, pid: int | str, kind: str) -> list[IdMap]:
    """The process's ``uid`` or ``gid`` map; empty when it is gone."""
    return parse_id_map(_read(f"{proc}/{pid}/{kind}_map") or "")


def outer_uid(proc: str, uid: int) -> int:
    """What ``uid`` is one user namespace further out; itself in the first, or where nothing maps it."""
    for each in id_map(proc, "self", "uid"):
        if each.inside <= uid < each.inside + each.size:
            return each.outside + uid - each.inside
    return uid


def parse_mountinfo(text: str) -> list[MountInfo]:
    """All lines of a mountinfo."""
    return [_parse_mountinfo_line(line) for line in text.splitlines()]


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
    """The text behind the octal escapes of /proc (space, tab, newline, backslash)."""
    if "\\" not in text:
        return text
    first, *rest = text.split("\\")
    return first + "".join(
        chr(int(part[:3], 8)) + part[3:] if part[:3].isdigit() and len(part) >= 3 else "\\" + part for part in rest
    )


def mounts(proc: str, pid: int | str = "self") -> list[MountInfo]:
    """The mounts that the process sees; empty when it is gone."""
    return parse_mountinfo(_read(f"{proc}/{pid}/mountinfo") or "")


def parse_cgroup(text: str) -> list[CgroupLine]:
    """All lines of /proc/<pid>/cgroup (cgroups(7))."""
    lines = []
    for line in text.splitlines():
        hierarchy, controllers, path = line.split(":", 2)
        lines.append(CgroupLine(int(hierarchy), tuple(filter(None, controllers.split(","))), path))
    return lines


def cgroup_paths(proc: str, pid: int | str = "self") -> list[CgroupLine]:
    """Where the process is in each hierarchy; empty when it is gone."""
    return parse_cgroup(_read(f"{proc}/{pid}/cgroup") or "")


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
