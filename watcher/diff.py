"""PURE: what a record tells that wasn't known before.

(generation, n) orders everything that ever happened to a life: its transitions, and the starts and ends of execs.

    known                       new in the record
    None: nobody saw the life   all that the record still lists
    up to a generation          what has a later one, however many commits lie between

The record's lists are bounded: what was pushed out before anybody looked is counted as lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from runtime.store.record import Record

# the publication itself; followers see the container from `created` on
SILENT = frozenset(("creating",))
# what may follow a deletion
LATE = "exit"
EXEC_STARTED = "exec.started"
EXEC_ENDED = "exec.ended"


class Known(NamedTuple):
    """The last generation of a life that has been told, and ``total`` of its record then; None: nobody counted.

    ``has_left``: its departure from the root was told too.
    """

    id: str
    generation: int
    happened: int | None = None
    has_left: bool = False


class Happening(NamedTuple):
    """One entry of the record's lists; ``type`` is as in an event's type."""

    generation: int
    n: int
    type: str
    time: str


class News(NamedTuple):
    """The new happenings, oldest first, and how many were lost; None: perhaps some, nobody counted."""

    happenings: list[Happening]
    lost: int | None


def known_from(record: Record) -> Known:
    """What is known to whoever has been told all of ``record``."""
    return Known(record["id"], record["generation"], total(record), has_left(record))


def known_before(record: Record, generation: int) -> Known:
    """What is known to whoever has been told all of ``record`` before that generation."""
    before = Known(record["id"], generation - 1)
    return before._replace(happened=total(record) - len(_listed_since(before.generation, record)))


def has_left(record: Record) -> bool:
    """Whether the record tells of its deletion, or of the failure of its create; only a late exit may follow that."""
    for each in reversed(record["transitions"]):
        if each["type"] == "failed":
            return all(earlier["type"] != "created" for earlier in record["transitions"])
        if each["type"] != LATE:
            return each["type"] == "deleted"
    return False


def newest_of(record: Record) -> tuple[int, int]:
    """(generation, n) of the newest happening that the record lists; (0, 0) where it lists none."""
    found = (0, 0)
    if record["transitions"]:
        newest = record["transitions"][-1]
        found = (newest["generation"], newest["n"])
    for each in record["execs"]:
        moment = each["ended"] or each["started"]
        found = max(found, (moment["generation"], moment["n"]))
    return found


def total(record: Record) -> int:
    """How much has happened in this life, whether still listed or pushed out; an exec starts and ends."""
    found = record["transitionsDropped"] + len(record["transitions"])
    if record["execs"] or record["execsDropped"]:
        found += 2 * record["execsDropped"] + sum(1 if each["ended"] is None else 2 for each in record["execs"])
    return found


def events_since(known: Known | None, record: Record) -> News:
    """What ``record`` brings beyond ``known``; None for a life that nobody has seen."""
    since = known.generation if known else 0
    if record["generation"] <= since:
        return News([], 0)
    found = _listed_since(since, record)
    lost = _lost(known, record, len(found))
    return News([each for each in found if each.type not in SILENT], lost)


def _listed_since(since: int, record: Record) -> list[Happening]:
    found = _transitions_since(since, record)
    if record["execs"]:
        found += _execs_since(since, record)
        found.sort()
    return found


def _transitions_since(since: int, record: Record) -> list[Happening]:
    """Read from the newest end: of many entries few are new."""
    found = []
    for entry in reversed(record["transitions"]):
        if entry["generation"] <= since:
            break
        found.append(Happening(entry["generation"], entry["n"], entry["type"], entry["time"]))
    found.reverse()
    return found


def _execs_since(since: int, record: Record) -> list[Happening]:
    return [
        Happening(moment["generation"], moment["n"], kind, moment["time"])
        for each in record["execs"]
        for moment, kind in ((each["started"], EXEC_STARTED), (each["ended"], EXEC_ENDED))
        if moment is not None and moment["generation"] > since
    ]


def _lost(known: Known | None, record: Record, listed: int) -> int | None:
    if not record["transitionsDropped"] and not record["execsDropped"]:
        return 0
    if known is None:
        # the publication is the first to go, and makes no event
        return total(record) - listed - (1 if record["transitionsDropped"] else 0)
    if known.happened is not None:
        return max(0, total(record) - known.happened - listed)
    oldest = min((entry["generation"] for entry in record["transitions"]), default=0)
    reaches_back = oldest <= known.generation and not record["execsDropped"]
    return 0 if reaches_back else None
