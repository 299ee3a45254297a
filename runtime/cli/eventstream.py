"""The stream of what happens to all containers, as lines of JSON or for people."""

from __future__ import annotations

import os

from runtime import jsontext
from runtime.actions.context import own_root
from runtime.cli import watcherclient
from runtime.cli.output import write
from runtime.cli.report import one_line
from runtime.errors import Fault
from runtime.store import address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from runtime.actions.context import Context
    from runtime.cli.options import Parsed

# the watcher's names for them are the same
FILTERS = ("id", "prefix", "status", "annotation", "owner", "runtime", "exit")
PREFIXES = ("org.runf.container.", "org.runf.watcher.")
TIME_CHARACTERS = 23  # milliseconds are enough for people


def run(context: Context, parsed: Parsed) -> int:
    """Print events until the reader goes away, or until one of the type of ``--until`` has come."""
    options: dict[str, Any] = parsed.options
    for event in _events(context, options):
        kind = short_type(event["type"])
        if not _is_wanted(kind, options):
            continue
        write((one_line(as_text(event)) if options["text"] else jsontext.encode(event)) + "\n")
        if kind == options["until"]:
            return 0
    return 0


def _events(context: Context, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    root = context.roots.state
    path = options["socket"] or os.environ.get("RUNF_WATCHER_SOCKET") or address.socket_path(root, own_root(os.environ))
    query = [(name, value) for name in FILTERS for value in options[name]]
    if options["after"]:
        query.append(("after", options["after"]))
    found = watcherclient.stream(path, query)
    if found is not None:
        return found
    if options["socket"] or options["after"]:
        raise Fault(f"no watcher listens on {path}", hint="start runf-watcher")
    return watcherclient.follow(root, query)


def _is_wanted(kind: str, options: dict[str, Any]) -> bool:
    """By its type, which the watcher isn't told: the one that ends all must come whatever else is wanted."""
    return kind == "gap" or not options["type"] or kind in options["type"] or kind == options["until"]


def short_type(full: str) -> str:
    """``stopped`` for org.runf.container.stopped.v1."""
    for prefix in PREFIXES:
        if full.startswith(prefix):
            return full[len(prefix) :].removesuffix(".v1")
    return full


def as_text(event: dict[str, Any]) -> str:
    """A line for people: when, which container, what, and what is worth knowing about it."""
    kind = short_type(event["type"])
    parts = [event["time"][:TIME_CHARACTERS] + "Z", event["subject"] or "-", kind, *_details(kind, event["data"])]
    return "  ".join(parts)


def _details(kind: str, data: dict[str, Any]) -> list[str]:
    if kind == "gap":
        return [f"{data['missed'] if data['missed'] is not None else 'some'} events are missing: {data['reason']}"]
    details = [f"status {data['status']}"] if kind == "snapshot" else []
    if kind in ("created", "started") and data["pid"]:
        details.append(f"pid {data['pid']}")
    if kind in ("stopped", "exit", "deleted") or data["status"] == "stopped":
        details.append(_ending(data["exit"]))
    if data["fault"]:
        details.append(data["fault"].replace("\n", " "))
    return details


def _ending(exit: dict[str, Any]) -> str:
    if exit["code"] is None:
        return "exit code unknown"
    signal = f" (signal {exit['signal']})" if exit["signal"] else ""
    return f"exit code {exit['code']}{signal}{', out of memory' if exit['oomKilled'] else ''}"
