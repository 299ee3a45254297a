"""Devices of config.json for a new user namespace, in which mknod(2) is refused: their maker makes them, if it is root.

The nodes lie on a tmpfs that is mounted nowhere, each under its place in the plan and with the owner that it is to have
inside.  The first process binds them (dev_directory.py).  What can't be made so is bound from the host's /dev, as the
default devices are.
"""

from __future__ import annotations

import os

from runtime.kernel import mount
from runtime.sandbox.mount_options import Attributes, MountOptions
from runtime.sandbox.mounting import make_filesystem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.sandbox.devices import DevicePlan
    from runtime.sandbox.namespaces import IdRange

_SAFE = Attributes(attr_set=mount.MOUNT_ATTR_NOSUID | mount.MOUNT_ATTR_NOEXEC)


def make_nodes(plan: DevicePlan, uid_map: Sequence[IdRange], gid_map: Sequence[IdRange]) -> int:
    """An fd of the tmpfs, with all that could be made.  OSError."""
    tree = make_filesystem("tmpfs", "devices", MountOptions(own=_SAFE, data=("mode=755",)))
    try:
        for place in plan.made:
            node = plan.nodes[place]
            uid, gid = outside(uid_map, node.uid), outside(gid_map, node.gid)
            if uid is None or gid is None:
                continue  # nobody inside owns it, so the host's is as good
            try:
                os.mknod(str(place), node.kind, os.makedev(node.major, node.minor), dir_fd=tree)
            except PermissionError:
                continue  # we lack CAP_MKNOD, or a device cgroup above us forbids it
            os.chown(str(place), uid, gid, dir_fd=tree)
            os.chmod(str(place), node.mode, dir_fd=tree)
    except BaseException:
        os.close(tree)
        raise
    return tree


def outside(lines: Sequence[IdRange], inside: int) -> int | None:
    """What the id is outside of the user namespace with this map."""
    for line in lines:
        if line.inside <= inside < line.inside + line.size:
            return line.outside + inside - line.inside
    return None
