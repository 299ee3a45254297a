"""Every parser that reads foreign input, as a function of bytes: it returns, or raises what no user should meet.

What a parser may say of bad input is caught here by name; whatever else it raises is a finding.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from runtime import jsontext
from runtime.cli import argv
from runtime.cli.commands import update
from runtime.errors import BadIdentifier, BadRecord, Fault, SpecFault, Unsupported, UsageFault
from runtime.sandbox import criu, protobuf
from runtime.sandbox.plan import plan_init
from runtime.spec.bundle import parse_config
from runtime.spec.explain import find_all_faults
from runtime.spec.process import check_process
from runtime.spec.resources import parse_resources
from runtime.store import handover, layout, record
from runtime.store.consistency import find_contradictions
from tests.support.bundles import make_config
from watcher import config as watcher_config
from watcher.diff import events_since
from watcher.filters import make_event_filter, make_record_filter
from watcher.journal import Gone, Journal

if TYPE_CHECKING:
    from collections.abc import Callable

CONTAINER: Any = make_config(rootless=False)
LETTERS = frozenset(layout.ID_CHARACTERS)
JOURNAL = Journal(Path(tempfile.mkdtemp(prefix="runf-")))


def config(data: bytes) -> None:
    """config.json: refused with a place, or planned; what is refused is explained too."""
    try:
        parsed = parse_config(data, "/bundle")
        plan_init(
            parsed,
            bundle="/bundle",
            rootfs="/bundle/rootfs",
            container_id="one",
            rootless=False,
            in_userns=False,
            denies_setgroups=False,
        )
    except (SpecFault, Unsupported) as fault:
        _tell(fault.message)
        _explain(data)


def _explain(data: bytes) -> None:
    """What is refused has a fault to tell."""
    try:
        document = jsontext.decode(data)
    except jsontext.BadJson:
        return
    assert list(find_all_faults(document, data))


def _tell(words: str) -> None:
    """What a user is told is one line."""
    assert "\n" not in words


def process(data: bytes) -> None:
    """process.json of ``exec --process``."""
    try:
        document = jsontext.decode(data)
        check_process({**CONTAINER, "process": document}, data, document="process.json")
    except (jsontext.BadJson, SpecFault, Unsupported) as fault:
        _tell(str(fault))


def resources(data: bytes) -> None:
    """The limits of ``update --resources``."""
    try:
        parse_resources(data, "stdin")
    except (SpecFault, Unsupported) as fault:
        _tell(str(fault))


def state(data: bytes) -> None:
    """state.json: what is taken contradicts itself or not, is written as it was read, and has its events."""
    try:
        found = record.parse(data, None)
    except BadRecord as fault:
        _tell(str(fault))
        return
    assert record.parse(record.serialize(found) + b"\n", found["id"]) == found
    list(find_contradictions(found))
    events_since(None, found)


def identifier(data: bytes) -> None:
    """A container's id: what is taken can be joined to a path."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        layout.check_id(text)
    except BadIdentifier as fault:
        _tell(str(fault))
        return
    assert LETTERS.issuperset(text)
    assert os.path.normpath(f"/root/{text}") == f"/root/{text}"


def command_line(data: bytes) -> None:
    """The words of a command line, and limits as people write them."""
    words = data.decode("utf-8", "surrogateescape").split("\0")
    parsed = argv.read(words)
    assert parsed is None or parsed.command in words
    for word in words:
        for read in (update._number, update._bytes):
            try:
                read("option", word)
            except UsageFault as fault:
                _tell(fault.message.replace(word, ""))


def request(data: bytes) -> None:
    """The query and the cursor of a request to the watcher."""
    query = parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True)
    for make in (make_record_filter, make_event_filter):
        try:
            make(query)
        except UsageFault:
            continue
    for _, value in query:
        try:
            JOURNAL.sequence_of(value)
        except Gone:
            continue


def watcher_toml(data: bytes) -> None:
    """watcher.toml."""
    try:
        watcher_config._parse(Path("watcher.toml"), data)
    except Fault:
        return


def criu_answer(data: bytes) -> None:
    """What criu says."""
    try:
        answer = criu.read_answer(data)
    except protobuf.BadMessage as error:
        _tell(str(error))
        return
    criu.last_error(answer.error)


def pidfd_message(data: bytes) -> None:
    """What a command says with a pidfd that it hands to the watcher."""
    whose = handover.parse(data)
    if whose is not None:
        process: Any = {"pid": whose.pid, "startTime": whose.start_time}
        assert handover.parse(handover.message_of(whose.instance, process)) == whose


TARGETS: dict[str, Callable[[bytes], None]] = {
    "config": config,
    "process": process,
    "resources": resources,
    "state": state,
    "identifier": identifier,
    "command_line": command_line,
    "request": request,
    "watcher_toml": watcher_toml,
    "criu_answer": criu_answer,
    "pidfd_message": pidfd_message,
}


def seeds() -> dict[str, list[bytes]]:
    """Where a fuzzer begins that has no corpus yet."""
    from tests.support.records import first_record

    return {
        "config": [json.dumps(make_config(rootless=rootless)).encode() for rootless in (True, False)],
        "process": [json.dumps(CONTAINER["process"]).encode()],
        "resources": [b'{"memory":{"limit":1048576,"swap":-1},"pids":{"limit":3},"unified":{"memory.high":"1"}}'],
        "state": [json.dumps(first_record()).encode()],
        "identifier": [b"web-1", b"..", b"a/b"],
        "command_line": [b"--root\0/r\0create\0--bundle=b\0one", b"exec\0-e\0A=b\0one\0--\0sh", b"512m"],
        "request": [b"status=running&type=stopped&annotation=a%3Db", b"exit=failed&after=0.1", b"prefix=a&owner=root"],
        "criu_answer": [_stage_of_criu(), protobuf.encode([(criu.RESP_TYPE, 1), (criu.RESP_SUCCESS, 1)])],
        "pidfd_message": [b"0123456789abcdef0123456789abcdef 7 11"],
        "watcher_toml": [b'read_only = true\nroot = "/a"\n[journal]\nsegments = 3\n'],
    }


def _stage_of_criu() -> bytes:
    notify = protobuf.encode([(criu.NOTIFY_SCRIPT, "post-restore"), (criu.NOTIFY_PID, 7)])
    return protobuf.encode([(criu.RESP_TYPE, criu.NOTIFY), (criu.RESP_SUCCESS, 1), (criu.RESP_NOTIFY, notify)])
