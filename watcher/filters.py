"""PURE: which containers and events a client wants, from the query of its request.

    id=web           prefix=web-        the id, or how it begins
    type=stopped     an event's type, also in full
    status=running   owner=NAME         runtime=NAME        root=PATH
    annotation=KEY   annotation=KEY=VALUE
    exit=7           exit=failed (any code but 0)           exit=unknown (it has ended, and nobody knows how)

Values of one name are alternatives, and so are id and prefix; names must all match. The snapshot comes whatever types
were asked for, and a gap comes to everybody whom it may concern.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.errors import UsageFault
from watcher.events import CONTAINER, GAP_TYPE, SNAPSHOT, event_type, root_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runtime.store.record import Record
    from watcher.events import Event

Asked = dict[str, list[str]]

SCHEMAS = Path(__file__).parent.parent / "schemas"
RECORD_NAMES = ("id", "prefix", "status", "owner", "annotation", "runtime", "exit", "root")
EVENT_NAMES = (*RECORD_NAMES, "type")
FAILED, UNKNOWN = "failed", "unknown"
HIGHEST_CODE = 255


def _schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return found


# all types of events, in full
TYPES = frozenset(_schema("event")["properties"]["type"]["enum"])
STATUSES: tuple[str, ...] = tuple(_schema("state")["properties"]["status"]["enum"])


def make_record_filter(query: Iterable[tuple[str, str]]) -> Callable[[Record, str], bool]:
    """Whether a record in that root is wanted.  UsageFault."""
    asked = _read(query, RECORD_NAMES)
    return lambda record, root: root in asked.get("root", (root,)) and _matches(record, asked)


def make_event_filter(query: Iterable[tuple[str, str]]) -> Callable[[Event], bool]:
    """Whether an event is wanted.  UsageFault."""
    asked = _read(query, EVENT_NAMES)
    if not asked:
        return lambda event: True
    types = {_full_type(kind) for kind in asked.pop("type", ())}
    roots = asked.get("root")
    if types:
        types.add(event_type(SNAPSHOT))

    def wants(event: Event) -> bool:
        if roots and root_of(event["source"]) not in roots:
            return False
        if event["type"] == GAP_TYPE:
            return not event["subject"] or _has_name(event["subject"], asked)
        return (not types or event["type"] in types) and _matches(event["data"], asked)

    return wants


def _read(query: Iterable[tuple[str, str]], names: tuple[str, ...]) -> Asked:
    asked: Asked = {}
    for name, value in query:
        if name not in names:
            raise UsageFault(f"there is no filter {name!r}", hint=f"there are {', '.join(names)}")
        asked.setdefault(name, []).append(value)
    for status in asked.get("status", ()):
        if status not in STATUSES:
            raise UsageFault(f"there is no status {status!r}", hint=f"there are {', '.join(STATUSES)}")
    for code in asked.get("exit", ()):
        if code not in (FAILED, UNKNOWN) and not _is_code(code):
            raise UsageFault(f"{code!r} is no exit code", hint=f"ask for 0 to {HIGHEST_CODE}, {FAILED} or {UNKNOWN}")
    return asked


def _is_code(text: str) -> bool:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(HIGHEST_CODE))
    return is_number and str(int(text)) == text and int(text) <= HIGHEST_CODE


def _full_type(kind: str) -> str:
    full = kind if kind in TYPES else event_type(kind)
    if full not in TYPES:
        short = sorted(each.removeprefix(CONTAINER).removesuffix(".v1") for each in TYPES - {GAP_TYPE})
        raise UsageFault(f"there is no event type {kind!r}", hint=f"there are {', '.join(short)}")
    return full


def _matches(record: Record, asked: Asked) -> bool:
    return (
        _has_name(record["id"], asked)
        and ("status" not in asked or record["status"] in asked["status"])
        and ("owner" not in asked or record["owner"] in asked["owner"])
        and ("runtime" not in asked or record["runtime"]["name"] in asked["runtime"])
        and ("annotation" not in asked or any(_has(record["annotations"], text) for text in asked["annotation"]))
        and ("exit" not in asked or (record["status"] == "stopped" and _ended(record["exit"]["code"], asked["exit"])))
    )


def _has_name(container_id: str, asked: Asked) -> bool:
    if "id" not in asked and "prefix" not in asked:
        return True
    return container_id in asked.get("id", ()) or container_id.startswith(tuple(asked.get("prefix", ())))


def _has(annotations: dict[str, str], text: str) -> bool:
    key, given, value = text.partition("=")
    return key in annotations and (not given or annotations[key] == value)


def _ended(code: int | None, wanted: list[str]) -> bool:
    if code is None:
        return UNKNOWN in wanted
    return str(code) in wanted or (code != 0 and FAILED in wanted)
