"""What the watcher decides about a life, it decides under the container's lock, and waits for nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.errors import BadRecord, Fault, NoSuchContainer

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.store.store import Held, Store


def decide_now(store: Store, container_id: str, instance: str, decide: Callable[[Held], None]) -> bool:
    """Have ``decide`` look at the life and commit; False where that has to be tried again later.

    Nothing is decided where another life has the id by now.  NoSuchContainer, BadRecord: there is nothing to decide.
    """
    try:
        held = store.try_locked(container_id)
        if held is None:
            return False
        with held:
            if held.record["instance"] == instance:
                decide(held)
    except (NoSuchContainer, BadRecord):
        raise
    except (Fault, OSError):
        return False  # the disk is full, say
    return True
