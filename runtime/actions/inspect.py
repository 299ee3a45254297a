"""state and list: what the records say, made true by the kernel's evidence."""

from __future__ import annotations

import os

from runtime.actions import evidence, look
from runtime.errors import BadRecord, Fault
from runtime.kernel import clock
from runtime.store.announced import trusted_others
from runtime.store.store import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NamedTuple

    from runtime.actions.context import Context
    from runtime.actions.look import Observed
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


def state(context: Context, container_id: str) -> dict[str, Any]:
    """The container as it is now: its record, corrected, and ``verified``; raises NoSuchContainer, BadRecord."""
    store = look.open_store_of(context, container_id)
    try:
        return _answer(look.observe_container(context, store, container_id))
    finally:
        store.close()


def listing(
    context: Context, *, filters: Filters = ANYTHING, members: tuple[str, ...] | None = None
) -> tuple[list[dict[str, Any]], list[Fault]]:
    """All containers of the root that match, by id, and what could not be read; never fails for one bad record.

    With ``members`` only these of each, so that thousands of records needn't be kept.
    """
    store = open_store(context.roots.state, proc=context.roots.proc)
    if store is None:
        return [], []
    here = evidence.observer(context.roots.proc)
    now = clock.now()
    answers: list[dict[str, Any]] = []
    faults: list[Fault] = []
    try:
        for _, record in store.scan():
            if isinstance(record, BadRecord):
                faults.append(record)
                continue
            observed = look.judge(here, store, record, now=now)
            if filters is ANYTHING or matches(observed.truth, filters):
                answers.append(_answer(observed, members))
    finally:
        store.close()
    return answers, faults


def listing_of_all_roots(
    context: Context, *, filters: Filters = ANYTHING, members: tuple[str, ...] | None = None
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
        found, unread = listing(there, filters=filters, members=members)
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


def _answer(observed: Observed, members: tuple[str, ...] | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = dict(observed.truth)
    if members:
        return {name: answer[name] for name in members}
    answer["verified"] = observed.verified
    return answer
