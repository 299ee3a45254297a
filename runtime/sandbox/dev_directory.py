"""/dev of the container, filled: nodes, and links.

Nodes are made relative to directory fds; in a user namespace, where mknod(2) is refused, the host's device is bound
onto an empty file, or one that the container's maker has made (device_nodes.py).
"""

from __future__ import annotations

import errno
import os
import stat

from runtime.errors import InitFault
from runtime.kernel import mount
from runtime.kernel.process import AT_EMPTY_PATH
from runtime.sandbox.devices import STEP, links
from runtime.sandbox.mounting import open_bind
from runtime.sandbox.resolve import make_directory, make_file, open_plain_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.sandbox.devices import DeviceNode, DevicePlan


def apply_devices(root_fd: int, plan: DevicePlan, *, made_fd: int | None, makes_console: bool) -> None:
    """Make the nodes and links; with ``makes_console`` an empty /dev/console to bind the terminal onto.

    ``made_fd`` is the tmpfs with what the maker has made.
    """
    if not (plan.nodes or plan.fills_dev):
        return
    dev_fd = open_plain_directory(root_fd, "/dev", STEP)
    try:
        clones = _clone_all(made_fd, dev_fd) if made_fd is not None else {}
        for place, node in enumerate(plan.nodes):
            _place(root_fd, dev_fd, node, binds=plan.binds, clone=clones.get(place))
        if plan.fills_dev:
            _make_links(dev_fd)
            if makes_console:
                os.close(make_file(dev_fd, "console"))
    finally:
        os.close(dev_fd)


def _clone_all(made_fd: int, dev_fd: int) -> dict[int, int]:
    """A detached mount of each node on the tmpfs, which is attached for that: before 6.15 nothing else is cloned."""
    mount.move_mount(made_fd, "", dev_fd, "", mount.MOVE_MOUNT_F_EMPTY_PATH | mount.MOVE_MOUNT_T_EMPTY_PATH)
    flags = mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC
    os.fchdir(made_fd)
    clones = {int(name): mount.open_tree(made_fd, name, flags) for name in os.listdir(".")}
    mount.umount2(".", mount.MNT_DETACH)
    os.fchdir(dev_fd)
    os.close(made_fd)
    return clones


def _place(root_fd: int, dev_fd: int, node: DeviceNode, *, binds: bool, clone: int | None) -> None:
    directory, name = os.path.split(node.path)
    parent = dev_fd if directory == "/dev" else make_directory(root_fd, directory)
    try:
        if _is_there(parent, name, node):
            return
        if clone is not None or (binds and node.kind != stat.S_IFIFO):
            _bind_node(parent, name, node, clone)
            return
        try:
            _make_node(parent, name, node)
        except PermissionError:
            if node.kind == stat.S_IFIFO:
                raise
            _bind_node(parent, name, node, None)  # no CAP_MKNOD, or a device cgroup above us forbids it
    finally:
        if parent != dev_fd:
            os.close(parent)
        if clone is not None:
            os.close(clone)


def _is_there(parent: int, name: str, node: DeviceNode) -> bool:
    """Whether the image brings exactly this device along; InitFault where it brings something else."""
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    is_same = stat.S_IFMT(found.st_mode) == node.kind and found.st_rdev == os.makedev(node.major, node.minor)
    if is_same:
        return True
    if stat.S_ISREG(found.st_mode):
        return False  # an empty file left by a runtime that bound the device onto it
    raise InitFault(STEP, errno.EEXIST, f"{node.path} in the root file system is something else than that device")


def _make_node(parent: int, name: str, node: DeviceNode) -> None:
    try:
        os.mknod(name, node.kind | node.mode, os.makedev(node.major, node.minor), dir_fd=parent)
    except FileExistsError:
        os.unlink(name, dir_fd=parent)
        os.mknod(name, node.kind | node.mode, os.makedev(node.major, node.minor), dir_fd=parent)
    if node.uid or node.gid:
        os.chown(name, node.uid, node.gid, dir_fd=parent, follow_symlinks=False)


def _bind_node(parent: int, name: str, node: DeviceNode, clone: int | None) -> None:
    tree = open_bind(node.path, recursive=False) if clone is None else os.dup(clone)
    try:
        found = os.fstat(tree)
        if stat.S_IFMT(found.st_mode) != node.kind or found.st_rdev != os.makedev(node.major, node.minor):
            raise InitFault(STEP, errno.ENODEV, f"{node.path} of the host is not device {node.major}:{node.minor}")
        mount.mount_setattr(tree, "", AT_EMPTY_PATH, attr_set=mount.MOUNT_ATTR_NOSUID | mount.MOUNT_ATTR_NOEXEC)
        target = make_file(parent, name)
        try:
            mount.move_mount(tree, "", target, "", mount.MOVE_MOUNT_F_EMPTY_PATH | mount.MOVE_MOUNT_T_EMPTY_PATH)
        finally:
            os.close(target)
    finally:
        os.close(tree)


def _make_links(dev_fd: int) -> None:
    for name, target in links():
        try:
            os.symlink(target, name, dir_fd=dev_fd)
        except FileExistsError:
            continue  # the image's own, or a device of config.json


def clone_of(fd: int) -> int:
    """A detached copy of the mount at the fd, to be attached somewhere else."""
    return mount.open_tree(fd, "", mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)
