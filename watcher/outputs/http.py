"""HTTP/1.1 over a Unix socket, or TCP: the records as they are, and the events as they come.

    GET /                            a page for people (page.py)
    GET /v1/containers               an array of records, each with the `root` that it lies in
    GET /v1/containers/{id}          one record
    GET /v1/events                   first a snapshot event for each container, then the stream; no gap between
    GET /v1/events?after=CURSOR      what came after CURSOR, then the stream; 410 where that is kept no longer
    GET /v1/usage                    what each container uses (measures.py)
    GET /metrics                     for Prometheus (measures.py)
    GET /healthz                     {"status":"ok", ...}
    GET /openapi.json                all of this for machines (openapi.py)

Events are NDJSON, or Server-Sent Events for ``Accept: text/event-stream`` (with ``Last-Event-ID``). The header
``Runf-Cursor`` tells where the stream goes on after the snapshot, or after an array of records. Queries filter
(filters.py). An error is {"error": what, "hint": what to do}.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from runtime.kernel import clock
from watcher.counts import Counts
from watcher.events import gap_event, snapshot_event, snapshot_line
from watcher.filters import make_event_filter, make_record_filter
from watcher.hub import Closed
from watcher.journal import Gone
from watcher.outputs.answers import STUCK_S, Piecemeal, answer, compact, explain, guard, problem
from watcher.outputs.measures import Measures
from watcher.outputs.openapi import describe
from watcher.outputs.page import page
from watcher.outputs.streams import NDJSON, SSE, Straight, pieces
from watcher.snapshot import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from watcher.events import Event
    from watcher.follower import Follower
    from watcher.hub import Gap, Hub, Subscriber
    from watcher.journal import Journal
    from watcher.outputs.streams import Form
    from watcher.snapshot import Kept

EVENTS = "/v1/events"
CURSOR_HEADER = "Runf-Cursor"
HEARTBEAT_S = 15.0
PATIENCE_S = 10.0
LOST = "this subscriber was too slow, and the journal keeps what it missed no longer"
TO_COME = "this subscriber was too slow; what its queue had no room for comes next, from the journal"


class Followers(Protocol):
    """What the handlers need of watcher.roots.Roots; tests stand in for it."""

    refused: dict[str, str]

    @property
    def followers(self) -> dict[str, Follower]:
        """By the path of their root."""


class Service:
    """What the handlers answer from."""

    def __init__(
        self,
        roots: Followers,
        journal: Journal,
        hub: Hub,
        *,
        source: str,
        counts: Counts | None = None,
        host_names: Collection[str] = (),
        heartbeat_s: float = HEARTBEAT_S,
        patience_s: float = PATIENCE_S,
        stuck_s: float = STUCK_S,
    ) -> None:
        self._roots = roots
        self._journal = journal
        self._hub = hub
        self._source = source
        self._counts = counts or Counts()
        self._host_names = host_names
        self._heartbeat_s = heartbeat_s
        self._patience_s = patience_s
        self._stuck_s = stuck_s

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application(middlewares=[explain, guard(self._host_names)])
        measures = Measures(lambda: self._roots.followers, self._journal, self._hub, self._counts, self._stuck_s)
        application.add_routes(
            [
                web.get("/", page, allow_head=False),
                web.get("/v1/containers", self.containers, allow_head=False),
                web.get("/v1/containers/{id}", self.container, allow_head=False),
                web.get(EVENTS, self.events, allow_head=False),
                web.get("/v1/usage", measures.usage, allow_head=False),
                web.get("/metrics", measures.metrics, allow_head=False),
                web.get("/healthz", self.health, allow_head=False),
                web.get("/openapi.json", describe, allow_head=False),
            ]
        )
        return application

    async def containers(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/containers: as the records were at one moment, written in pieces that keep nobody waiting."""
        wants = make_record_filter(request.query.items()) if request.query else None
        walks = [(root, Walk(follower.snapshot)) for root, follower in self._roots.followers.items()]
        response = await self._begin(request, "application/json")
        texts = (
            _with_root(each, root) if wants is None or wants(each.record, root) else b""
            for root, walk in walks
            for each in walk
        )
        with _patience(self._patience_s, [walk for _, walk in walks]):
            await Piecemeal(request, response, self._stuck_s).write_array(pieces(texts, b","))
        return response

    async def container(self, request: web.Request) -> web.Response:
        """GET /v1/containers/{id}: where several roots have one, the query must say which is meant."""
        container_id = request.match_info["id"]
        wants = make_record_filter([*request.query.items(), ("id", container_id)])
        looked_up = ((root, each.snapshot.find(container_id)) for root, each in self._roots.followers.items())
        found: list[dict[str, Any]] = [
            {**record, "root": root} for root, record in looked_up if record is not None and wants(record, root)
        ]
        if not found:
            return problem(404, f'container "{container_id}" does not exist', "GET /v1/containers lists them")
        if len(found) > 1:
            places = ", ".join(each["root"] for each in found)
            return problem(409, f'container "{container_id}" lies in several roots: {places}', "name one with ?root=")
        return answer(found[0])

    async def health(self, request: web.Request) -> web.Response:
        """GET /healthz."""
        followers = self._roots.followers
        return answer(
            {
                "status": "ok",
                "cursor": self._journal.cursor,
                "roots": list(followers),
                "refusedRoots": self._roots.refused,
                "containers": sum(len(each.snapshot) for each in followers.values()),
                "subscribers": len(self._hub),
                "overflows": sum(each.overflows for each in followers.values()),
                "rescans": sum(each.rescans for each in followers.values()),
                "unreadable": {
                    name: fault for each in followers.values() for name, fault in each.snapshot.unreadable.items()
                },
            }
        )

    async def events(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/events: the snapshot is taken and the subscription begins in one turn of the event loop."""
        query = [(name, value) for name, value in request.query.items() if name != "after"]
        wants = make_event_filter(query) if query else None
        cursor = request.query.get("after") or request.headers.get("Last-Event-ID")
        try:
            after = self._journal.sequence_of(cursor) if cursor else None
        except Gone:
            return self._gone(cursor)
        first = [] if after is not None else self._walks()
        subscriber = self._hub.subscribe(wants, after=after)
        form = SSE if SSE.content_type in request.headers.get("Accept", "") else NDJSON
        try:
            begin = self._journal.cursor if after is None else self._journal.cursor_at(after)
            response = await self._begin(request, form.content_type, begin)
            await self._write_first(response, first, wants, form, begin)
            del first  # what was there then need not stay in memory as long as the stream goes on
            if request.transport is not None:
                is_chunked = "chunked" in response.headers.get("Transfer-Encoding", "")
                cursor_at = self._journal.cursor_at
                subscriber.attach(Straight(request.transport, form, cursor_at, self._counts, is_chunked=is_chunked))
            with contextlib.suppress(Closed):
                await self._go_on(response, subscriber, form)
        except ConnectionError:
            self._counts.delivery_failures += 1
            raise
        finally:
            self._hub.remove(subscriber)
        return response

    def _gone(self, cursor: str | None) -> web.Response:
        """410, and the two ways on: everything anew, or what the journal still keeps."""
        oldest = self._journal.cursor_at(self._journal.first - 1)
        hint = "start anew without a cursor: the snapshot comes first; `oldest` is where the journal begins"
        told = {"error": f"the cursor {cursor} leads nowhere any more", "hint": hint, "anew": EVENTS, "oldest": oldest}
        return answer(told, status=410)

    def _walks(self) -> list[tuple[str, Walk]]:
        """All records as they are now, by the source of their events."""
        return [(follower.source, Walk(follower.snapshot)) for follower in self._roots.followers.values()]

    async def _begin(self, request: web.Request, content_type: str, cursor: str | None = None) -> web.StreamResponse:
        headers = {
            "Content-Type": content_type,
            "Cache-Control": "no-store",
            CURSOR_HEADER: cursor or self._journal.cursor,
        }
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        return response

    async def _write_first(
        self,
        response: web.StreamResponse,
        first: list[tuple[str, Walk]],
        wants: Callable[[Event], bool] | None,
        form: Form,
        cursor: str,
    ) -> None:
        """The snapshot; only its last event carries the cursor, since whoever goes on from there has seen it all."""
        if form.head:
            await response.write(form.head)
        with _patience(self._patience_s, [walk for _, walk in first]):
            for piece in pieces(_snapshot_lines(first, wants, form, cursor), b""):
                await (response.write(piece) if piece else asyncio.sleep(0))
        await self._mark(response, form, cursor)

    async def _go_on(self, response: web.StreamResponse, subscriber: Subscriber, form: Form) -> None:
        while True:
            gap, found = await subscriber.take(self._heartbeat_s)
            body = form.body(found, self._journal.cursor_at)
            if gap is not None:
                body = form.show(None, compact(self._gap(gap))) + body
            if body:
                await response.write(body)
            else:
                await self._mark(response, form, self._journal.cursor_at(subscriber.position))

    async def _mark(self, response: web.StreamResponse, form: Form, cursor: str) -> None:
        bookmark = form.bookmark(cursor)
        if bookmark:
            await response.write(bookmark)

    def _gap(self, gap: Gap) -> Event:
        return gap_event(
            subject="",
            source=self._source,
            time=clock.now(),
            after=self._journal.cursor_at(gap.after),
            missed=gap.missed,
            reason=LOST if gap.is_lost else TO_COME,
        )


@contextlib.contextmanager
def _patience(limit_s: float, walks: list[Walk]) -> Iterator[None]:
    """Readers that are slower than that, each at another moment of the past, must not fill the memory with it."""

    def let_go() -> None:
        for walk in walks:
            walk.let_go()

    timer = asyncio.get_running_loop().call_later(limit_s, let_go)
    try:
        yield
    finally:
        timer.cancel()


def _snapshot_lines(
    first: list[tuple[str, Walk]], wants: Callable[[Event], bool] | None, form: Form, cursor: str
) -> Iterator[bytes]:
    """Nothing for one that is not wanted, so that many of those keep nobody waiting either."""
    before: tuple[str, Kept] | None = None
    for source, found in first:
        for each in found:
            if wants is not None and not wants(snapshot_event(each.record, source=source)):
                yield b""
                continue
            if before is not None:
                yield form.show(None, snapshot_line(before[1], source=before[0], cursor=None))
            before = (source, each)
    if before is not None:
        yield form.show(cursor, snapshot_line(before[1], source=before[0], cursor=cursor))


def _with_root(kept: Kept, root: str) -> bytes:
    """The record as it is, and the root that it lies in."""
    return kept.data[:-1] + b',"root":' + compact(root) + b"}"
