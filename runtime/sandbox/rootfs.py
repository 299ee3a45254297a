"""The root file system, planned; entering.py enters it.

Source: runtime-spec: config-linux.md#rootfs-mount-propagation, #masked-paths, #readonly-paths.
"""

from __future__ import annotations

import os

from runtime.kernel import mount
from runtime.kernel.mounted import Mounted
from runtime.sandbox.mount_options import PROPAGATION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NamedTuple
else:
    from runtime.values import NamedTuple


class RootPlan(NamedTuple):
    """``propagation`` is MS_* of linux.rootfsPropagation, 0 for none; all paths but ``path`` lie in the container.

    ``shares_mounts``: the mount namespace is the runtime's, or one that is joined.
    """

    path: str
    is_readonly: bool
    propagation: int
    masked: tuple[str, ...]
    readonly: tuple[str, ...]
    cwd: str
    mount_label: str
    shares_mounts: bool = False

    @property
    def spreads(self) -> bool:
        """Whether mounts are to spread from the container to the host."""
        return bool(self.propagation & mount.MS_SHARED)


class RootMount(NamedTuple):
    """The mount that all others of a container lie beneath, in a mount namespace (its inode) that others share.

    ``path`` is the rootfs there, without symbolic links.
    """

    namespace: int
    mounted: Mounted
    path: str

    def fields(self) -> tuple[bytes, ...]:
        """For a message."""
        return b"%d" % self.namespace, *(b"%d" % each for each in self.mounted), os.fsencode(self.path)


def root_mount_of(fields: Sequence[bytes]) -> RootMount:
    """What such a message told."""
    namespace, number, is_unique, device, inode = (int(each) for each in fields[:5])
    return RootMount(namespace, Mounted(number, bool(is_unique), device, inode), os.fsdecode(fields[5]))


def plan_root(config: Mapping[str, Any], *, rootfs: str, shares_mounts: bool = False) -> RootPlan:
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
        shares_mounts=shares_mounts,
    )


def propagation_of_all(plan: RootPlan) -> int:
    """What ``isolate`` sets, an MS_*."""
    kind = plan.propagation & ~mount.MS_REC
    if kind == mount.MS_UNBINDABLE:
        kind = mount.MS_PRIVATE
    return kind or mount.MS_SLAVE
