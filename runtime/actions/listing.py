"""list: what all records say, made true by the kernel's evidence."""

from __future__ import annotations

import os

from runtime.actions import evidence, look
from runtime.actions.inspect import answer
from runtime.errors import BadRecord, Fault
from runtime.kernel import clock
from runtime.store.announced import trusted_others
from runtime.store.glance import glance, matcher
from runtime.store.record import parse
from runtime.store.store import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NamedTuple

    from runtime.actions.context import Context
    from runtime.actions.evidence import Observer
    from runtime.store.glance import Glance, Matcher
    from runtime.store.record import Record
else:
    from runtime.values import NamedTuple


class Filters(NamedTuple):
    """What a listed container must match; empty means anything.  An annotation's None stands for any value."""

    owners: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    annotations: Mapping[str, str | None] = {}
    runtimes: tuple[str, ...] = ()


ANYTHING = Filters()
# what runc's `list` prints
BRIEF = ("id", "pid", "status", "bundle", "created", "owner")


def listing(
    context: Context, *, filters: Filters = ANYTHING, brief: bool = False
) -> tuple[list[dict[str, Any]], list[Fault]]:
    """All containers of the root that match, by id, and what could not be read; never fails for one bad record.

    With ``brief`` only BRIEF of each, so that thousands of records needn't be kept, or even decoded.
    """
    store = open_store(context.roots.state, proc=context.roots.proc)
    if store is None:
        return [], []
    here = evidence.observer(context.roots.proc)
    now = clock.now()
    answers: list[dict[str, Any]] = []
    faults: list[Fault] = []
    match = matcher() if brief and not any(filters) else None
    try:
        for _, found in store.scan_as(parse if match is None else _taker(match, here)):
            if isinstance(found, BadRecord):
                faults.append(found)
            elif isinstance(found, tuple):
                answers.append(_of_ended(found))
            else:
                observed = look.judge(here, store, found, now=now)
                if matches(observed.truth, filters):
                    whole = answer(observed)
                    answers.append({name: whole[name] for name in BRIEF} if brief else whole)
    finally:
        store.close()
    return answers, faults


def _taker(match: Matcher, here: Observer) -> Callable[[bytes, str], Glance | Record]:
    """Takes a glance at a text where that is enough: of a container that has ended for sure; else the record."""

    def take(data: bytes, container_id: str) -> Glance | Record:
        found = glance(match, data)
        if found is not None and found.id == container_id and evidence.has_ended(found, here):
            return found
        return parse(data, container_id)

    return take


def _of_ended(found: Glance) -> dict[str, Any]:
    return {
        "id": found.id,
        "pid": int(found.pid) if found.status == "stopped" else 0,
        "status": "stopped",
        "bundle": found.bundle,
        "created": found.created,
        "owner": found.owner,
    }


def listing_of_all_roots(
    context: Context, *, filters: Filters = ANYTHING, brief: bool = False
) -> tuple[list[dict[str, Any]], list[Fault]]:
    """``listing`` of the default root, of the context's and of every announced one, each answer with its ``root``."""
    own = [context.default_root, context.roots.state]
    trusted, refused = trusted_others(context.default_root)
    answers: list[dict[str, Any]] = []
    faults: list[Fault] = [
        Fault(f"the announced root {path} is passed over: {reason}") for path, reason in refused if path not in own
    ]
    for root in dict.fromkeys(os.path.realpath(path) for path in (*own, *trusted)):
        there = context._replace(roots=context.roots._replace(state=root))
        found, unread = listing(there, filters=filters, brief=brief)
        answers += [{**answer, "root": root} for answer in found]
        faults += unread
    return answers, faults


def matches(record: Record, filters: Filters) -> bool:
    """Whether ``record`` is one that ``filters`` let through."""
    return (
        (not filters.owners or record["owner"] in filters.owners)
        and (not filters.statuses or record["status"] in filters.statuses)
        and (not filters.runtimes or record["runtime"]["name"] in filters.runtimes)
        and all(
            key in record["annotations"] and (value is None or record["annotations"][key] == value)
            for key, value in filters.annotations.items()
        )
    )
