"""usage: what each container that lives uses now, beside its record; twice seen, it tells the CPU between."""

from __future__ import annotations

import time

from runtime.actions.listing import ANYTHING, listing, listing_of_all_roots
from runtime.cgroups.usage import read_usage
from runtime.errors import CgroupFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NamedTuple

    from runtime.actions.context import Context
    from runtime.actions.listing import Filters
    from runtime.cgroups.usage import Usage
    from runtime.errors import Fault
else:
    from runtime.values import NamedTuple

STOPPED = "stopped"


class Seen(NamedTuple):
    """A container, what it used at ``at_s`` of the monotonic clock, and its share of a CPU since it was seen before.

    None for what nothing tells.
    """

    answer: Mapping[str, Any]
    at_s: float
    usage: Usage | None
    cpu_share: float | None = None


def look_at_usage(
    context: Context, before: Mapping[str, Seen], *, filters: Filters = ANYTHING, all_roots: bool = False
) -> tuple[dict[str, Seen], list[Fault]]:
    """All containers that match, by instance, and what could not be read; ``before`` is the last look."""
    answers, faults = (listing_of_all_roots if all_roots else listing)(context, filters=filters)
    found = {}
    for answer in answers:
        seen = Seen(answer, time.monotonic(), _usage(answer))
        earlier = before.get(answer["instance"])
        found[answer["instance"]] = seen._replace(cpu_share=_share(earlier, seen)) if earlier else seen
    return found, faults


def _usage(answer: Mapping[str, Any]) -> Usage | None:
    cgroup = answer["linux"]["cgroup"]
    if cgroup is None or answer["status"] == STOPPED:
        return None
    try:
        return read_usage(cgroup)
    except (CgroupFault, OSError):
        return None  # the record names no cgroup, or we may not read it: nothing tells


def _share(earlier: Seen, seen: Seen) -> float | None:
    spent = [each.usage.cpu_s if each.usage else None for each in (earlier, seen)]
    if spent[0] is None or spent[1] is None or seen.at_s <= earlier.at_s:
        return None
    return max(0.0, spent[1] - spent[0]) / (seen.at_s - earlier.at_s)
