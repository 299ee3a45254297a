"""The root file system: made private, protected, and entered.

    isolate      nothing that we mount spreads to the host
    attach       the rootfs becomes a mount of its own; its fd stands for it from here on
    protect      masked and read-only paths, the read-only root
    enter        pivot_root onto itself, and the host's tree is detached

In a mount namespace that isn't the container's own (``shares_mounts``) others live, whose mounts and root stay as they
are:

    copy         the rootfs as a detached mount, which spreads nothing
    lay_over     attached over the rootfs: everything that is mounted for the container lies beneath this one mount
    enter        chroot, since pivot_root would move everybody else's root as well

Source: runtime-spec: config-linux.md#rootfs-mount-propagation, #masked-paths, #readonly-paths; pivot_root(2).
"""

from __future__ import annotations

import errno
import os
import stat

from runtime.errors import InitFault
from runtime.kernel import mount
from runtime.kernel.mounted import mounted_at
from runtime.kernel.process import AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE
from runtime.sandbox.dev_directory import clone_of
from runtime.sandbox.devices import open_null
from runtime.sandbox.resolve import make_directory, open_in_root
from runtime.sandbox.rootfs import propagation_of_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.sandbox.rootfs import RootPlan

STEP = "root"
_ONTO_FD = mount.MOVE_MOUNT_F_EMPTY_PATH | mount.MOVE_MOUNT_T_EMPTY_PATH


def isolate(plan: RootPlan) -> None:
    """Set the propagation of all that was copied from the host: slave, unless it is told another one.

    What is not to be bound later still has to be bound by us, so it is private until the root is entered.
    """
    mount.mount(None, "/", None, mount.MS_REC | propagation_of_all(plan))


def attach(plan: RootPlan) -> int:
    """Make the rootfs a mount point, and return its fd.

    The mount that it lies on becomes private: pivot_root(2) refuses a shared one, and what follows must not spread.
    The new one does so too, unless it is asked to receive what is mounted on the host.
    """
    tree = mount.open_tree(AT_FDCWD, plan.path, mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | AT_RECURSIVE)
    if plan.spreads:
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


def copy(plan: RootPlan) -> tuple[int, int]:
    """Fds of a detached copy of the rootfs, and of the place that it is for.  InitFault for the root of everybody."""
    place = os.open(plan.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _refuse_own_root(place)
        flags = mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE
        tree = mount.open_tree(place, "", flags)
    except PermissionError as error:
        os.close(place)
        told = "config.json#/linux/namespaces: nothing can be mounted in this mount namespace, which belongs to others"
        raise InitFault(STEP, error.errno, f"{told}: {error.strerror}") from error
    except BaseException:
        os.close(place)
        raise
    _keep_in(tree, plan)
    return tree, place


def _refuse_own_root(place: int) -> None:
    """A mount over ``/`` would be the root of whoever enters the namespace from then on."""
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if mounted_at(root) == mounted_at(place):
            told = "config.json#/root/path: the root of the mount namespace can't be a container's root in it"
            raise InitFault(STEP, errno.EBUSY, f"{told}: give the container a mount namespace of its own")
    finally:
        os.close(root)


def lay_over(tree: int, place: int, plan: RootPlan) -> None:
    """Attach the copy, which a shared mount beneath it makes shared again; closes ``place``."""
    try:
        mount.move_mount(tree, "", place, "", _ONTO_FD)
    finally:
        os.close(place)
    _keep_in(tree, plan)


def _keep_in(tree: int, plan: RootPlan) -> None:
    """What will be mounted in the tree must not appear where it was copied from, nor in other namespaces."""
    kind = mount.MS_SLAVE if plan.propagation & mount.MS_SLAVE else mount.MS_PRIVATE
    mount.mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, propagation=kind)


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
    if plan.shares_mounts:
        os.chroot(".")
    elif no_pivot:
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
