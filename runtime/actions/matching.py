"""Containers by a regular expression: ``--regex``, as crun has it, where several are meant."""

from __future__ import annotations

import re

from runtime.errors import Fault, NoSuchContainer, UsageFault
from runtime.store.store import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.actions.context import Context


def matching(context: Context, expression: str) -> list[str]:
    """The ids in which the expression is found anywhere, in their order; ``^web$`` matches all of an id."""
    try:
        pattern = re.compile(expression)
    except re.error as error:
        raise UsageFault(f'"{expression}" is no regular expression: {error}', hint="write one such as ^web-") from None
    store = open_store(context.roots.state, proc=context.roots.proc)
    if store is None:
        return []
    try:
        return [container_id for container_id, _ in store.scan() if pattern.search(container_id)]
    finally:
        store.close()


def with_each(context: Context, expression: str, act: Callable[[str], None]) -> None:
    """Have ``act`` done to every one of them; the first that couldn't be done is told once all have been tried."""
    faults = []
    for container_id in matching(context, expression):
        try:
            act(container_id)
        except NoSuchContainer:
            continue  # somebody deleted it between the look and the act
        except Fault as fault:
            faults.append(fault)
    if faults:
        for other in faults[1:]:
            faults[0].add_note(str(other))
        raise faults[0]
