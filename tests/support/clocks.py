"""A wall clock that jumps, for commands and watchers of ours and for nobody else: real time stays what it is.

The kernel has one wall clock for the whole machine.  So these read theirs with what a file says added, each time anew.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.support.containers import ENTRY, Runf

if TYPE_CHECKING:
    from pathlib import Path

_PATCH = """
import time as _time
_real_ns, _real_s = _time.time_ns, _time.time
def _shift():
    with open({path!r}) as file:
        return int(file.read())
_time.time_ns = lambda: _real_ns() + _shift() * 10**9
_time.time = lambda: _real_s() + _shift()
"""
_RUN_MODULE = "import runpy, sys; sys.argv = sys.argv[3:]; runpy.run_module(sys.argv[0], run_name='__main__')"


class Clock:
    """Seconds that the wall clock is ahead of the real one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.jump(0)

    def jump(self, seconds: int) -> None:
        """From now on."""
        staged = self._path.with_suffix(".new")
        staged.write_text(str(seconds))
        staged.rename(self._path)  # so that nobody reads half of it

    def prefix(self) -> tuple[str, ...]:
        """Before ``python -m module ...``: the same module with that clock."""
        return (sys.executable, "-c", f"{_PATCH.format(path=str(self._path))}\n{_RUN_MODULE}")


class ShiftedRunf(Runf):
    """The command line with that clock."""

    def __init__(self, place: Path, clock: Clock) -> None:
        super().__init__(place)
        self._entry = f"{_PATCH.format(path=str(clock._path))}\n{ENTRY}"

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-IS", "-c", self._entry, "--root", str(self.root), *words]
