"""state: what the record says, made true by the kernel's evidence."""

from __future__ import annotations

from runtime.actions import look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.actions.context import Context
    from runtime.actions.look import Observed


def state(context: Context, container_id: str) -> dict[str, Any]:
    """The container as it is now: its record, corrected, and ``verified``; raises NoSuchContainer, BadRecord."""
    store = look.open_store_of(context, container_id)
    try:
        return answer(look.observe_container(context, store, container_id))
    finally:
        store.close()


def answer(observed: Observed) -> dict[str, Any]:
    """The record, corrected, and whether that could be verified."""
    found: dict[str, Any] = dict(observed.truth)
    found["verified"] = observed.verified
    return found
