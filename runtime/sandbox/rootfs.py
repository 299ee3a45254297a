"""The root file system: made private, protected, and entered.

    isolate      nothing that we mount spreads to the host
    attach       the rootfs becomes a mount of its own; its fd stands for it from here on
    protect      masked and read-only paths, the read-only root
    enter        pivot_root onto itself, and the host's tree is detached

Source: runtime-spec: config-linux.md#rootfs-mount-propagation, #masked-paths, #readonly-paths; pivot_root(2).
"""

from __future__ import annotations

import errno
import os
import stat

from runtime.kernel import mount
from runtime.kernel.process import AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE
from runtime.sandbox.devices import clone_of, open_null
from runtime.sandbox.mount_options import PROPAGATION
from runtime.sandbox.resolve import make_directory, open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NamedTuple
else:
    from runtime.values import NamedTuple

_ONTO_FD = mount.MOVE_MOUNT_F_EMPTY_PATH | mount.MOVE_MOUNT_T_EMPTY_PATH


class RootPlan(NamedTuple):
    """``propagation`` is MS_* of linux.rootfsPropagation, 0 for none; all paths but ``path`` lie in the container."""

    path: str
    is_readonly: bool
    propagation: int
    masked: tuple[str, ...]
    readonly: tuple[str, ...]
    cwd: str
    mount_label: str


def plan_root(config: Mapping[str, Any], *, rootfs: str) -> RootPlan:
    """The plan for the root at the host's path ``rootfs``."""
    linux = config.get("linux", {})
    propagation: str = linux.get("rootfsPropagation", "")
    kind = PROPAGATION.get(propagation) or PROPAGATION.get(propagation[1:], 0)
    return RootPlan(
        path=rootfs,
        is_readonly=config["root"].get("readonly", False),
        propagation=kind | (mount.MS_REC if kind and propagation[0] == "r" else 0),
        masked=tuple(linux.get("maskedPaths", ())),
        readonly=tuple(linux.get("readonlyPaths", ())),
        cwd=config["process"]["cwd"],
        mount_label=linux.get("mountLabel", ""),
    )


def isolate(plan: RootPlan) -> None:
    """Set the propagation of all that was copied from the host: slave, unless it is told another one.

    What is not to be bound later still has to be bound by us, so it is private until the root is entered.
    """
    kind = plan.propagation & ~mount.MS_REC
    if kind == mount.MS_UNBINDABLE:
        kind = mount.MS_PRIVATE
    mount.mount(None, "/", None, mount.MS_REC | (kind or mount.MS_SLAVE))


def attach(plan: RootPlan) -> int:
    """Make the rootfs a mount point, and return its fd.

    The mount that it lies on becomes private: pivot_root(2) refuses a shared one, and what follows must not spread.
    The new one does so too, unless it is asked to receive what is mounted on the host.
    """
    tree = mount.open_tree(AT_FDCWD, plan.path, mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | AT_RECURSIVE)
    if plan.propagation & mount.MS_SHARED:
        _make_private_beneath(plan.path)
    mount.move_mount(tree, "", AT_FDCWD, plan.path, mount.MOVE_MOUNT_F_EMPTY_PATH)
    if not plan.propagation & mount.MS_SLAVE:
        mount.mount_setattr(tree, "", AT_EMPTY_PATH, propagation=mount.MS_PRIVATE)
    return tree


def _make_private_beneath(path: str) -> None:
    """The mount that ``path`` lies on; a bind within one file system is a mount point that only the kernel tells."""
    while True:
        try:
            mount.mount(None, path, None, mount.MS_PRIVATE)
            return
        except OSError as error:
            if error.errno != errno.EINVAL or path == "/":
                raise
        path = os.path.dirname(path)


def make_cwd(root_fd: int, plan: RootPlan) -> None:
    """Make the working directory where the image lacks it; where that can't be, chdir(2) tells."""
    try:
        os.close(make_directory(root_fd, plan.cwd))
    except OSError:
        return


def protect(root_fd: int, plan: RootPlan) -> None:
    """Mask, make read-only; what isn't there needs neither."""
    for path in plan.readonly:
        _make_readonly(root_fd, path)
    if plan.masked:
        null = open_null()
        try:
            for path in plan.masked:
                _mask(root_fd, path, null, plan.mount_label)
        finally:
            os.close(null)
    if plan.is_readonly:
        mount.mount_setattr(root_fd, "", AT_EMPTY_PATH, attr_set=mount.MOUNT_ATTR_RDONLY)


def _make_readonly(root_fd: int, path: str) -> None:
    target = _open_if_there(root_fd, path)
    if target is None:
        return
    try:
        flags = mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE
        tree = mount.open_tree(target, "", flags)
        try:
            mount.mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, attr_set=mount.MOUNT_ATTR_RDONLY)
            mount.move_mount(tree, "", target, "", _ONTO_FD)
        finally:
            os.close(tree)
    finally:
        os.close(target)


def _mask(root_fd: int, path: str, null: int, mount_label: str) -> None:
    target = _open_if_there(root_fd, path)
    if target is None:
        return
    try:
        cover = _empty_directory(mount_label) if stat.S_ISDIR(os.fstat(target).st_mode) else clone_of(null)
        try:
            mount.move_mount(cover, "", target, "", _ONTO_FD)
        finally:
            os.close(cover)
    finally:
        os.close(target)


def _open_if_there(root_fd: int, path: str) -> int | None:
    try:
        return open_in_root(root_fd, path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _empty_directory(mount_label: str) -> int:
    context = mount.fsopen("tmpfs")
    try:
        if mount_label:
            mount.fsconfig_set_string(context, "context", mount_label)
        mount.fsconfig_set_string(context, "nr_inodes", "1")
        mount.fsconfig_create(context)
        return mount.fsmount(context, mount.MOUNT_ATTR_RDONLY)
    finally:
        os.close(context)


def enter(root_fd: int, plan: RootPlan, *, no_pivot: bool) -> None:
    """Make the rootfs the root of this process, and the host's tree unreachable; closes ``root_fd``."""
    os.fchdir(root_fd)
    if no_pivot:
        _move_and_chroot()
    else:
        _pivot()
    os.chdir("/")
    os.close(root_fd)
    if plan.propagation:
        mount.mount(None, "/", None, plan.propagation)


def _pivot() -> None:
    """The old root lies over the new one after this; by its own fd, since ``.`` would be the new one's tree."""
    old_root = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        mount.pivot_root(".", ".")
        os.fchdir(old_root)
        mount.mount(None, ".", None, mount.MS_SLAVE | mount.MS_REC)  # its unmounting must not spread to the host
        mount.umount2(".", mount.MNT_DETACH)
    finally:
        os.close(old_root)


def _move_and_chroot() -> None:
    """For a root on an initial ramdisk, which can't be pivoted (``--no-pivot``): less safe, and asked for by name."""
    mount.mount(".", "/", None, mount.MS_MOVE)
    os.chroot(".")
