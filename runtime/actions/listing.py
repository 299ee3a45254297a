"""list: what all records say, made true by the kernel's evidence."""

from __future__ import annotations

import os

from runtime.actions import evidence, look
from runtime.actions.inspect import answer
from runtime.errors import BadRecord, Fault
from runtime.glance import glance, matcher, places, status_of
from runtime.kernel import clock
from runtime.store.announced import trusted_others
from runtime.store.record import parse
from runtime.store.store import open_store
from schemas.generated.state_text import CODE, GROUPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NamedTuple

    from runtime.actions.context import Context
    from runtime.actions.evidence import Observer
    from runtime.glance import Glance, Matcher
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
    match = matcher(CODE, GROUPS) if brief and not any(filters) else None
    try:
        for _, found in store.scan_as(parse if match is None else _taker(match, here, store.fds.root)):
            if isinstance(found, BadRecord):
                faults.append(found)
            elif isinstance(found, tuple):
                answers.append(_brief(*found))
            else:
                observed = look.judge(here, store, found, now=now)
                if matches(observed.truth, filters):
                    whole = answer(observed)
                    answers.append({name: whole[name] for name in BRIEF} if brief else whole)
    finally:
        store.close()
    return answers, faults


def _taker(match: Matcher, here: Observer, root_fd: int) -> Callable[[bytes, str], tuple[Glance, str] | Record]:
    """Takes a glance at a text, and the status, where that is enough; else the record."""
    wanted = places(GROUPS)

    def take(data: bytes, container_id: str) -> tuple[Glance, str] | Record:
        found = glance(match, wanted, data)
        if found is not None and found[0] == container_id:
            status = status_of(found, here, root_fd)
            if status is not None:
                return found, status
        return parse(data, container_id)

    return take


def _brief(found: Glance, status: str) -> dict[str, Any]:
    container_id, pid, recorded, *others = found[: len(BRIEF)]
    return dict(zip(BRIEF, (container_id, int(pid) if status == recorded else 0, status, *others), strict=True))


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
