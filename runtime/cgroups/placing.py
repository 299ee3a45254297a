"""Where below a hierarchy's mount point a container's cgroup goes, and whether this user can have it there."""

from __future__ import annotations

import os

from runtime.cgroups import hierarchy
from runtime.cgroups.hierarchy import CgroupPlan
from runtime.errors import CgroupFault, SpecFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.cgroups.hierarchy import Hierarchy
    from runtime.cgroups.resources import Write
    from runtime.roots import Roots


def place(path: str, roots: Roots, found: Hierarchy | None) -> str:
    """The directory that ``path`` means: absolute below the mount point, relative below our own cgroup; None is v2.

    ``..`` is resolved in the text, and never leads above.  SpecFault.
    """
    inner = os.path.normpath(path.lstrip("/") or ".")
    if inner in (".", "..") or inner.startswith("../"):
        raise SpecFault(
            "/linux/cgroupsPath", f'"{path}" is no cgroup of a container', hint="name one, as in /containers/one"
        )
    if path.startswith("/"):
        return f"{found.mount_point if found else roots.cgroup}/{inner}"
    return f"{hierarchy.own_directory(roots, found)}/{inner}"


def is_writable(directory: str, mount_point: str) -> bool:
    """Whether the first missing directory on the way could be made, or ``directory`` itself written to."""
    while directory != mount_point and not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    return os.access(directory, os.W_OK | os.X_OK, effective_ids=True)


def nothing(*, rootless: bool) -> CgroupPlan:
    """The plan for a container that stays in our own cgroup."""
    return CgroupPlan(0, {}, (), {}, (), rootless, "")


def refuse_limits(writes: Sequence[Write], reason: str) -> None:
    """CgroupFault where any limit is asked for."""
    if writes:
        raise CgroupFault(
            f"config.json#{writes[0].pointer}: the limit can't be set: {reason}",
            hint="have a cgroup delegated to you (systemd: Delegate=yes), or leave the limits out",
        )
