"""PURE: from a record and one of its happenings to a CloudEvent (schemas/event.schema.json).

The id is made of what the record says alone, so that everybody who derives an event derives the same one.
Source: CloudEvents 1.0.2, JSON event format.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from runtime.store.record import event_id

if TYPE_CHECKING:
    from runtime.store.record import Record
    from watcher.diff import Happening
    from watcher.snapshot import Kept

CONTAINER = "org.runf.container."
GAP_TYPE = "org.runf.watcher.gap.v1"
SNAPSHOT = "snapshot"
RECORD_SCHEMA = "urn:runf:schema:state:1"
GAP_SCHEMA = "urn:runf:schema:gap:1"

Event = dict[str, Any]

_TYPE = b'"type":"'  # a quote within a text is escaped, so this is never part of one


def source_of(machine_id: str, root: str) -> str:
    """Which root on which machine the events are about: a URI reference."""
    return f"//{machine_id}{quote(root)}"


def root_of(source: str) -> str:
    """The root in what ``source_of`` made."""
    return unquote(source[source.index("/", 2) :])


def event_type(happening: str) -> str:
    """The full type of a happening such as ``stopped`` or ``exec.started``."""
    return f"{CONTAINER}{happening}.v1"


def event_of(record: Record, happening: Happening, *, source: str) -> Event:
    """The event of ``happening``, with the whole record as its data, so that it explains itself."""
    return _event(
        event_id(record["instance"], happening.generation, happening.n),
        event_type(happening.type),
        record,
        happening.time,
        source,
    )


def snapshot_event(record: Record, *, source: str) -> Event:
    """What a new subscriber gets of each container that is there already."""
    identity = f"{record['instance']}:{record['generation']}:{SNAPSHOT}"
    transitions = record["transitions"]
    time = transitions[-1]["time"] if transitions else record["created"]
    return _event(identity, event_type(SNAPSHOT), record, time, source)


def snapshot_line(kept: Kept, *, source: str, cursor: str | None) -> bytes:
    """The same event as it goes over the wire, made of the packed record as it is."""
    identity = f"{kept.instance}:{kept.generation}:{SNAPSHOT}"
    event = _envelope(identity, event_type(SNAPSHOT), kept.id, kept.time, source)
    if cursor is not None:
        event["cursor"] = cursor
    return json.dumps(event, separators=(",", ":")).encode()[:-1] + b',"data":' + kept.data + b"}"


def type_of(line: bytes) -> str:
    """The type in an event's line, whose members come as ``_envelope`` has them."""
    start = line.index(_TYPE) + len(_TYPE)
    return line[start : line.index(b'"', start)].decode()


def _event(identity: str, kind: str, record: Record, time: str, source: str) -> Event:
    return {**_envelope(identity, kind, record["id"], time, source), "data": record}


def _envelope(identity: str, kind: str, subject: str, time: str, source: str) -> Event:
    return {
        "specversion": "1.0",
        "id": identity,
        "source": source,
        "type": kind,
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
        "dataschema": RECORD_SCHEMA,
    }


def gap_event(*, subject: str, source: str, time: str, after: str | None, missed: int | None, reason: str) -> Event:
    """A visible hole: ``missed`` events (None: nobody counted) that begin after the cursor ``after``."""
    return {
        "specversion": "1.0",
        "id": f"gap:{after or time}:{subject}",
        "source": source,
        "type": GAP_TYPE,
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
        "dataschema": GAP_SCHEMA,
        "data": {"after": after, "missed": missed, "reason": reason},
    }
