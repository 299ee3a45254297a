"""What ``--version`` prints, and the name that it prints it under."""

from __future__ import annotations

import os

from runtime import SPEC_VERSION, VERSION

FOREIGN_NAMES = ("runc", "crun")


def program_name(path: str) -> str:
    """runf, or the name of the runtime that it was installed in place of: callers of that look for it."""
    name = os.path.basename(path)
    return name if name in FOREIGN_NAMES else "runf"


def version_text(program: str) -> str:
    """containerd's go-runc wants ``runc version `` first where it calls a runc; Docker and CRI-O show all lines.

    The commit is told by its tag, as distributions do who build from one.
    """
    return f"{program} version {VERSION}\ncommit: v{VERSION}\nspec: {SPEC_VERSION}\n"
