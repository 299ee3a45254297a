"""The container's view of its own cgroups, where config.json mounts cgroup on a directory.

    host   cgroup namespace   what is mounted
    v2     own                a new cgroup2 mount, whose root is the container's cgroup
    v2     the host's         the host's mount, bound as the options say
    v2     other              the host's mount, read-only: in a user namespace, or a cgroup namespace that is joined
    v1     own                a tmpfs, in it one new mount for each hierarchy
    v1     the host's         a tmpfs, in it the container's directory of each hierarchy bound

A new cgroup2 mount in the host's cgroup namespace would set the host's own mount options anew (nsdelegate,
memory_recursiveprot), so there it is a bind.
An ordinary user's container never gets the host's cgroups writable (CVE-2023-25809).
Source: runtime-spec: config-linux.md#cgroup-ownership; cgroup_namespaces(7).
"""

from __future__ import annotations

import errno
import os

from runtime.kernel import mount
from runtime.sandbox.mount_options import Attributes, MountOptions
from runtime.sandbox.mounting import finish, make_filesystem, open_bind, set_attributes
from runtime.sandbox.mounts import writable
from runtime.sandbox.plan import HOST_CGROUPS
from runtime.sandbox.resolve import make_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.sandbox.cgroup_entry import CgroupEntry, Hierarchy
    from runtime.sandbox.mounts import MountStep

READ_ONLY = Attributes(attr_set=mount.MOUNT_ATTR_RDONLY)


def apply_cgroup_mount(
    root_fd: int, step: MountStep, entry: CgroupEntry, *, own_namespace: bool, may_change_host: bool, is_v2: bool
) -> None:
    """Mount the view below ``root_fd``; ``is_v2`` says what the host has.  OSError."""
    if is_v2:
        made = _view_v2(step, own_namespace=own_namespace, may_change_host=may_change_host)
        try:
            finish(made, make_directory(root_fd, step.destination), step)
        finally:
            os.close(made)
    else:
        _mount_v1(root_fd, step, entry, own_namespace=own_namespace)


def _view_v2(step: MountStep, *, own_namespace: bool, may_change_host: bool) -> int:
    if own_namespace:
        try:
            return make_filesystem("cgroup2", "cgroup", step.options._replace(data=()))
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EBUSY):
                raise
            # a user namespace that doesn't own its cgroup namespace, or sees only part of the host's mount
    tree = open_bind(HOST_CGROUPS, recursive=False)
    set_attributes(tree, step.options.own)
    if not may_change_host:
        set_attributes(tree, READ_ONLY)
    return tree


def _mount_v1(root_fd: int, step: MountStep, entry: CgroupEntry, *, own_namespace: bool) -> None:
    options = MountOptions(own=step.options.own, data=("mode=755",))
    tmpfs = make_filesystem("tmpfs", "tmpfs", options._replace(own=writable(options.own)))
    try:
        finish(tmpfs, make_directory(root_fd, step.destination), step)
        for hierarchy in entry.hierarchies:
            _place_v1(tmpfs, step, hierarchy, own_namespace=own_namespace)
        if step.options.own.attr_set & mount.MOUNT_ATTR_RDONLY:
            set_attributes(tmpfs, READ_ONLY)
    finally:
        os.close(tmpfs)


def _place_v1(tmpfs: int, step: MountStep, hierarchy: Hierarchy, *, own_namespace: bool) -> None:
    os.mkdir(hierarchy.name, 0o755, dir_fd=tmpfs)
    for alias in hierarchy.aliases:
        os.symlink(hierarchy.name, alias, dir_fd=tmpfs)
    view = _view_v1(step, hierarchy, own_namespace=own_namespace)
    try:
        mount.move_mount(view, "", tmpfs, hierarchy.name, mount.MOVE_MOUNT_F_EMPTY_PATH)  # which follows no link
    finally:
        os.close(view)


def _view_v1(step: MountStep, hierarchy: Hierarchy, *, own_namespace: bool) -> int:
    if own_namespace:
        return make_filesystem("cgroup", "cgroup", MountOptions(own=step.options.own, data=(hierarchy.options,)))
    tree = open_bind(hierarchy.path, recursive=False)
    set_attributes(tree, step.options.own)
    return tree
