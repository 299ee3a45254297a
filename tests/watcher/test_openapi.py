"""The OpenAPI document: every route is in it, and what is really answered follows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from runtime.actions.identity import identify
from tests.support.records import commit, process_of, publish
from tests.support.watching import reading
from watcher.outputs.openapi import document

if TYPE_CHECKING:
    from collections.abc import Iterator


def schema_of(path: str, status: str = "200", kind: str = "application/json") -> dict[str, Any]:
    """What that answer must follow."""
    answer = document()["paths"][path]["get"]["responses"][status]
    found: dict[str, Any] = answer["content"][kind]["schema"]
    return {**found, "components": document()["components"]}


def follows(path: str, what: Any, **which: str) -> None:
    jsonschema.Draft202012Validator(schema_of(path, **which)).validate(what)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_reference_leads_somewhere():
    schemas = document()["components"]["schemas"]
    names = {reference.removeprefix("#/components/schemas/") for reference in references(document())}
    assert names <= schemas.keys()
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_it_is_served(watcher):
    assert watcher().get("/openapi.json").document() == document()


def test_every_path_of_it_is_there_and_no_other(watcher):
    from watcher.outputs.http import Service

    service = Service(None, None, None, source="")  # type: ignore[arg-type]
    routes = {route.resource.canonical for route in service.application().router.routes() if route.resource}
    assert routes == document()["paths"].keys()


@pytest.mark.parametrize(
    ("path", "target", "status"),
    [
        ("/v1/containers", "/v1/containers", 200),
        ("/v1/containers", "/v1/containers?nonsense=1", 400),
        ("/v1/containers/{id}", "/v1/containers/web", 200),
        ("/v1/containers/{id}", "/v1/containers/db", 404),
        ("/v1/events", "/v1/events?after=x.1", 410),
        ("/v1/events", "/v1/events?exit=x", 400),
        ("/v1/usage", "/v1/usage", 200),
        ("/healthz", "/healthz", 200),
        ("/openapi.json", "/openapi.json", 200),
    ],
)
def test_what_is_answered_follows_it(store, watcher, path, target, status):
    publish(store, annotations={"team": "red"})
    commit(store, process=process_of(), pid=4242, status="created", happenings=("created",))
    answer = watcher("--read-only").get(target)
    assert answer.status == status
    follows(path, answer.document(), status=str(status))


def test_what_is_streamed_follows_it(store, watcher):
    publish(store)
    commit(store, process=identify(1), pid=1, status="created", happenings=("created",))
    watching = watcher("--read-only")
    with reading(watching.get("/v1/events")) as stream:
        follows("/v1/events", stream.event(), kind="application/x-ndjson")
        commit(store, happenings=("updated",))
        follows("/v1/events", stream.event(), kind="application/x-ndjson")
    with reading(watching.get("/v1/events", Accept="text/event-stream")) as stream:
        while not (line := stream.line()).startswith("data: "):
            pass
        follows("/v1/events", json.loads(line.removeprefix("data: ")), kind="text/event-stream")
