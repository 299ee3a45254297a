"""The mounts of config.json, planned; mounting.py makes them.

Source: runtime-spec: config.md#mounts.
"""

from __future__ import annotations

import os

from runtime.errors import Unsupported
from runtime.kernel import mount
from runtime.sandbox.mount_options import (
    CONTEXTS,
    Attributes,
    MountOptions,
    data_options,
    parse_options,
)
from runtime.sandbox.namespaces import plan_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NamedTuple

    from runtime.sandbox.namespaces import IdRange, NamespacePlan
else:
    from runtime.values import NamedTuple

STEP = "mounts"
# one superblock serves many mounts of these, so read-only can only be a property of the mount
SHARED_SUPERBLOCKS = ("proc", "sysfs", "mqueue", "cgroup", "cgroup2", "devpts", "tmpfs")
# what SELinux labels by itself
WITHOUT_CONTEXT = ("proc", "sysfs", "mqueue")
# what lxcfs and its like lay over procfs; anything else there could feign what we and the program trust
# (CVE-2019-16884, CVE-2019-19921)
PROC_TARGETS = frozenset(
    f"/proc/{name}"
    for name in [
        "cpuinfo",
        "diskstats",
        "meminfo",
        "stat",
        "swaps",
        "uptime",
        "loadavg",
        "slabinfo",
        "net/dev",
        "sys/kernel/ns_last_pid",
        "sys/crypto/fips_enabled",
        "pressure/cpu",
        "pressure/io",
        "pressure/memory",
    ]
)


class IdMap(NamedTuple):
    """Maps from the ids that a file system holds to those that the mount shows; empty, those of a joined namespace.

    ``reaches_tree``: what is mounted beneath is mapped too.
    """

    uid: tuple[IdRange, ...]
    gid: tuple[IdRange, ...]
    reaches_tree: bool


class MountStep(NamedTuple):
    """One mount as it will be made; ``destination`` is a path in the container, ``pointer`` leads to config.json.

    ``tree_fd`` is the source of a bind where the parent has opened it already; ``map_fd`` the user namespace whose maps
    a new mount gets, as ``id_map`` says.
    """

    kind: str
    destination: str
    fstype: str
    source: str
    options: MountOptions
    pointer: str
    id_map: IdMap | None = None
    tree_fd: int | None = None
    map_fd: int | None = None

    def describe(self) -> str:
        """For error texts: what is mounted where."""
        return f"config.json#{self.pointer}: {self.fstype or self.kind} on {self.destination}"


def plan_mounts(config: Mapping[str, Any], *, bundle: str, namespaces: NamespacePlan) -> tuple[MountStep, ...]:
    """The mounts in their order; a relative source of a bind is looked for in ``bundle``.  Unsupported."""
    label = config.get("linux", {}).get("mountLabel", "")
    steps = []
    for index, entry in enumerate(config.get("mounts", ())):
        step = _labelled(_plan_mount(entry, bundle, f"/mounts/{index}"), label)
        steps.append(step._replace(id_map=_plan_id_map(entry, step, namespaces)))
    return tuple(steps)


def _plan_id_map(entry: Mapping[str, Any], step: MountStep, namespaces: NamespacePlan) -> IdMap | None:
    """The mount's own maps, or where it has none those of the container's user namespace."""
    own = entry.get("uidMappings"), entry.get("gidMappings")
    if not (step.options.maps_ids or all(own)):
        return None
    if step.kind not in ("bind", "new"):
        raise Unsupported(
            f"config.json#{step.pointer}: only a bind mount or a new file system can have its ids mapped",
            hint="leave idmap, ridmap and the maps out",
        )
    uid, gid = (plan_map(own[0]), plan_map(own[1])) if own[0] and own[1] else (namespaces.uid_map, namespaces.gid_map)
    return IdMap(uid, gid, step.options.maps_tree)


def _labelled(step: MountStep, label: str) -> MountStep:
    """A new file system gets the SELinux context ``label``, unless it asks for one; some take none as an option."""
    data = step.options.data
    if (
        not label
        or step.kind != "new"
        or step.fstype in WITHOUT_CONTEXT
        or any(name in CONTEXTS for name, _ in data_options(data))
    ):
        return step
    return step._replace(options=step.options._replace(data=(*data, f"context={label}")))


def _plan_mount(entry: Mapping[str, Any], bundle: str, pointer: str) -> MountStep:
    options = parse_options(entry.get("options", ()))
    fstype: str = entry.get("type", "")
    source: str = entry.get("source", "") or fstype or "none"
    destination = os.path.normpath("/" + entry["destination"].lstrip("/"))
    if options.copies_up and (fstype != "tmpfs" or options.is_bind or options.is_remount):
        raise Unsupported(
            f"config.json#{pointer}/options: tmpcopyup is for a new tmpfs, which this is not",
            hint="leave the option out",
        )
    if options.is_bind or fstype == "bind":
        bound = os.path.normpath(os.path.join(bundle, entry.get("source", "")))
        return MountStep("bind", destination, "", bound, options._replace(is_bind=True), pointer)
    if options.is_remount:
        if options.counts_changes:
            raise Unsupported(
                f"config.json#{pointer}/options: iversion is for a new file system, which this is not",
                hint="leave the option out",
            )
        return MountStep("remount", destination, "", source, options, pointer)
    if fstype in ("", "none") and options.propagation:
        return MountStep("propagation", destination, "", source, options, pointer)
    kind = "cgroup" if fstype in ("cgroup", "cgroup2") else "new"
    return MountStep(kind, destination, fstype, source, options, pointer)


def source_fds(steps: Sequence[MountStep]) -> list[int]:
    """The fds that the first process needs for its mounts."""
    return [fd for step in steps for fd in (step.tree_fd, step.map_fd) if fd is not None]


def has_device_directory(steps: Sequence[MountStep]) -> bool:
    """Whether /dev is the container's own to fill: not where the host's, or another's, is bound there."""
    return not any(step.kind == "bind" and step.destination == "/dev" for step in steps)


def has_mode(data: Sequence[str]) -> bool:
    """Whether a tmpfs is told its mode."""
    return any(part.startswith("mode=") for text in data for part in text.split(","))


def writable(attributes: Attributes) -> Attributes:
    """The attributes without read-only: something still has to be made in it."""
    return attributes._replace(attr_set=attributes.attr_set & ~mount.MOUNT_ATTR_RDONLY)
