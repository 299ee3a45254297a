"""What a container's cgroups count: the kernel half; ``stats_v1`` and ``stats_v2`` know the files.

Takes the record's ``linux.cgroup``.  The shape is that of runc's ``events --stats``, members that nothing tells are
absent; schemas/stats.schema.json has them all.
"""

from __future__ import annotations

import os

from runtime.cgroups import stats_v1, stats_v2
from runtime.cgroups.claims import open_claimed, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

UNIFIED = "unified"


class Directories:
    """The cgroups of a record, each opened when it is first read."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._paths = paths
        self._fds: dict[str, int | None] = {}

    def __enter__(self) -> Directories:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._fds.values():
            if fd is not None:
                os.close(fd)

    def fd(self, controller: str) -> int | None:
        """Of the controller's directory; None where there is none."""
        if controller not in self._fds:
            path = self._paths.get(controller)
            self._fds[controller] = open_claimed(path) if path else None
        return self._fds[controller]

    def read(self, controller: str, file: str) -> str | None:
        """The text of a controller's file; None where there is none."""
        fd = self.fd(controller)
        try:
            return None if fd is None else read_file(fd, file)
        except OSError:
            return None  # the kernel has no such file, doesn't count now, or the cgroup has gone

    def names(self, controller: str) -> list[str]:
        """What lies in the controller's directory."""
        fd = self.fd(controller)
        try:
            return [] if fd is None else os.listdir(fd)
        except OSError:
            return []  # removed at this moment

    def is_there(self, *first: str) -> bool:
        """Whether any of them is; ``first`` are those that will be read, so that no other one is opened for this."""
        return any(self.fd(controller) is not None for controller in (*first, *self._paths))


def read_stats(cgroup: Mapping[str, Any]) -> dict[str, Any] | None:
    """All that is counted; None where the cgroups have gone.  CgroupFault: the record names no cgroup."""
    with Directories(cgroup["paths"]) as directories:
        if not directories.is_there():
            return None
        if cgroup["version"] == 1:
            return stats_v1.collect(directories.read, directories.names)
        names = directories.names(UNIFIED)
        return stats_v2.collect(lambda file: directories.read(UNIFIED, file), names)
