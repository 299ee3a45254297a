"""Which cgroups this machine has, and where a container's own lie in them.

A machine counts as v2 where /sys/fs/cgroup itself is cgroup2; beside v1 hierarchies an additional v2 one is left alone.
Source: cgroups(7), proc_pid_mountinfo(5).
"""

from __future__ import annotations

import os

from runtime.kernel import procfs
from runtime.kernel.files import CGROUP2_SUPER_MAGIC, statfs_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from runtime.cgroups.devices import Rule
    from runtime.cgroups.resources import Write
    from runtime.cgroups.units import Unit
    from runtime.roots import Roots
else:
    from runtime.values import NamedTuple

# options of a v1 mount that name no controller (Documentation/admin-guide/cgroup-v1/cgroups.rst)
_NO_CONTROLLERS = frozenset(("rw", "ro", "xattr", "clone_children", "noprefix", "cpuset_v2_mode", "favordynmods"))


class Hierarchy(NamedTuple):
    """A v1 hierarchy: ``name`` and ``aliases`` are names below /sys/fs/cgroup, ``options`` mount it anew.

    ``path`` is the container's cgroup in it; empty until one is planned.
    """

    name: str
    options: str
    mount_point: str
    path: str
    aliases: tuple[str, ...]

    def controllers(self) -> tuple[str, ...]:
        """The controllers that it holds; a named hierarchy holds none."""
        return tuple(option for option in self.options.split(",") if "=" not in option and option != "none")


class Entry(NamedTuple):
    """What gets a process into its cgroup: open fds, owned by whoever asked (see ``manager.open_entry``)."""

    version: int
    join_fds: tuple[int, ...]
    cgroup_fd: int | None
    hierarchies: tuple[Hierarchy, ...]


class CgroupPlan(NamedTuple):
    """Version 0 is a container without cgroups of its own; ``writes`` go by controller, v2's under ``unified``.

    ``paths`` are absolute directories by v1 controller, by the name of a hierarchy without one, or under ``unified``.
    ``owner`` is the uid that v2's is given to, together with the files ``given``; ``unit`` is what systemd makes.
    """

    version: int
    paths: dict[str, str]
    hierarchies: tuple[Hierarchy, ...]
    writes: dict[str, tuple[Write, ...]]
    rules: tuple[Rule, ...]
    rootless: bool
    mount_point: str
    owner: int | None = None
    given: tuple[str, ...] = ()
    unit: Unit | None = None


def find_version(roots: Roots) -> int:
    """2, 1, or 0 where no cgroups are mounted."""
    try:
        fd = os.open(roots.cgroup, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return 2 if statfs_type(fd) == CGROUP2_SUPER_MAGIC else 1
    finally:
        os.close(fd)


def find_hierarchies(roots: Roots) -> tuple[Hierarchy, ...]:
    """The v1 hierarchies that are mounted directly below the cgroup root."""
    prefix = roots.cgroup.rstrip("/") + "/"
    aliases = _find_aliases(roots.cgroup)
    found = {}
    for mounted in procfs.mounts(roots.proc, fstype="cgroup"):
        name = mounted.mount_point[len(prefix) :]
        if not mounted.mount_point.startswith(prefix) or "/" in name:
            continue
        # of two mounts on one directory the later one is seen
        found[name] = Hierarchy(
            name, _options(mounted.super_options), mounted.mount_point, "", tuple(aliases.get(name, ()))
        )
    return tuple(found.values())


def _options(super_options: str) -> str:
    names = [
        option
        for option in super_options.split(",")
        if option not in _NO_CONTROLLERS and not option.startswith("release_agent=")
    ]
    return ",".join(("none", *names) if all("=" in name for name in names) else names)


def _find_aliases(directory: str) -> dict[str, list[str]]:
    """Symbolic links such as cpu -> cpu,cpuacct, by what they lead to."""
    aliases: dict[str, list[str]] = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_symlink():
                aliases.setdefault(os.readlink(entry.path).rstrip("/"), []).append(entry.name)
    return aliases


def membership(roots: Roots, pid: int) -> dict[str, str]:
    """The directories of the cgroups that a process is in, by v1 controller or ``unified``; none for a root cgroup."""
    if find_version(roots) == 2:
        path = own_directory(roots, None, pid)
        return {} if path == roots.cgroup else {"unified": path}
    found = {each: own_directory(roots, each, pid) for each in find_hierarchies(roots)}
    return {
        name: path
        for each, path in found.items()
        for name in (each.controllers() or (each.name,))
        if path != each.mount_point
    }


def own_directory(roots: Roots, hierarchy: Hierarchy | None, pid: int | str = "self") -> str:
    """The directory of the cgroup that we are in ourselves, or that ``pid`` is in; None asks for v2.

    Inside a container without a cgroup namespace the mount shows only a part of the hierarchy, and our path is told
    from the hierarchy's own root.  The mount point is the answer where our cgroup can't be seen below it.
    """
    mount_point = hierarchy.mount_point if hierarchy else roots.cgroup
    shown = next((each.root for each in reversed(procfs.mounts(roots.proc)) if each.mount_point == mount_point), "/")
    path = _own_path(roots, set(hierarchy.options.split(",")) - {"none"} if hierarchy else set(), pid)
    prefix = shown.rstrip("/") + "/"
    if not f"{path}/".startswith(prefix) or "/../" in f"{path}/":
        return mount_point
    return f"{mount_point}/{path[len(prefix) :]}".rstrip("/")


def _own_path(roots: Roots, wanted: set[str], pid: int | str) -> str:
    for line in procfs.cgroup_paths(roots.proc, pid):
        if set(line.controllers) == wanted:
            return line.path
    return "/"
