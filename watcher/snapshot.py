"""What is known of every life, and what a look at the directory adds to it.

Overflow, restart and missed events are one code path: ``refresh`` with a look at everything. Each record is read as
it stands, checked, and compared with what was known of its life. One that can't be read is named once for each way in
which it can't, and passed over.

    where a life's record lies      what it is
    <root>/<id>                     a container: ``current``
    .deleted/<instance>             a last record; it may still learn an exit code
    nowhere                         pruned, or discarded: a gap, unless its deletion was told
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from runtime.errors import BadIdentifier, BadRecord, NoSuchContainer
from runtime.store import deleted, layout
from runtime.store.store import read_text
from watcher.diff import Known, events_since, has_left, known_from
from watcher.directory import Look

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from runtime.store.deleted import Moment
    from runtime.store.record import Record
    from runtime.store.store import Store
    from watcher.diff import Happening

EVERYTHING = Look(set(), {}, everything=True)
# this many last records are remembered as told; .deleted holds 4,096, and for a moment some more
LASTS_LIMIT = 16384


class Found(NamedTuple):
    """A record as it was read, and its JSON on one line."""

    record: Record
    text: bytes


class Change(NamedTuple):
    """A record that has changed, and what is new in it; ``is_last`` once it was deleted.

    ``told`` is what is known to whoever is told all that is new.
    """

    found: Found
    happenings: list[Happening]
    told: Known
    is_last: bool

    @property
    def record(self) -> Record:
        """Parsed."""
        return self.found.record


class Gap(NamedTuple):
    """Something happened that nobody can tell any more; ``subject`` is empty for lives of which not even ids are known.

    ``missed`` counts happenings, or whole lives where there is no subject; None: nobody counted.
    """

    subject: str
    missed: int | None
    reason: str


class Kept(NamedTuple):
    """A record as it is kept: ``data`` is its JSON on one line, a tenth of what the parsed document takes."""

    id: str
    instance: str
    generation: int
    time: str
    data: bytes

    @property
    def record(self) -> Record:
        """Parsed."""
        found: Record = json.loads(self.data)
        return found

    @property
    def found(self) -> Found:
        """As when it was read."""
        return Found(self.record, self.data)


def kept_of(found: Found) -> Kept:
    """The record, packed; ``time`` is that of its newest transition."""
    record = found.record
    transitions = record["transitions"]
    time = transitions[-1]["time"] if transitions else record["created"]
    return Kept(record["id"], record["instance"], record["generation"], time, found.text)


def one_line(text: bytes) -> bytes:
    """JSON without line breaks: within a string there can be none.  Most of our indentation goes with them."""
    line = text.replace(b"\n  ", b"").replace(b"\n", b"")
    return line.replace(b"\r", b"") if b"\r" in line else line


class Walk:
    """The records in the root as they are now, one after the other, for whoever takes them at their own pace.

    After ``let_go`` it no longer keeps the records of its beginning in memory: the rest is as the containers are by
    then, and what is there no longer is left out.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._kept: Sequence[Kept] | None = snapshot.kept()
        self._next = 0
        self._ids: list[str] = []

    def __iter__(self) -> Iterator[Kept]:
        while self._kept is not None and self._next < len(self._kept):
            self._next += 1
            yield self._kept[self._next - 1]
        for container_id in self._ids:
            found = self._snapshot.find_kept(container_id)
            if found is not None:
                yield found

    def let_go(self) -> None:
        """Forget the records of the beginning."""
        if self._kept is not None:
            self._ids = [each.id for each in self._kept[self._next :]]
            self._kept = None


class Snapshot:
    """All lives of one root: those in the root by id, and what was told of every life that is still on disk."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._live: dict[str, Kept] = {}
        self._sorted: list[Kept] | None = None
        self._known: dict[str, Known] = {}
        self._restored: set[str] = set()  # known from an earlier watcher, and not yet seen by this one
        self._lasts: dict[str, bool] = {}  # last records seen, and whether they can't change any more
        self._accounted: int | None = None  # of the lives pruned so far: told, or reported as missed
        self._suspected = 0
        self._told_until: str | None = None
        self._followed_until: Moment | None = None
        self.unreadable: dict[str, str] = {}

    def restore(
        self, known: dict[str, Known], *, told_until: str | None = None, followed_until: Moment | None = None
    ) -> None:
        """Begin with what an earlier watcher has told already.

        ``told_until`` is the time of its newest event, ``followed_until`` when it had seen everything (CLOCK_BOOTTIME).
        """
        self._known.update(known)
        self._restored.update(known)
        self._told_until, self._followed_until = told_until, followed_until

    def known(self) -> dict[str, Known]:
        """What has been told, by instance."""
        return dict(self._known)

    def __len__(self) -> int:
        return len(self._live)

    def kept(self) -> Sequence[Kept]:
        """The records in the root, by id, packed; one list for all who ask before something changes."""
        if self._sorted is None:
            self._sorted = sorted(self._live.values())
        return self._sorted

    def __iter__(self) -> Iterator[Record]:
        """The same, parsed one after the other."""
        return (each.record for each in self.kept())

    def find(self, container_id: str) -> Record | None:
        """The record of one container in the root."""
        found = self._live.get(container_id)
        return found.record if found else None

    def find_kept(self, container_id: str) -> Kept | None:
        """The same, packed."""
        return self._live.get(container_id)

    def refresh(self, look: Look) -> Iterable[Change | Gap]:
        """Read where ``look`` says, and tell what is new there; in order for each container.

        Everything is read piece by piece, while the answer is gone through.
        """
        return self._refresh_everything() if look.everything else self._refresh_these(look)

    def _refresh_these(self, look: Look) -> Iterator[Change | Gap]:
        for container_id, instances in self._outdated(look).items():
            found = self._read(container_id)
            before = self._live.get(container_id)
            if found is not None and before is not None and found.record["instance"] == before.instance:
                if instances == [before.instance]:  # as most are: the life that is known has gone on
                    yield from self._compare(found, is_last=False)
                    continue
            elif found is not None and self._was_born_since(found.record, instances):
                found = None  # lives that came and went before it may be unannounced too: the next look has them all
            lives = dict.fromkeys([before.instance, *instances] if before is not None else instances)
            for instance in lives:
                if found is None or found.record["instance"] != instance:
                    yield from self._look_at_last(container_id, instance)
            yield from self._settle(container_id, found)

    def _outdated(self, look: Look) -> dict[str, list[str]]:
        """The ids to read, each with the instances that committed something that isn't known."""
        ids: dict[str, list[str]] = {container_id: [] for container_id in look.ids}
        for (container_id, instance), generation in look.lives.items():
            known = self._known.get(instance)
            if known is None or known.generation < generation:
                ids.setdefault(container_id, []).append(instance)
        return ids

    def _was_born_since(self, record: Record, instances: list[str]) -> bool:
        """Whether it began after the look that announced ``instances``: then its commits are in a look to come."""
        instance = record["instance"]
        return record["generation"] > 1 and instance not in self._known and instance not in instances

    def _settle(self, container_id: str, found: Found | None) -> list[Change | Gap]:
        """Take ``found`` as what the id holds now; a life that it held before is looked up among the last records."""
        before = self._live.get(container_id)
        changes: list[Change | Gap] = []
        if before is not None and (found is None or found.record["instance"] != before.instance):
            if container_id in self.unreadable and not self._has_last(before.instance):
                return []  # still there, and unreadable: nobody knows better
            del self._live[container_id]
            self._sorted = None
            changes += self._look_at_last(container_id, before.instance)
            if before.instance not in self._lasts and not self._has_last(before.instance):
                changes.append(Gap(container_id, None, "the container was removed, and left no last record"))
        return changes if found is None else changes + self._compare(found, is_last=False)

    def _has_last(self, instance: str) -> bool:
        try:
            os.stat(instance, dir_fd=self._store.fds.deleted, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _look_at_last(self, container_id: str, instance: str) -> list[Change | Gap]:
        try:
            record, text = read_text(self._store.fds.deleted, f"{instance}/{layout.STATE}", container_id)
        except (FileNotFoundError, NotADirectoryError):
            return []  # pruned, discarded, or never deleted: a create that failed before it was published
        except (BadRecord, OSError) as fault:
            self._name(instance, fault)
            return []
        return self._compare(Found(record, one_line(text)), is_last=True)

    def _compare(self, found: Found, *, is_last: bool) -> list[Change | Gap]:
        record = found.record
        instance = record["instance"]
        known = self._known.get(instance)
        departs = is_last and instance not in self._lasts
        if is_last:
            self._remember_last(record)
        else:
            self._live[record["id"]] = kept_of(found)
            self._sorted = None
        is_first_sight = known is None or instance in self._restored
        self._restored.discard(instance)
        if known is not None and record["generation"] <= known.generation and not is_first_sight and not departs:
            return []
        news = events_since(known, record)
        told = self._known[instance] = known_from(record)
        changes: list[Change | Gap] = []
        if news.lost != 0:
            changes.append(Gap(record["id"], news.lost, "more happened to this container than its record keeps"))
        if news.happenings or not is_last or not is_first_sight:
            changes.append(Change(found, news.happenings, told, is_last))
        if departs and not told.has_left:
            reason = "the container was deleted, and its last commit could not be written"
            changes.append(Gap(record["id"], None, reason))
        return changes

    def _remember_last(self, record: Record) -> None:
        is_final = record["process"] is None or record["exit"]["code"] is not None
        has_execs = any(each["ended"] is None for each in record["execs"])
        self._lasts[record["instance"]] = is_final and not has_execs and has_left(record)
        if len(self._lasts) > LASTS_LIMIT:
            oldest = next(iter(self._lasts))
            del self._lasts[oldest]
            self._known.pop(oldest, None)

    def _read(self, container_id: str) -> Found | None:
        try:
            record, text = self._store.read_text(container_id)
        except (NoSuchContainer, BadIdentifier):
            self.unreadable.pop(container_id, None)
            return None
        except (BadRecord, OSError) as fault:
            self._name(container_id, fault)
            return None
        self.unreadable.pop(container_id, None)
        return Found(record, one_line(text))

    def _name(self, name: str, fault: Exception) -> None:
        self.unreadable[name] = str(fault)

    def _refresh_everything(self) -> Iterator[Change | Gap]:
        """The root is read before .deleted, where lives go from there; what is told begins with the earlier lives."""
        found = self._scan()
        lasts = sorted((each.record["created"], kept_of(each)) for each in self._unknown_lasts())
        for _, last in lasts:
            yield from self._compare(last.found, is_last=True)
        left = {last.instance for _, last in lasts}
        for container_id, current in found.items():
            if current is not None:
                yield from self._settle(container_id, None if current.instance in left else current.found)
        for container_id in self._live.keys() - found.keys():
            again = self._read(container_id)
            is_same = again is not None and again.record["instance"] == self._live[container_id].instance
            yield from self._settle(container_id, again if is_same else None)
        for name in self.unreadable.keys() - found.keys() - self._last_instances():
            del self.unreadable[name]
        yield from self._forget()

    def _scan(self) -> dict[str, Kept | None]:
        """All that lies in the root by id, None where it can't be read."""
        found: dict[str, Kept | None] = {}
        for container_id, read in self._store.scan_texts():
            if isinstance(read, BadRecord):
                self._name(container_id, read)
                found[container_id] = None
            else:
                record, text = read
                self.unreadable.pop(container_id, None)
                found[container_id] = kept_of(Found(record, one_line(text)))
        return found

    def _unknown_lasts(self) -> Iterator[Found]:
        """The last records that may hold news."""
        for instance in self._last_instances():
            if self._lasts.get(instance):
                continue
            try:
                record, text = read_text(self._store.fds.deleted, f"{instance}/{layout.STATE}", None)
                yield Found(record, one_line(text))
            except (FileNotFoundError, NotADirectoryError):
                continue  # pruned between the listing and the read
            except (BadRecord, OSError) as fault:
                self._name(instance, fault)

    def _last_instances(self) -> set[str]:
        return {name for name in os.listdir(self._store.fds.deleted) if not name.startswith(".")}

    def forget_pruned(self) -> Iterable[Gap]:
        """Let go of what nothing on disk can bring up again; a gap for lives that went before anybody looked."""
        return [*self._forget()]

    def _forget(self) -> Iterator[Gap]:
        count = deleted.read_pruned(self._store.fds)["count"]
        current = {each.instance for each in self._live.values()}
        gone = self._known.keys() - self._last_instances() - current
        for instance in gone:
            known = self._known.pop(instance)
            self.unreadable.pop(instance, None)
            if self._lasts.pop(instance, None) is not None and self._accounted is not None:
                self._accounted += 1
            if instance in self._restored and not known.has_left:
                yield Gap(known.id, None, "the container ended and was forgotten while nobody followed")
            self._restored.discard(instance)
        yield from self._missed(count)

    def _went_unseen(self, told_until: str) -> bool:
        """Whether the newest that was pruned may have left after an earlier watcher's end.

        By the wall clock only where CLOCK_BOOTTIME can't tell, since that one jumps.
        """
        pruned, until = deleted.read_pruned(self._store.fds), self._followed_until
        retired, finished = pruned["newestRetired"], pruned["newestFinished"]
        if retired is not None and until is not None and retired["bootId"] == until["bootId"]:
            return retired["boottimeNs"] > until["boottimeNs"]
        return finished is not None and finished > told_until

    def _missed(self, pruned: int) -> Iterator[Gap]:
        """Lives that were pruned and never told: each is counted just before it goes, so one look may see too many."""
        if self._accounted is None:
            self._accounted = pruned
            if self._told_until is not None and self._went_unseen(self._told_until):
                yield Gap("", None, "containers ended and were forgotten while nobody followed")
            return
        untold = max(0, pruned - self._accounted)
        missed = min(untold, self._suspected)
        self._suspected = untold - missed
        self._accounted += missed
        if missed:
            yield Gap("", missed, "containers ended and were forgotten before anybody looked")
