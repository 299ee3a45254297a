"""Modules of features that few containers ask for: loaded when one does, while it is planned, and never after a fork.

    if TYPE_CHECKING:
        from runtime.sandbox import console
    else:
        console = Late("runtime.sandbox.console")

The first member that is used loads the module.  A container's process imports nothing (sandbox/gate.py sees to that):
what it uses of such a module, the plan has used before it, or loaded with ``load``.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Late:
    """Stands for a module until that is needed, and hands on its members afterwards."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._module: Any = None

    def __getattr__(self, member: str) -> Any:
        return getattr(self._module or load(self), member)


def load(late: Any) -> Any:
    """Load the module that ``late`` stands for, or is: to a type checker it is that module."""
    if not isinstance(late, Late):
        return late
    if late._module is None:
        found = sys.modules.get(late._name)  # another one may have loaded it, perhaps before the fork
        # or another thread is at it, as the watcher's may be: then the import waits for that
        if found is None or getattr(found.__spec__, "_initializing", False):
            __import__(late._name)
        late._module = sys.modules[late._name]
    return late._module
