"""Slow readers: one gap marker, then what they missed, in order; and what quick ones get straight."""

from __future__ import annotations

import asyncio
import json
import select
import socket
from typing import Any

import pytest

from runtime.cgroups.usage import Usage
from tests.support.lives import Life
from tests.support.serving import World, lines, until
from tests.support.watching import short

USAGE = Usage(1.0, 0.5, 0.5, 4096, 4096, 8192, 1, 0)
LINUX = {"cgroup": {"version": 2, "paths": {"unified": "/sys/fs/cgroup/x"}, "scope": None}, "namespaces": {}}


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


@pytest.mark.parametrize("target", ["/v1/containers", "/metrics", "/v1/usage"])
def test_who_takes_nothing_of_a_long_answer_gets_no_more_of_it(play, monkeypatch, target):
    """While it is connected what is left of the answer would stay in memory."""
    monkeypatch.setattr("watcher.usages.read_usage", lambda cgroup: USAGE)

    async def scenario(seen: World) -> None:
        for number in range(2000):
            life = seen.lives[f"c{number}"] = Life(f"c{number}", annotations={"filler": "x" * 500})
            life.step("created", status="created", linux=LINUX)
        quick = await seen.get(target)
        whole = await quick.read()
        with socket.socket(socket.AF_UNIX) as stuck:
            stuck.connect(seen.socket)
            stuck.send(f"GET {target} HTTP/1.0\r\n\r\n".encode())
            await until(lambda: has_been_left(stuck))
            told = b"".join(iter(lambda: stuck.recv(1 << 20), b""))
        _, _, body = told.partition(b"\r\n\r\n")
        assert 0 < len(body) < len(whole)
        assert quick.status == 200

    play(scenario, stuck_s=0.1)


def has_been_left(connection: socket.socket) -> bool:
    """Whether the other end has closed it, whatever lies there unread."""
    poll = select.poll()
    poll.register(connection, 0)  # POLLHUP comes unasked
    return bool(poll.poll(0))
