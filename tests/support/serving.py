"""The watcher's HTTP service over a real socket, what it tells of, and a client of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from tests.support.lives import SOURCE, Life
from tests.support.watching import short
from watcher.hub import Hub
from watcher.journal import Journal
from watcher.outputs.http import Service
from watcher.outputs.unixsocket import listening
from watcher.snapshot import Found, kept_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from runtime.store.record import Record
    from watcher.events import Event
    from watcher.snapshot import Kept

TIMEOUT_S = 20.0
ROOT = "/run/opencontainer/containers"
OTHER_ROOT = "/run/docker/moby"
SSE = {"Accept": "text/event-stream"}


class Snapshot:
    """Stands for the follower's: the lives that a test has made."""

    def __init__(self, lives: dict[str, Life]) -> None:
        self._lives = lives
        self.unreadable: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._lives)

    def __iter__(self) -> Iterator[Record]:
        return (each.record for each in self.kept())

    def kept(self) -> list[Kept]:
        return sorted(kept_of(Found(life.record, json.dumps(life.record).encode())) for life in self._lives.values())

    def find_kept(self, container_id: str) -> Kept | None:
        return next((each for each in self.kept() if each.id == container_id), None)

    def find(self, container_id: str) -> Record | None:
        life = self._lives.get(container_id)
        return life.record if life else None


class Follower:
    """Stands for the real one, which test_service.py tries."""

    overflows = 0
    rescans = 0
    followed = 0
    source = SOURCE

    def __init__(self, lives: dict[str, Life]) -> None:
        self.snapshot = Snapshot(lives)


class World:
    """A service, what it tells of, and a client of it."""

    def __init__(self, directory: Path, client: aiohttp.ClientSession, socket: str, limits: dict[str, Any]) -> None:
        self.lives: dict[str, Life] = {}
        self.journal = Journal(
            directory / "journal",
            **{name: limit for name, limit in limits.items() if name in ("segment_bytes", "segments")},
        )
        self.hub = Hub(self.journal, limit=limits.get("queue", 4096))
        self.follower = Follower(self.lives)
        self.other: dict[str, Life] = {}
        self.followers = {ROOT: self.follower, OTHER_ROOT: Follower(self.other)}
        self.refused = {"/tmp/planted": "it belongs to uid 1000"}
        self.service = Service(
            self,
            self.journal,
            self.hub,
            source=SOURCE,
            heartbeat_s=limits.get("heartbeat_s", TIMEOUT_S),
            patience_s=limits.get("patience_s", TIMEOUT_S),
            stuck_s=limits.get("stuck_s", TIMEOUT_S),
        )
        self.client = client
        self.socket = socket

    def add(self, container_id: str = "web", **members: Any) -> Life:
        """A container that the follower has seen."""
        self.lives[container_id] = Life(container_id, **members)
        self.tell(self.lives[container_id].step("created"))
        return self.lives[container_id]

    def tell(self, events: list[Event]) -> None:
        self.hub.publish(self.journal.append(events))

    def get(self, target: str, **headers: str) -> Any:
        return self.client.get(f"http://runf{target}", headers=headers)

    async def document(self, target: str) -> tuple[int, Any]:
        async with self.get(target) as answer:
            assert answer.content_type == "application/json"
            return answer.status, await answer.json()


@contextlib.asynccontextmanager
async def world(directory: Path, **limits: Any) -> AsyncIterator[World]:
    path = str(directory / "s")
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    connector = aiohttp.UnixConnector(path)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as client:
        made = World(directory, client, path, limits)
        runner = web.AppRunner(made.service.application(), handler_cancellation=True)
        await runner.setup()
        with listening(path, group=0) as listener:
            await web.SockSite(runner, listener).start()
            try:
                yield made
            finally:
                made.hub.close()
                await runner.cleanup()
                made.journal.close()


async def lines(answer: Any, number: int) -> list[dict[str, Any]]:
    return [json.loads(await answer.content.readline()) for _ in range(number)]


def told(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["subject"], short(event)) for event in events]


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until it holds."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():
            await asyncio.sleep(0)
