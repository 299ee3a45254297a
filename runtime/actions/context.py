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
    """The world and the caller: ``rootless`` where the effective uid isn't 0 or the user namespace isn't the first.

    ``default_root`` is the caller's, whichever root the command is about.
    """

    roots: Roots
    rootless: bool
    in_userns: bool
    default_root: str
    public_state: bool = False


def find_context(
    environ: Mapping[str, str],
    *,
    root: str | None,
    proc: str = "/proc",
    public_state: bool = False,
) -> Context:
    """The context of this process; ``root`` is what ``--root`` named, RUNF_ROOT and the default follow."""
    in_userns = not procfs.is_initial_user_namespace(proc)
    default_root = own_root(environ, proc)
    state = root or environ.get("RUNF_ROOT") or default_root
    return Context(
        roots=Roots(state=os.path.abspath(state), proc=proc),
        rootless=os.geteuid() != 0 or in_userns,
        in_userns=in_userns,
        default_root=default_root,
        public_state=public_state,
    )


def own_root(environ: Mapping[str, str], proc: str = "/proc") -> str:
    """The default state root of whoever we are."""
    euid = os.geteuid()
    return layout.default_root(
        environ,
        euid=euid,
        in_initial_userns=procfs.is_initial_user_namespace(proc),
        outer_uid=procfs.outer_uid(proc, euid),
    )
