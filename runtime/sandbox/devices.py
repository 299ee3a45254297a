"""/dev of the container: the default devices, those of config.json, and the links that programs expect.

Nodes are made relative to directory fds; in a user namespace, where mknod(2) is refused, the host's device is bound
onto an empty file, or one that the container's maker has made (device_nodes.py).

Source: runtime-spec: config-linux.md#default-devices, runtime-linux.md#dev-symbolic-links.
"""

from __future__ import annotations

import errno
import os
import stat

from runtime.errors import InitFault
from runtime.kernel import mount
from runtime.kernel.process import AT_EMPTY_PATH
from runtime.sandbox.mounts import open_bind
from runtime.sandbox.resolve import make_directory, make_file, open_plain_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NamedTuple
else:
    from runtime.values import NamedTuple

STEP = "devices"
KINDS = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}
DEFAULT_MODE = 0o666
LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
)
KERNEL_MEMORY = "/proc/kcore"  # some kernels have none


class DeviceNode(NamedTuple):
    """A node to make: ``kind`` is S_IFCHR, S_IFBLK or S_IFIFO, ``path`` lies in the container."""

    path: str
    kind: int
    major: int
    minor: int
    mode: int
    uid: int
    gid: int


# Documentation/admin-guide/devices.txt
DEFAULTS = tuple(
    DeviceNode(f"/dev/{name}", stat.S_IFCHR, major, minor, DEFAULT_MODE, 0, 0)
    for name, major, minor in (
        ("null", 1, 3),
        ("zero", 1, 5),
        ("full", 1, 7),
        ("random", 1, 8),
        ("urandom", 1, 9),
        ("tty", 5, 0),
    )
)


class DevicePlan(NamedTuple):
    """``fills_dev``: /dev is the container's own; ``binds``: nodes can't be made, so the host's are bound.

    ``made`` are the places in ``nodes`` of those that the maker makes all the same.
    """

    nodes: tuple[DeviceNode, ...]
    fills_dev: bool
    binds: bool
    made: tuple[int, ...] = ()


def plan_devices(config: Mapping[str, Any], *, fills_dev: bool, binds: bool, makes: bool = False) -> DevicePlan:
    """The defaults and those of ``linux.devices``, which win over a default of the same path.

    ``makes``: where nodes are bound, the maker has the right to make those of ``linux.devices``.
    """
    asked = tuple(_plan_node(entry) for entry in config.get("linux", {}).get("devices", ()))
    taken = {node.path for node in asked}
    defaults = tuple(node for node in DEFAULTS if node.path not in taken) if fills_dev else ()
    places = range(len(defaults), len(defaults) + len(asked)) if binds and makes else ()
    nodes = (*defaults, *asked)
    return DevicePlan(nodes, fills_dev, binds, tuple(place for place in places if nodes[place].kind != stat.S_IFIFO))


def _plan_node(entry: Mapping[str, Any]) -> DeviceNode:
    return DeviceNode(
        path=os.path.normpath(entry["path"]),
        kind=KINDS[entry["type"]],
        major=entry.get("major", 0),
        minor=entry.get("minor", 0),
        mode=entry.get("fileMode", DEFAULT_MODE) & 0o7777,
        uid=entry.get("uid", 0),
        gid=entry.get("gid", 0),
    )


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
    for name, target in (*LINKS, *((("core", KERNEL_MEMORY),) if os.path.exists(KERNEL_MEMORY) else ())):
        try:
            os.symlink(target, name, dir_fd=dev_fd)
        except FileExistsError:
            continue  # the image's own, or a device of config.json


def open_null(path: str = "/dev/null") -> int:
    """An O_PATH fd of the host's /dev/null, verified to be it (CVE-2025-31133)."""
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
    found = os.fstat(fd)
    if not stat.S_ISCHR(found.st_mode) or found.st_rdev != os.makedev(1, 3):
        os.close(fd)
        raise InitFault("masked paths", errno.ENODEV, f"{path} of the host is not the null device")
    return fd


def clone_of(fd: int) -> int:
    """A detached copy of the mount at the fd, to be attached somewhere else."""
    return mount.open_tree(fd, "", mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)
