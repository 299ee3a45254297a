"""What every action needs to know about where and as whom it runs."""

from __future__ import annotations

import os

from runtime.kernel import procfs
from runtime.roots import Roots
from runtime.store import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NamedTuple
else:
    from runtime.values import NamedTuple


class Context(NamedTuple):
    """The world and the caller: ``rootless`` where the effective uid isn't 0 or the user namespace isn't the first."""

    roots: Roots
    rootless: bool
    in_userns: bool
    systemd_cgroup: bool = False
    public_state: bool = False


def find_context(
    environ: Mapping[str, str],
    *,
    root: str | None,
    proc: str = "/proc",
    systemd_cgroup: bool = False,
    public_state: bool = False,
) -> Context:
    """The context of this process; ``root`` is what ``--root`` named, RUNF_ROOT and the default follow."""
    in_userns = not procfs.is_initial_user_namespace(proc)
    euid = os.geteuid()
    state = root or environ.get("RUNF_ROOT") or layout.default_root(
        environ, euid=euid, in_initial_userns=not in_userns, outer_uid=procfs.outer_uid(proc, euid)
    )
    return Context(
        roots=Roots(state=os.path.abspath(state), proc=proc),
        rootless=euid != 0 or in_userns,
        in_userns=in_userns,
        systemd_cgroup=systemd_cgroup,
        public_state=public_state,
    )
