"""Mounts of config.json, and paths of the image, in a list of system calls: what mounting.py and resolve.py do.

Paths are resolved by the kernel, the rootfs being their root, without magic links.  Fds stay open: whoever has the list
carried out closes all of them at once.
"""

from __future__ import annotations

import errno
import os
from _struct import pack

from runtime.kernel import mount, numbers
from runtime.kernel.files import PROC_SUPER_MAGIC
from runtime.kernel.process import AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE
from runtime.sandbox.calls import LOOK, Calls, Kept
from runtime.sandbox.mount_options import MountOptions, data_options
from runtime.sandbox.mounts import PROC_TARGETS, SHARED_SUPERBLOCKS, has_mode, writable
from runtime.sandbox.resolve import IN_ROOT, PLAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.sandbox.mount_options import Attributes
    from runtime.sandbox.mounts import MountStep
    from runtime.sandbox.plan import InitPlan

O_FOR_PATH = os.O_PATH | os.O_CLOEXEC
O_DIRECTORY = O_FOR_PATH | os.O_DIRECTORY
_ONTO_FD = mount.MOVE_MOUNT_F_EMPTY_PATH | mount.MOVE_MOUNT_T_EMPTY_PATH
_STATFS_BYTES = 120


def can_mount(step: MountStep, plan: InitPlan) -> bool:
    """Whether a list can make the mount: nothing in it depends on what only a look at the image tells."""
    options = step.options
    if options.copies_up or options.counts_changes or step.id_map:
        return False
    if step.kind == "cgroup":
        return "cgroup" in plan.namespaces.new
    if step.kind == "new":
        return step.fstype != "tmpfs" or has_mode(options.data)  # else it has that of what it covers
    return step.kind == "bind"


class MountCalls(Calls):
    """A list with mounts; ``root`` is what keeps the fd of the rootfs, ``failing`` the address of a call that fails."""

    def __init__(self, base: int, calls_at: int, texts_at: int, plan: InitPlan) -> None:
        super().__init__(base, calls_at, texts_at)
        self.plan = plan
        self.root = Kept(0)
        self.failing = 0
        self._paths: dict[str, int] = {}
        self._there: set[str] = set()  # directories that earlier calls have made or found
        self._hows: dict[tuple[int, int], int] = {}
        self.empty = self.path("")
        self._statfs = self.hold(bytes(_STATFS_BYTES))

    def path(self, text: str) -> int:
        """The address of a text that ends with NUL."""
        if text not in self._paths:
            self._paths[text] = self.hold(text.encode("utf-8", "surrogateescape") + b"\0")
        return self._paths[text]

    def opening(self, path: str, flags: int, resolve: int, at: Kept | None = None) -> tuple[int, ...]:
        """The arguments of openat2(2), below the root or ``at``."""
        key = flags, resolve
        if key not in self._hows:
            self._hows[key] = self.hold(pack("=3Q", flags, 0, resolve))
        return (self.root if at is None else at), self.path(path.lstrip("/") or "."), self._hows[key], 24

    def make_directory(self, path: str, resolve: int = IN_ROOT) -> Kept:
        """The directory ``path``, made if it isn't there; where a link leads nowhere, the list fails."""
        parent, _, name = path.rstrip("/").rpartition("/")

        def make(found: Kept) -> None:
            directory = self._parent(parent, resolve)
            self.add(numbers.MKDIRAT, directory, self.path(name), 0o755)
            opening = self.opening(name, O_DIRECTORY | os.O_NOFOLLOW, PLAIN, directory)
            self.add(numbers.OPENAT2, *opening, keep_at=found)

        found = self._open_or(path, O_DIRECTORY, resolve, make)
        self._there.add(path)
        return found

    def _parent(self, path: str, resolve: int = IN_ROOT) -> Kept:
        if not path:
            return self.root
        if path in self._there:
            return self.keep(numbers.OPENAT2, *self.opening(path, O_DIRECTORY, resolve))
        return self.make_directory(path, resolve)

    def make_file(self, path: str) -> Kept:
        """The file ``path``, an empty one if it isn't there."""
        parent, _, name = path.rpartition("/")

        def make(found: Kept) -> None:
            directory = self._parent(parent)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            made = self.keep(numbers.OPENAT, directory, self.path(name), flags, 0o644)
            self.add(numbers.CLOSE, made)  # or nothing on that file system could become read-only
            opening = self.opening(name, O_FOR_PATH | os.O_NOFOLLOW, PLAIN, directory)
            self.add(numbers.OPENAT2, *opening, keep_at=found)

        return self._open_or(path, O_FOR_PATH, IN_ROOT, make)

    def _open_or(self, path: str, flags: int, resolve: int, make: Callable[[Kept], None]) -> Kept:
        found = self.slot()
        opening = self.opening(path, flags, resolve)
        if not path.strip("/"):
            self.add(numbers.OPENAT2, *opening, keep_at=found)  # the root is there
            return found
        missing = self.add(numbers.OPENAT2, *opening, keep_at=found, instead=-errno.ENOENT)
        self.lead(missing, self.here())
        make(found)
        self.follow(missing, self.here())
        return found

    def set_attributes(self, mounted: Kept, *, recursive: bool = False, **attributes: int) -> None:
        """Change the mount, or all of its tree: ``attributes`` are those of ``mount.attributes_structure``."""
        structure = self.hold(mount.attributes_structure(**attributes))
        flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
        self.add(numbers.MOUNT_SETATTR, mounted, self.empty, flags, structure, mount.ATTRIBUTES_BYTES)

    def _apply(self, mounted: Kept, attributes: Attributes, *, recursive: bool = False) -> None:
        if any(attributes):
            attr_set, attr_clr = attributes
            self.set_attributes(mounted, recursive=recursive, attr_set=attr_set, attr_clr=attr_clr)

    def attach(self, mounted: Kept, target: Kept) -> int:
        """Lay a detached mount over the target."""
        return self.add(numbers.MOVE_MOUNT, mounted, self.empty, target, self.empty, _ONTO_FD)

    def clone(self, fd: Kept, flags: int = 0) -> Kept:
        """A detached copy of the mount at the fd."""
        flags |= mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | AT_EMPTY_PATH
        return self.keep(numbers.OPEN_TREE, fd, self.empty, flags)

    def mount(self, step: MountStep) -> None:
        """One step for which ``can_mount`` holds."""
        if step.kind == "bind":
            self._bind(step)
        elif step.kind == "cgroup":
            self._mount_cgroups(step)
        else:
            resolve = PLAIN if step.fstype in ("proc", "sysfs") else IN_ROOT
            target = self.make_directory(step.destination, resolve)
            self._finish(self.filesystem(step.fstype, step.source, step.options), target, step)

    def _bind(self, step: MountStep) -> None:
        flags = mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | (AT_RECURSIVE if step.options.is_recursive else 0)
        tree = self.keep(numbers.OPEN_TREE, AT_FDCWD, self.path(step.source), flags)
        make = self.make_directory if os.path.isdir(step.source) else self.make_file
        self._finish(tree, make(step.destination), step, own=step.options.own)

    def _mount_cgroups(self, step: MountStep) -> None:
        own = step.options.own
        if self.plan.host_has_v2:
            made = self.filesystem("cgroup2", "cgroup", step.options._replace(data=()))
            self._finish(made, self.make_directory(step.destination), step)
            return
        tmpfs = self.filesystem("tmpfs", "tmpfs", MountOptions(own=writable(own), data=("mode=755",)))
        self._finish(tmpfs, self.make_directory(step.destination), step)
        for hierarchy in self.plan.cgroup.hierarchies:
            name = self.path(hierarchy.name)
            self.add(numbers.MKDIRAT, tmpfs, name, 0o755)
            for alias in hierarchy.aliases:
                self.add(numbers.SYMLINKAT, name, tmpfs, self.path(alias))
            view = self.filesystem("cgroup", "cgroup", MountOptions(own=own, data=(hierarchy.options,)))
            self.add(numbers.MOVE_MOUNT, view, self.empty, tmpfs, name, mount.MOVE_MOUNT_F_EMPTY_PATH)
        if own.attr_set & mount.MOUNT_ATTR_RDONLY:
            self.set_attributes(tmpfs, attr_set=mount.MOUNT_ATTR_RDONLY)

    def filesystem(self, fstype: str, source: str, options: MountOptions) -> Kept:
        """A detached mount of a new file system."""
        context = self.keep(numbers.FSOPEN, self.path(fstype), mount.FSOPEN_CLOEXEC)
        if source:
            self._set(context, "source", source)
        if options.own.attr_set & mount.MOUNT_ATTR_RDONLY and fstype not in SHARED_SUPERBLOCKS:
            self._set(context, "ro", None)
        for flag in options.superblock:
            self._set(context, flag, None)
        for name, value in data_options(options.data):
            self._set(context, name, value)
        self.add(numbers.FSCONFIG, context, mount.FSCONFIG_CMD_CREATE, 0, 0, 0)
        return self.keep(numbers.FSMOUNT, context, mount.FSMOUNT_CLOEXEC, options.own.attr_set)

    def _set(self, context: Kept, name: str, value: str | None) -> None:
        how = mount.FSCONFIG_SET_FLAG if value is None else mount.FSCONFIG_SET_STRING
        self.add(numbers.FSCONFIG, context, how, self.path(name), 0 if value is None else self.path(value), 0)

    def look_for_procfs(self, fd: Kept) -> int:
        """A call that expects the fd to lie on procfs."""
        self.add(numbers.FSTATFS, fd, self._statfs)
        return self.add(LOOK, self._statfs, 0xFFFFFFFF, instead=PROC_SUPER_MAGIC)

    def _finish(self, mounted: Kept, target: Kept, step: MountStep, *, own: Attributes | None = None) -> None:
        if step.destination not in PROC_TARGETS and step.fstype != "proc":
            self.lead(self.look_for_procfs(target), self.failing)
        if own:
            self._apply(mounted, own)
        self._apply(mounted, step.options.tree, recursive=True)
        self.attach(mounted, target)
        for kind in step.options.propagation:
            self.set_attributes(mounted, recursive=bool(kind & mount.MS_REC), propagation=kind & ~mount.MS_REC)
