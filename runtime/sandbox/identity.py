"""Who the container's program is: uid, gid, supplementary groups, umask.

Source: runtime-spec: config.md#user; user_namespaces(7) for where setgroups(2) is forbidden.
"""

from __future__ import annotations

import errno
import os
import stat

from runtime.errors import InitFault, SpecFault
from runtime.kernel.files import PIPEFS_MAGIC, statfs_type
from runtime.kernel.process import set_keepcaps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, NamedTuple
else:
    from runtime.values import NamedTuple

# an annotation of crun's, which podman writes for --group-add keep-groups: "1" asks for it
KEEPS_GROUPS = "run.oci.keep_original_groups"
DEFAULT_UMASK = 0o022
SETGROUPS_BYTES = 16
NULL_DEVICE = (1, 3)  # Documentation/admin-guide/devices.txt


class IdentityPlan(NamedTuple):
    """Ids as the container sees them; ``sets_groups`` is False where the user namespace forbids it.

    ``keeps_groups``: the caller's groups stay, whatever ``groups`` says.
    """

    uid: int
    gid: int
    groups: tuple[int, ...]
    umask: int
    sets_groups: bool
    keeps_groups: bool = False


def plan_identity(config: Mapping[str, Any], *, denies_setgroups: bool) -> IdentityPlan:
    """The user of the program; root where the config doesn't say.  SpecFault."""
    user = config["process"].get("user", {})
    groups = tuple(user.get("additionalGids", ()))
    keeps = config.get("annotations", {}).get(KEEPS_GROUPS) == "1"
    if groups and denies_setgroups and not keeps:
        raise SpecFault(
            "/process/user/additionalGids",
            "supplementary groups can't be set with the id maps of an ordinary user",
            hint="leave them out, or map a range of ids (newgidmap)",
        )
    return IdentityPlan(
        uid=user.get("uid", 0),
        gid=user.get("gid", 0),
        groups=groups,
        umask=user.get("umask", DEFAULT_UMASK),
        sets_groups=not (denies_setgroups or keeps),
        keeps_groups=keeps,
    )


def within_namespace(plan: IdentityPlan) -> IdentityPlan:
    """The plan for the user namespace that we are in: one that is joined may forbid setgroups(2).  InitFault."""
    if plan.keeps_groups:
        return plan
    fd = os.open("/proc/self/setgroups", os.O_RDONLY | os.O_CLOEXEC)
    try:
        is_denied = os.read(fd, SETGROUPS_BYTES).strip() == b"deny"
    finally:
        os.close(fd)
    if is_denied and plan.groups:
        told = "config.json#/process/user/additionalGids: the user namespace that is joined allows none"
        raise InitFault("identity", errno.EPERM, told)
    return plan._replace(sets_groups=not is_denied)


def give_stdio(plan: IdentityPlan) -> None:
    """Make 0, 1 and 2 the program's own, so that it may open /dev/stdout anew; terminals and /dev/null are left.

    The group of a file stays: whoever of the host reads a log by it still may.  A nameless pipe has no such reader.
    """
    for fd, uid, gid in stdio_owners(plan):
        try:
            os.fchown(fd, uid, gid)
        except OSError:
            continue  # on a read-only file system, or somebody else's to give


def stdio_owners(plan: IdentityPlan) -> Iterator[tuple[int, int, int]]:
    """What to hand to fchown(2), one after the other."""
    for fd in (0, 1, 2):
        try:
            found = os.fstat(fd)
        except OSError:
            continue  # closed
        device = (os.major(found.st_rdev), os.minor(found.st_rdev))
        if found.st_uid == plan.uid or (stat.S_ISCHR(found.st_mode) and device == NULL_DEVICE) or os.isatty(fd):
            continue
        yield fd, plan.uid, -1
        if stat.S_ISFIFO(found.st_mode) and statfs_type(fd) == PIPEFS_MAGIC:
            yield fd, -1, plan.gid


def become(plan: IdentityPlan) -> None:
    """Take the ids on; permitted capabilities stay until they are set, what execve(2) makes of them is its own."""
    set_keepcaps(True)
    if plan.sets_groups:
        os.setgroups(plan.groups)
    os.setresgid(plan.gid, plan.gid, plan.gid)
    os.setresuid(plan.uid, plan.uid, plan.uid)
    set_keepcaps(False)
