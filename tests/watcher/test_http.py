"""The watcher's HTTP: records as they are, its health, and JSON for every refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.lives import Life
from tests.support.serving import OTHER_ROOT, ROOT, World, lines
from watcher.hub import BATCH

if TYPE_CHECKING:
    from runtime.store.record import Record


def in_root(records: list[Record], root: str = ROOT) -> list[dict[str, Any]]:
    return [{**record, "root": root} for record in records]


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
