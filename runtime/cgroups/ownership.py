"""Whose a container's cgroup is: its user's, where the container is to make cgroups of its own in it.

That takes v2 (delegation on v1 isn't secure), a cgroup namespace of its own, and cgroup mounted for writing.
Source: runtime-spec: config-linux.md#cgroup-ownership; cgroups(7), "Cgroups delegation: delegating a hierarchy to a
less privileged user"; /sys/kernel/cgroup/delegate, Linux 4.15.
"""

from __future__ import annotations

import os

from runtime.cgroups.writing import DIRECTORY
from runtime.errors import CgroupFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DESTINATION = "/sys/fs/cgroup"
FILES = ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads")


def plan_owner(config: Mapping[str, Any]) -> int | None:
    """The host's uid that is to own the container's v2 cgroup; None where whoever makes it keeps it."""
    linux = config.get("linux", {})
    spaces = {space["type"]: space.get("path") for space in linux.get("namespaces", ())}
    if spaces.get("cgroup", "the host's") is not None or not _mounts_writable(config):
        return None
    uid: int = config.get("process", {}).get("user", {}).get("uid", 0)
    if "user" not in spaces:
        return uid
    if spaces["user"] is not None:
        return None  # its maps are its own affair, and may change
    for line in linux.get("uidMappings", ()):
        if line["containerID"] <= uid < line["containerID"] + line["size"]:
            return int(line["hostID"] + uid - line["containerID"])
    return None


def _mounts_writable(config: Mapping[str, Any]) -> bool:
    return any(
        mount.get("source") == "cgroup"
        and mount["destination"].rstrip("/") == DESTINATION
        and "ro" not in mount.get("options", ())
        for mount in config.get("mounts", ())
    )


def delegated_files(sys: str) -> tuple[str, ...]:
    """The files that the kernel says may be given away; ``sys`` is where sysfs is mounted."""
    try:
        with open(f"{sys}/kernel/cgroup/delegate", encoding="ascii") as names:
            return tuple(names.read().split())
    except FileNotFoundError:
        return FILES


def give(path: str, uid: int, files: tuple[str, ...]) -> None:
    """Make ``uid`` the owner of the cgroup at ``path`` and of those of ``files`` that it has.  CgroupFault."""
    fd = os.open(path, DIRECTORY)
    try:
        if os.fstat(fd).st_uid == uid:
            return
        for name in (".", *files):
            try:
                os.chown(name, uid, -1, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                continue  # the file of a controller that this cgroup lacks
    except OSError as error:
        raise CgroupFault(
            f"the cgroup {path} can't be given to uid {uid}: {error.strerror}",
            hint='mount cgroup with the option "ro", or leave the cgroup namespace out',
        ) from error
    finally:
        os.close(fd)
