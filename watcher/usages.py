"""What all containers use, read from their cgroups in a thread, once for everybody who asks within a second.

Reading ten thousand cgroups takes a second or more; the stream of events goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from runtime.cgroups.usage import read_usage
from runtime.errors import CgroupFault
from runtime.kernel import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runtime.cgroups.usage import Usage
    from watcher.snapshot import Kept

FRESH_S = 1.0
BATCH = 64
LIVING = ("created", "running", "paused")


class Reading(NamedTuple):
    """What a container used at that time."""

    time: str
    usage: Usage


class Usages:
    """The newest reading, by instance."""

    def __init__(self) -> None:
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        self._found: dict[str, Reading] = {}

    async def of(self, kept: Iterable[Sequence[Kept]]) -> dict[str, Reading]:
        """What each living one of ``kept``, which are all that there are, uses; missing where nothing tells."""
        async with self._reading:
            if time.monotonic() - self._read_at >= FRESH_S:
                found: dict[str, Reading] = {}
                for each in kept:
                    for start in range(0, len(each), BATCH):
                        found.update(await asyncio.to_thread(_read, each[start : start + BATCH]))
                self._found, self._read_at = found, time.monotonic()
            return self._found


def _read(kept: Sequence[Kept]) -> dict[str, Reading]:
    found, now = {}, clock.now()
    for each in kept:
        record = each.record
        cgroup = record["linux"]["cgroup"]
        if cgroup is None or record["status"] not in LIVING:
            continue
        try:
            usage = read_usage(cgroup)
        except (CgroupFault, OSError):
            continue  # the record names no cgroup, or we have no fd left: nothing tells
        if usage is not None:
            found[each.instance] = Reading(now, usage)
    return found
