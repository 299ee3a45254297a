"""How a process gets into its cgroups.

Into those of v1 it goes by itself, first of all, so that all that it does is accounted; into that of v2 it is cloned.
"""

from __future__ import annotations

import os

from runtime.errors import InitFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from runtime.values import NamedTuple


class Hierarchy(NamedTuple):
    """A v1 hierarchy for the container's cgroup mount; ``name`` and ``aliases`` are names below /sys/fs/cgroup.

    ``options`` mount it, ``mount_point`` is where the host has it, ``path`` is the container's cgroup there.
    """

    name: str
    options: str
    mount_point: str
    path: str
    aliases: tuple[str, ...]


class CgroupEntry(NamedTuple):
    """How a process gets into its cgroup: v1 by writing ``0`` to each of ``join_fds``, v2 by clone.

    Version 0 is a container that stays in the caller's cgroup.
    """

    version: int = 0
    join_fds: tuple[int, ...] = ()
    cgroup_fd: int | None = None
    hierarchies: tuple[Hierarchy, ...] = ()

    @property
    def is_entered_later(self) -> bool:
        """Whether somebody else moves the process, when it is there."""
        return self.version != 0 and self.cgroup_fd is None and not self.join_fds


def enter_cgroups(entry: CgroupEntry) -> None:
    """One ``0`` into each hierarchy's tasks: a single thread moves without the wait that cgroup.procs has."""
    for fd in entry.join_fds:
        try:
            os.write(fd, b"0")
        except OSError as error:
            raise InitFault("cgroup", error.errno, f"can't join the cgroup: {error.strerror}") from error
