"""What containers use: as JSON for the page and for whoever asks, and as metrics for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from watcher.exposition import CONTENT_TYPE
from watcher.filters import make_record_filter
from watcher.metrics import render
from watcher.outputs.answers import Piecemeal, compact
from watcher.outputs.streams import pieces
from watcher.usages import Usages

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from watcher.counts import Counts
    from watcher.follower import Follower
    from watcher.hub import Hub
    from watcher.journal import Journal
    from watcher.snapshot import Kept
    from watcher.usages import Reading

    Followers = Callable[[], dict[str, Follower]]


class Measures:
    """The handlers of /v1/usage and /metrics; all who ask share one reading of the cgroups."""

    def __init__(self, followers: Followers, journal: Journal, hub: Hub, counts: Counts, stuck_s: float) -> None:
        self._followers = followers
        self._journal = journal
        self._hub = hub
        self._counts = counts
        self._stuck_s = stuck_s
        self._usages = Usages()

    async def usage(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/usage: an array, of each container that lives; in pieces, like all that may be long."""
        wants = make_record_filter(request.query.items()) if request.query else None
        kept = [(root, each.snapshot.kept()) for root, each in self._followers().items()]
        readings = await self._usages.of([found for _, found in kept])
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Cache-Control": "no-store"})
        await response.prepare(request)
        texts = (
            compact(as_json(each, root, readings[each.instance]))
            if each.instance in readings and (wants is None or wants(each.record, root))
            else b""
            for root, found in kept
            for each in found
        )
        await Piecemeal(request, response, self._stuck_s).write_array(pieces(texts, b","))
        return response

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """GET /metrics: in pieces, so that the stream of events goes on meanwhile."""
        followers = self._followers()
        readings = await self._usages.of([each.snapshot.kept() for each in followers.values()])
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})
        await response.prepare(request)
        answer = Piecemeal(request, response, self._stuck_s)
        async for piece in render(followers, readings, self._journal, self._hub, self._counts):
            await answer.write(piece.encode())
        return response


def as_json(kept: Kept, root: str, reading: Reading) -> dict[str, Any]:
    """One entry of /v1/usage: schemas/usage.schema.json."""
    usage = reading.usage
    return {
        "root": root,
        "id": kept.id,
        "instance": kept.instance,
        "time": reading.time,
        "cpuSeconds": usage.cpu_s,
        "cpuUserSeconds": usage.cpu_user_s,
        "cpuSystemSeconds": usage.cpu_system_s,
        "memoryBytes": usage.memory_bytes,
        "workingSetBytes": usage.working_set_bytes,
        "memoryLimitBytes": usage.memory_limit_bytes,
        "tasks": usage.tasks,
        "oomKills": usage.oom_kills,
    }
