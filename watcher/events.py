"""PURE: from a record and one of its happenings to a CloudEvent (schemas/event.schema.json).

The id is made of what the record says alone, so that everybody who derives an event derives the same one.
Source: CloudEvents 1.0.2, JSON event format.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from runtime.store.record import event_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime.store.record import Record
    from watcher.diff import Happening, Known
    from watcher.snapshot import Kept

CONTAINER = "org.runf.container."
GAP_TYPE = "org.runf.watcher.gap.v1"
SNAPSHOT = "snapshot"
SEQUENCE_DIGITS = 20  # zero-padded, so that text compares like numbers
RECORD_SCHEMA = "urn:runf:schema:state:1"
GAP_SCHEMA = "urn:runf:schema:gap:1"

_LEFT = ":left"
_TYPE = b'"type":"'  # a quote within a text is escaped, so this is never part of one


class Event(dict[str, Any]):
    """A CloudEvent; ``text`` is its data as JSON on one line, where that is at hand.

    ``told`` is what is known to whoever has been told it, where it is the newest of its record.
    """

    __slots__ = ("text", "told")

    def __init__(self, members: dict[str, Any], text: bytes | None = None) -> None:
        super().__init__(members)
        self.text = text
        self.told: Known | None = None


def source_of(machine_id: str, root: str) -> str:
    """Which root on which machine the events are about: a URI reference."""
    return f"//{machine_id}{quote(root)}"


def root_of(source: str) -> str:
    """The root in what ``source_of`` made."""
    return unquote(source[source.index("/", 2) :])


def event_type(happening: str) -> str:
    """The full type of a happening such as ``stopped`` or ``exec.started``."""
    return f"{CONTAINER}{happening}.v1"


def event_of(record: Record, happening: Happening, *, source: str, text: bytes | None = None) -> Event:
    """The event of ``happening``, with the whole record as its data, so that it explains itself."""
    identity = event_id(record["instance"], happening.generation, happening.n)
    return _event(identity, event_type(happening.type), record, happening.time, source, text)


def snapshot_event(record: Record, *, source: str) -> Event:
    """What a new subscriber gets of each container that is there already."""
    identity = f"{record['instance']}:{record['generation']}:{SNAPSHOT}"
    transitions = record["transitions"]
    time = transitions[-1]["time"] if transitions else record["created"]
    return _event(identity, event_type(SNAPSHOT), record, time, source, None)


def gap_event(
    *,
    subject: str,
    source: str,
    time: str,
    after: str | None,
    missed: int | None,
    reason: str,
    left: str | None = None,
) -> Event:
    """A visible hole: ``missed`` events (None: nobody counted) that begin after the cursor ``after``.

    ``left`` is the instance of a life whose departure is among them.
    """
    data = {"after": after, "missed": missed, "reason": reason}
    identity = f"gap:{after or time}:{subject}" if left is None else f"gap:{left}{_LEFT}"
    return Event(_members(identity, source, GAP_TYPE, subject, time, GAP_SCHEMA, data))


def left_in(event: Mapping[str, Any]) -> str | None:
    """The instance of the life whose departure a gap stands for."""
    identity: str = event["id"]
    is_departure = event["type"] == GAP_TYPE and identity.endswith(_LEFT)
    return identity.removeprefix("gap:").removesuffix(_LEFT) if is_departure else None


def line_of(event: Event, *, sequence: int, cursor: str) -> bytes:
    """The event with its place in the stream, on one line; the same as its members as JSON, and much cheaper."""
    data = event.text
    if data is None:
        data = json.dumps(event["data"], separators=(",", ":")).encode()
    head = _head(event["id"], event["source"], event["type"], event["subject"], event["time"], event["dataschema"])
    return b'%b,"data":%b,"sequence":"%0*d","cursor":"%b"}' % (head, data, SEQUENCE_DIGITS, sequence, cursor.encode())


def snapshot_line(kept: Kept, *, source: str, cursor: str | None) -> bytes:
    """The same event as it goes over the wire, made of the packed record as it is."""
    identity = f"{kept.instance}:{kept.generation}:{SNAPSHOT}"
    head = _head(identity, source, event_type(SNAPSHOT), kept.id, kept.time, RECORD_SCHEMA)
    place = b"" if cursor is None else b',"cursor":"%b"' % cursor.encode()
    return b'%b%b,"data":%b}' % (head, place, kept.data)


def type_of(line: bytes) -> str:
    """The type in an event's line, whose members come as ``_head`` has them."""
    start = line.index(_TYPE) + len(_TYPE)
    return line[start : line.index(b'"', start)].decode()


def _event(identity: str, kind: str, record: Record, time: str, source: str, text: bytes | None) -> Event:
    return Event(_members(identity, source, kind, record["id"], time, RECORD_SCHEMA, record), text)


def _members(
    identity: str, source: str, kind: str, subject: str, time: str, schema: str, data: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": identity,
        "source": source,
        "type": kind,
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
        "dataschema": schema,
        "data": data,
    }


def _head(identity: str, source: str, kind: str, subject: str, time: str, schema: str) -> bytes:
    """The members before ``data`` as JSON, without the closing brace."""
    return (
        f'{{"specversion":"1.0","id":{quoted(identity)},"source":{quoted(source)},"type":"{kind}"'
        f',"subject":{quoted(subject)},"time":{quoted(time)},"datacontenttype":"application/json"'
        f',"dataschema":"{schema}"'
    ).encode("ascii")
