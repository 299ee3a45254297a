"""A world with so few pids that each is given to one process after the other."""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.kernel.process import CLONE_NEWNS, CLONE_NEWPID, unshare
from tests.support.forked import in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PID_MAX = Path("/proc/sys/kernel/pid_max")
LAST_PID = Path("/proc/sys/kernel/ns_last_pid")
RESERVED = 300  # the kernel starts there again, once all were used
PAUSE_S = 0.02


def with_few_pids(number: int, action: Callable[[], object], *, deadline_s: float) -> Any:
    """What ``action`` returns in a pid namespace that has so many pids (Linux 6.14: pid_max is the namespace's own)."""

    def enter() -> object:
        unshare(CLONE_NEWPID | CLONE_NEWNS)
        return in_child(lambda: _be_first(number, action, deadline_s), deadline_s=deadline_s)

    return in_child(enter, deadline_s=deadline_s)


@contextmanager
def lowest_first() -> Iterator[None]:
    """Again and again the search for a free pid begins at the lowest: whoever comes next gets what was just let go."""
    ends = threading.Event()

    def turn_back() -> None:
        while not ends.wait(PAUSE_S):
            LAST_PID.write_text(str(RESERVED))

    turning = threading.Thread(target=turn_back)
    turning.start()
    try:
        yield
    finally:
        ends.set()
        turning.join()


def _be_first(number: int, action: Callable[[], object], deadline_s: float) -> object:
    """As process 1: another one acts, so that whatever is orphaned can be reaped here."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    PID_MAX.write_text(str(RESERVED + number))
    reading, writing = os.pipe()
    actor = os.fork()
    if actor == 0:
        os.close(reading)
        _act(action, writing, deadline_s)
    os.close(writing)
    while os.wait()[0] != actor:
        continue
    with os.fdopen(reading) as answer:
        text = answer.read()
    if not text.startswith("returned "):
        raise AssertionError(text)
    return text.removeprefix("returned ")


def _act(action: Callable[[], object], writing: int, deadline_s: float) -> None:
    try:
        text = f"returned {in_child(action, deadline_s=deadline_s)}"
    except BaseException as error:
        text = f"raised {error}"
    try:
        os.write(writing, text.encode()[: 1 << 16])
    finally:
        os._exit(0)
