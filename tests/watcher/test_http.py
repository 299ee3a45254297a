"""The watcher's HTTP: records, snapshots without gap or overlap, cursors, slow readers, and JSON for every refusal."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import jsonschema
import pytest
from aiohttp import web

from tests.support.lives import SOURCE, Life
from tests.support.watching import short
from watcher.hub import BATCH, Hub
from watcher.journal import Journal
from watcher.outputs import http as http_module
from watcher.outputs.http import Service
from watcher.outputs.unixsocket import listening
from watcher.snapshot import Found, Walk, kept_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from runtime.store.record import Record
    from watcher.events import Event
    from watcher.snapshot import Kept

TIMEOUT_S = 20.0
EVENT_SCHEMA = Path(__file__).parent.parent.parent / "schemas" / "event.schema.json"
ROOT = "/run/opencontainer/containers"
OTHER_ROOT = "/run/docker/moby"
SSE = {"Accept": "text/event-stream"}


def in_root(records: list[Record], root: str = ROOT) -> list[dict[str, Any]]:
    return [{**record, "root": root} for record in records]


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


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Plays a scenario in a world of its own."""

    def run(scenario: Callable[[World], Coroutine[Any, Any, None]], **limits: Any) -> None:
        async def whole() -> None:
            async with world(tmp_path, **limits) as made:
                await scenario(made)

        asyncio.run(whole())

    return run


async def lines(answer: Any, number: int) -> list[dict[str, Any]]:
    return [json.loads(await answer.content.readline()) for _ in range(number)]


def told(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["subject"], short(event)) for event in events]


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until it holds."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():
            await asyncio.sleep(0)


def test_the_containers_are_an_array_of_records(play):
    async def scenario(seen: World) -> None:
        assert await seen.document("/v1/containers") == (200, [])
        seen.add("b")
        seen.add("a")
        assert await seen.document("/v1/containers") == (200, in_root(list(seen.follower.snapshot)))

    play(scenario)


def test_very_many_containers_are_one_array(play):
    async def scenario(seen: World) -> None:
        for number in range(2 * BATCH + 1):
            seen.lives[f"c{number:04}"] = Life(f"c{number:04}")
        _, found = await seen.document("/v1/containers")
        assert [record["id"] for record in found] == sorted(seen.lives)

    play(scenario)


def test_of_very_many_containers_the_last_may_be_the_only_one_wanted(play):
    async def scenario(seen: World) -> None:
        for number in range(3 * BATCH):
            seen.lives[f"c{number:04}"] = Life(f"c{number:04}")
        last = f"c{3 * BATCH - 1:04}"
        _, found = await seen.document(f"/v1/containers?id={last}")
        assert [record["id"] for record in found] == [last]
        async with seen.get(f"/v1/events?id={last}") as answer:
            (event,) = await lines(answer, 1)
        assert (event["subject"], event["cursor"]) == (last, seen.journal.cursor)

    play(scenario)


def test_the_containers_can_be_filtered(play):
    async def scenario(seen: World) -> None:
        seen.add("a", annotations={"team": "red"})
        seen.add("b")
        _, found = await seen.document("/v1/containers?annotation=team%3Dred")
        assert [record["id"] for record in found] == ["a"]

    play(scenario)


def test_one_container_is_its_record(play):
    async def scenario(seen: World) -> None:
        life = seen.add("web+1")
        assert await seen.document("/v1/containers/web%2B1") == (200, {**life.record, "root": ROOT})

    play(scenario)


def test_an_id_that_several_roots_have_is_asked_for_by_its_root(play):
    async def scenario(seen: World) -> None:
        seen.add("web")
        other = seen.other["web"] = Life("web")
        status, answer = await seen.document("/v1/containers/web")
        assert (status, answer["hint"]) == (409, "name one with ?root=")
        expected = {**other.record, "root": OTHER_ROOT}
        assert await seen.document(f"/v1/containers/web?root={OTHER_ROOT}") == (200, expected)
        assert await seen.document(f"/v1/containers?root={OTHER_ROOT}") == (200, [expected])

    play(scenario)


@pytest.mark.parametrize(
    ("target", "status", "answer"),
    [
        (
            "/v1/containers/db",
            404,
            {"error": 'container "db" does not exist', "hint": "GET /v1/containers lists them"},
        ),
        ("/v2", 404, {"error": "/v2: not found", "hint": "GET /openapi.json tells what there is"}),
        (
            "/v1/events?typ=x",
            400,
            {
                "error": "there is no filter 'typ'",
                "hint": "there are id, prefix, status, owner, annotation, runtime, exit, root, type",
            },
        ),
        (
            "/v1/events?after=nonsense",
            410,
            {
                "error": "the cursor nonsense leads nowhere any more",
                "hint": "start anew without a cursor: the snapshot comes first; `oldest` is where the journal begins",
                "anew": "/v1/events",
                "oldest": "EPOCH.0",
            },
        ),
    ],
)
def test_a_refusal_is_json_and_says_what_to_do(play, target, status, answer):
    async def scenario(seen: World) -> None:
        if "oldest" in answer:
            answer["oldest"] = answer["oldest"].replace("EPOCH", seen.journal.epoch)
        assert await seen.document(target) == (status, answer)

    play(scenario)


def test_who_comes_with_an_outlived_cursor_can_have_what_the_journal_still_keeps(play):
    async def scenario(seen: World) -> None:
        begin = seen.journal.cursor
        seen.tell(seen.add("a").steps(400))
        status, answer = await seen.document(f"/v1/events?after={begin}")
        assert (status, answer["anew"]) == (410, "/v1/events")
        async with seen.get(f"/v1/events?after={answer['oldest']}") as stream:
            (event,) = await lines(stream, 1)
        assert int(event["sequence"]) == seen.journal.first > 1

    play(scenario, segment_bytes=1 << 16, segments=2)


@pytest.mark.parametrize("method", ["POST", "DELETE", "HEAD"])
@pytest.mark.parametrize("target", ["/v1/containers", "/v1/events"])
def test_nothing_can_be_changed_here(play, method, target):
    async def scenario(seen: World) -> None:
        async with seen.client.request(method, f"http://runf{target}") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "GET")

    play(scenario)


def test_a_fault_inside_is_json_and_one_line_of_the_log(play, monkeypatch, caplog):
    async def scenario(seen: World) -> None:
        monkeypatch.setattr(seen.follower.snapshot, "find", lambda container_id: {}["x"])
        status, found = await seen.document("/v1/containers/web")
        assert (status, found["error"]) == (500, "internal error: KeyError")
        assert [(record.getMessage(), record.exc_info) for record in caplog.records] == [
            ("GET /v1/containers/web: KeyError: 'x'", None)
        ]

    play(scenario)


def test_the_snapshot_comes_first_and_then_the_stream(play):
    async def scenario(seen: World) -> None:
        seen.add("a")
        life = seen.add("b")
        async with seen.get("/v1/events") as answer:
            assert answer.content_type == "application/x-ndjson"
            assert told(await lines(answer, 2)) == [("a", "snapshot"), ("b", "snapshot")]
            seen.tell(life.step("started"))
            assert told(await lines(answer, 1)) == [("b", "started")]

    play(scenario)


def test_what_happens_during_the_snapshot_comes_after_it_and_once(play):
    async def scenario(seen: World) -> None:
        for number in range(3 * BATCH):
            seen.lives[f"c{number:04}"] = Life(f"c{number:04}")
        changing = seen.lives["c0000"]
        kept = seen.follower.snapshot.kept

        def change_at_once() -> list[Kept]:
            found = kept()
            asyncio.get_running_loop().call_soon(lambda: seen.tell(changing.step("created")))
            return found

        seen.follower.snapshot.kept = change_at_once  # type: ignore[method-assign]
        async with seen.get("/v1/events") as answer:
            found = told(await lines(answer, 3 * BATCH + 1))
        assert found.count(("c0000", "snapshot")) == 1
        assert found[-1] == ("c0000", "created")

    play(scenario)


def test_who_takes_the_snapshot_too_slowly_gets_the_rest_of_it_as_it_is_by_then(play, monkeypatch):
    forgetful: list[Walk] = []

    class Told(Walk):
        def let_go(self) -> None:
            super().let_go()
            forgetful.append(self)

    monkeypatch.setattr(http_module, "Walk", Told)

    async def scenario(seen: World) -> None:
        for number in range(4 * BATCH):
            seen.lives[f"c{number:04}"] = Life(f"c{number:04}")
        last = f"c{4 * BATCH - 1:04}"
        reader, writer = await asyncio.open_unix_connection(seen.socket, limit=4096)
        writer.write(b"GET /v1/events HTTP/1.0\r\n\r\n")
        await until(lambda: len(forgetful) > 0)
        changed, gone = seen.lives[last], seen.lives.pop(f"c{4 * BATCH - 2:04}")
        seen.tell(changed.step("created", status="created"))
        seen.tell(gone.step("deleted"))
        await reader.readuntil(b"\r\n\r\n")
        reader._limit = 1 << 20  # type: ignore[attr-defined]
        found = [json.loads(await reader.readline()) for _ in range(4 * BATCH + 1)]
        writer.close()
        snapshot, stream = found[:-2], found[-2:]
        assert told(stream) == [(last, "created"), (gone.record["id"], "deleted")]
        assert [event["subject"] for event in snapshot] == sorted(seen.lives)
        assert snapshot[-1]["data"] == changed.record
        assert snapshot[0]["data"] == seen.lives["c0000"].record
        assert snapshot[-1]["cursor"] == seen.journal.cursor_at(0)

    play(scenario, patience_s=0.01)


def test_only_the_last_event_of_a_snapshot_carries_the_cursor(play):
    async def scenario(seen: World) -> None:
        seen.add("a")
        seen.add("b")
        async with seen.get("/v1/events") as answer:
            found = await lines(answer, 2)
            assert [event.get("cursor") for event in found] == [None, seen.journal.cursor]

    play(scenario)


def test_an_empty_snapshot_has_its_cursor_in_the_head(play):
    async def scenario(seen: World) -> None:
        async with seen.get("/v1/events") as answer:
            cursor = answer.headers["Runf-Cursor"]
        seen.add("a")
        async with seen.get(f"/v1/events?after={cursor}") as answer:
            assert told(await lines(answer, 1)) == [("a", "created")]

    play(scenario)


def test_an_array_of_records_says_where_the_stream_goes_on(play):
    async def scenario(seen: World) -> None:
        life = seen.add("a")
        async with seen.get("/v1/containers") as answer:
            cursor = answer.headers["Runf-Cursor"]
        seen.tell(life.step("started"))
        async with seen.get(f"/v1/events?after={cursor}") as answer:
            assert told(await lines(answer, 1)) == [("a", "started")]

    play(scenario)


def test_every_event_follows_its_schema(play):
    async def scenario(seen: World) -> None:
        life = seen.add("a")
        validator = jsonschema.Draft202012Validator(json.loads(EVENT_SCHEMA.read_text()))
        async with seen.get("/v1/events") as answer:
            snapshot = await lines(answer, 1)
            seen.tell(life.steps(8))
            for event in snapshot + await lines(answer, 8):
                validator.validate(event)

    play(scenario)


def test_a_filter_holds_for_snapshot_replay_and_stream(play):
    async def scenario(seen: World) -> None:
        a, b = seen.add("a"), seen.add("b")
        begin = seen.journal.cursor_at(0)
        async with (
            seen.get("/v1/events?id=a&type=started") as live,
            seen.get(f"/v1/events?id=a&after={begin}") as resumed,
        ):
            seen.tell(b.step("started"))
            seen.tell(a.step("started"))
            assert told(await lines(live, 2)) == [("a", "snapshot"), ("a", "started")]
            assert told(await lines(resumed, 2)) == [("a", "created"), ("a", "started")]

    play(scenario)


def test_server_sent_events_have_an_id_a_type_and_data(play):
    async def scenario(seen: World) -> None:
        life = seen.add("a")
        async with seen.get("/v1/events", **SSE) as answer:
            assert answer.content_type == "text/event-stream"
            begin = seen.journal.cursor
            text = [(await answer.content.readline()).decode() for _ in range(6)]
            assert text[:4] == ["retry: 1000\n", "\n", f"id: {begin}\n", "event: org.runf.container.snapshot.v1\n"]
            assert json.loads(text[4].removeprefix("data: "))["subject"] == "a"
            assert [(await answer.content.readline()).decode() for _ in range(3)] == [
                ": still here\n",
                f"id: {begin}\n",
                "\n",
            ]
            seen.tell(life.step("started"))
            assert (await answer.content.readline()).decode() == f"id: {seen.journal.cursor}\n"

    play(scenario)


def test_server_sent_events_resume_from_the_last_id(play):
    async def scenario(seen: World) -> None:
        life = seen.add("a")
        cursor = seen.journal.cursor
        seen.tell(life.step("started"))
        async with seen.get("/v1/events", **SSE, **{"Last-Event-ID": cursor}) as answer:
            text = (await answer.content.readuntil(b"data: ")).decode()
            assert "event: org.runf.container.started.v1\n" in text

    play(scenario)


def test_a_heartbeat_says_how_far_a_filtered_stream_has_come(play):
    async def scenario(seen: World) -> None:
        life = seen.add("a")
        async with seen.get("/v1/events?id=nobody", **SSE) as answer:
            await answer.content.readuntil(b"still here\n")
            seen.tell(life.steps(3))
            await answer.content.readuntil(f"id: {seen.journal.cursor}\n\n".encode())

    play(scenario, heartbeat_s=0.001)


def test_a_reader_that_goes_away_is_let_go(play):
    async def scenario(seen: World) -> None:
        answer = await seen.get("/v1/events?id=nobody")
        assert (await seen.document("/healthz"))[1]["subscribers"] == 1
        answer.close()
        await until(lambda: len(seen.hub) == 0)

    play(scenario)


def test_a_slow_reader_gets_one_gap_marker_and_then_what_it_missed(play):
    async def scenario(seen: World) -> None:
        life = seen.add("a")
        reader, writer = await asyncio.open_unix_connection(seen.socket, limit=4096)
        writer.write(f"GET /v1/events?after={seen.journal.cursor} HTTP/1.0\r\n\r\n".encode())
        await until(lambda: len(seen.hub) == 1)
        (subscriber,) = seen.hub._subscribers
        while subscriber._gap is None:
            seen.tell(life.steps(8))
            await asyncio.sleep(0)
        last = seen.journal.sequence
        found = []
        await reader.readuntil(b"\r\n\r\n")
        reader._limit = 1 << 20  # type: ignore[attr-defined]
        while not found or found[-1].get("cursor") != seen.journal.cursor_at(last):
            found.append(json.loads(await reader.readline()))
        writer.close()
        (gap,) = [event for event in found if short(event) == "gap"]
        at = found.index(gap)
        sequences = [int(event["sequence"]) for event in found if event is not gap]
        assert sequences == list(range(2, last + 1))
        assert gap["data"]["after"] == found[at - 1]["cursor"]
        assert gap["data"]["missed"] == last - sequences[at - 1]

    play(scenario, queue=8)


@pytest.mark.parametrize(("version", "is_chunked"), [("1.1", True), ("1.0", False)])
def test_what_comes_after_a_quiet_resumption_comes_after_the_head(play, version, is_chunked):
    async def scenario(seen: World) -> None:
        life = seen.add("a")
        reader, writer = await asyncio.open_unix_connection(seen.socket)
        target = f"/v1/events?after={seen.journal.cursor}"
        writer.write(f"GET {target} HTTP/{version}\r\nHost: runf\r\n\r\n".encode())
        await until(lambda: any(each._outlet is not None for each in seen.hub._subscribers))
        seen.tell(life.steps(1))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/")
        assert (b"Transfer-Encoding: chunked" in head) is is_chunked
        size = int(await reader.readline(), 16) if is_chunked else None
        line = await reader.readline()
        assert json.loads(line)["sequence"] == "2".zfill(20)
        assert size in (None, len(line))
        writer.close()

    play(scenario)


def test_what_a_slow_reader_lost_for_good_is_said(play):
    async def scenario(seen: World) -> None:
        life = seen.add("a")
        reader, writer = await asyncio.open_unix_connection(seen.socket, limit=4096)
        writer.write(f"GET /v1/events?after={seen.journal.cursor} HTTP/1.0\r\n\r\n".encode())
        await until(lambda: len(seen.hub) == 1)
        (subscriber,) = seen.hub._subscribers
        while seen.journal.first <= subscriber.position + 1 or subscriber._gap is None:
            seen.tell(life.steps(8))
            await asyncio.sleep(0)
        await reader.readuntil(b"\r\n\r\n")
        reader._limit = 1 << 20  # type: ignore[attr-defined]
        event: dict[str, Any] = {"type": "org.runf.container.updated.v1"}
        before = event
        while short(event) != "gap":
            before, event = event, json.loads(await reader.readline())
        following = json.loads(await reader.readline())
        writer.close()
        missed = int(following["sequence"]) - int(before["sequence"]) - 1
        assert event["data"] == {
            "after": before["cursor"],
            "missed": missed,
            "reason": "this subscriber was too slow, and the journal keeps what it missed no longer",
        }

    play(scenario, queue=8, segment_bytes=1 << 16, segments=2)


def test_the_end_of_the_hub_ends_a_stream_properly(play):
    async def scenario(seen: World) -> None:
        seen.add("a")
        async with seen.get("/v1/events") as answer:
            await lines(answer, 1)
            seen.hub.close()
            assert await answer.content.read() == b""

    play(scenario)


def test_its_health_is_told(play):
    async def scenario(seen: World) -> None:
        seen.add("a")
        seen.follower.snapshot.unreadable["b"] = "no record"
        assert await seen.document("/healthz") == (
            200,
            {
                "status": "ok",
                "cursor": seen.journal.cursor,
                "roots": [ROOT, OTHER_ROOT],
                "refusedRoots": {"/tmp/planted": "it belongs to uid 1000"},
                "containers": 1,
                "subscribers": 0,
                "overflows": 0,
                "rescans": 0,
                "unreadable": {"b": "no record"},
            },
        )

    play(scenario)
