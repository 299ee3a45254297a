"""/dev of the container, planned: the default devices, those of config.json, and the links that programs expect.

dev_directory.py fills it.

Source: runtime-spec: config-linux.md#default-devices, runtime-linux.md#dev-symbolic-links.
"""

from __future__ import annotations

import errno
import os
import stat

from runtime.errors import InitFault

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
NULL = "/dev/null"
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


def links() -> tuple[tuple[str, str], ...]:
    """The links in /dev, each with where it leads."""
    return (*LINKS, ("core", KERNEL_MEMORY)) if os.path.exists(KERNEL_MEMORY) else LINKS


def open_null(path: str = NULL) -> int:
    """An O_PATH fd of the host's /dev/null, verified to be it (CVE-2025-31133)."""
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
    found = os.fstat(fd)
    if not stat.S_ISCHR(found.st_mode) or found.st_rdev != os.makedev(1, 3):
        os.close(fd)
        raise InitFault("masked paths", errno.ENODEV, f"{path} of the host is not the null device")
    return fd
