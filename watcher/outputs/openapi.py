"""GET /openapi.json: what the watcher answers, for machines; made from the same schemas that its answers follow.

OpenAPI 3.1 takes JSON Schema 2020-12 as it is; only the references are turned, since tools expect everything under
``components``.  Source: OpenAPI Specification 3.1.0.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from runtime import VERSION
from watcher.filters import EVENT_NAMES, RECORD_NAMES, SCHEMAS, STATUSES
from watcher.outputs.answers import answer

if TYPE_CHECKING:
    from aiohttp import web

JSON = "application/json"
FILTERS = {
    "id": "Only the container of this id.",
    "prefix": "Only containers whose ids begin so.",
    "status": "Only containers of this status.",
    "owner": "Only containers of this user.",
    "annotation": "Only containers with this annotation: KEY, or KEY=VALUE.",
    "runtime": "Only containers of this runtime.",
    "exit": "Only containers that ended so: a code, `failed` for any but 0, `unknown` where nobody knows.",
    "root": "Only containers of this state root.",
    "type": "Only events of this type, such as stopped; snapshot and gap come all the same.",
}
TEXT: dict[str, Any] = {"type": "string"}


async def describe(request: web.Request) -> web.Response:
    """The document."""
    return answer(document())


@cache
def document() -> dict[str, Any]:
    """The whole of it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "runf-watcher",
            "version": VERSION,
            "description": "Containers, what happens to them and what they use. Read only; values of one filter are "
            "alternatives, filters of different names must all match.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(),
        "components": {"schemas": _schemas()},
    }


def _paths() -> dict[str, Any]:
    records = [_filter(name) for name in RECORD_NAMES]
    after = {"name": "after", "in": "query", "schema": TEXT, "description": "Go on after this cursor."}
    last = {"name": "Last-Event-ID", "in": "header", "schema": TEXT, "description": "The same, from an EventSource."}
    one = {"name": "id", "in": "path", "required": True, "schema": TEXT}
    cursor = {"Runf-Cursor": {"description": "Where /v1/events goes on after this answer.", "schema": TEXT}}
    events = {kind: {"schema": _ref("Event")} for kind in ("application/x-ndjson", "text/event-stream")}
    stream = {"description": "One event after the other, for ever.", "headers": cursor, "content": events}
    containers = {**_answers("The records.", _array("Container")), "headers": cursor}
    return {
        "/": _get("A page for people", {"200": _text("text/html")}),
        "/v1/containers": _get("All containers", {"200": containers}, records),
        "/v1/containers/{id}": _get(
            "One container",
            {
                "200": _answers("Its record.", _ref("Container")),
                "404": _answers("There is none.", _ref("Problem")),
                "409": _answers("Several roots have one: name yours with `root`.", _ref("Problem")),
            },
            [one, *(each for each in records if each["name"] != "id")],
        ),
        "/v1/events": _get(
            "First a snapshot, then what happens",
            {"200": stream, "410": _answers("The cursor leads nowhere any more.", _ref("Gone"))},
            [*(_filter(name) for name in EVENT_NAMES), after, last],
        ),
        "/v1/usage": _get("What living containers use", {"200": _answers("By container.", _array("Usage"))}, records),
        "/metrics": _get("For Prometheus", {"200": _text("text/plain")}),
        "/healthz": _get("How the watcher is", {"200": _answers("It works.", _ref("Health"))}),
        "/openapi.json": _get("This document", {"200": _answers("OpenAPI 3.1.", {"type": "object"})}),
    }


def _get(summary: str, responses: dict[str, Any], parameters: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    refused = {"default": _answers("Whatever else is wrong.", _ref("Problem"))}
    if parameters:
        refused["400"] = _answers("A filter that there isn't.", _ref("Problem"))
    operation = {"summary": summary, "responses": {**responses, **refused}}
    return {"get": {**operation, "parameters": parameters} if parameters else operation}


def _filter(name: str) -> dict[str, Any]:
    schema = {"type": "string", "enum": list(STATUSES)} if name == "status" else TEXT
    return {
        "name": name,
        "in": "query",
        "description": FILTERS[name],
        "schema": {"type": "array", "items": schema},
        "style": "form",
        "explode": True,
    }


def _answers(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {JSON: {"schema": schema}}}


def _text(kind: str) -> dict[str, Any]:
    return {"description": "Text.", "content": {kind: {"schema": TEXT}}}


def _array(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(name)}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas() -> dict[str, Any]:
    found = _hoisted("state", "Record")
    record = found["Record"]
    found["Container"] = {
        **record,
        "title": "A container's record, and the state root that it lies in",
        "required": [*record["required"], "root"],
        "properties": {**record["properties"], "root": {"type": "string", "pattern": "^/"}},
    }
    return {**found, **_hoisted("event", "Event"), **_hoisted("usage", "Usage"), **_small()}


def _hoisted(name: str, title: str) -> dict[str, Any]:
    """The schema as ``title``, and each of its $defs beside it."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    names = {key: f"{title}{key[0].upper()}{key[1:]}" for key in schema.get("$defs", {})}
    inner = {names[key]: _turned(value, names) for key, value in schema.pop("$defs", {}).items()}
    kept = {key: value for key, value in schema.items() if key not in ("$schema", "$id")}
    return {title: _turned(kept, names), **inner}


def _turned(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_turned(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$ref"), str):
        return _ref(names[value["$ref"].removeprefix("#/$defs/")])
    return {key: _turned(each, names) for key, each in value.items()}


def _small() -> dict[str, Any]:
    words = {"type": "object", "additionalProperties": TEXT}
    number = {"type": "integer", "minimum": 0}
    problem = {"error": {**TEXT, "description": "What is wrong."}, "hint": {**TEXT, "description": "What to do."}}
    gone = {
        **problem,
        "anew": {**TEXT, "description": "Where the snapshot begins."},
        "oldest": {**TEXT, "description": "The cursor of all that is still kept."},
    }
    health = {
        "status": {"const": "ok"},
        "cursor": TEXT,
        "roots": {"type": "array", "items": TEXT},
        "refusedRoots": words,
        "unreadable": words,
        **dict.fromkeys(("containers", "subscribers", "overflows", "rescans"), number),
    }
    return {name: _object(members) for name, members in (("Problem", problem), ("Gone", gone), ("Health", health))}


def _object(members: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(members), "properties": members, "additionalProperties": False}
