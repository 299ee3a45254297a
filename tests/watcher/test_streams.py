"""The stream of events: snapshots without gap or overlap, cursors, filters, and both forms."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema

from tests.support.lives import Life
from tests.support.serving import SSE, World, lines, told, until
from watcher.hub import BATCH
from watcher.outputs import http as http_module
from watcher.snapshot import Walk

if TYPE_CHECKING:
    from watcher.snapshot import Kept

EVENT_SCHEMA = Path(__file__).parent.parent.parent / "schemas" / "event.schema.json"


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
