"""What is known of every life, and what a look at the directory adds to it.

Overflow, restart and missed events are one code path: ``refresh`` with a look at everything. Each record is read as
it stands, checked, and compared with what was known of its life. One that can't be read is named once for each way in
which it can't, and passed over.

    where a life's record lies      what it is
    <root>/<id>                     a container: ``current``
    .deleted/<instance>             a last record; it may still learn an exit code
    nowhere                         pruned, or discarded: a gap, unless its deletion was told

Of lives that were pruned before anybody read of them only their number is known, and which of them was retired last.
Last records are told in the order of their retirement, which is that of their going: if an earlier watcher has told of
the newest that went, it has told of them all.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from runtime.errors import BadIdentifier, BadRecord, NoSuchContainer
from runtime.store import deleted, layout
from runtime.store.reading import read_as
from watcher.diff import Known, events_since, has_left, known_from
from watcher.directory import Look
from watcher.undecoded import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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

    ``missed`` counts happenings, or whole lives where there is no subject; None: nobody counted.  ``left`` is the
    instance of a life whose departure can't be told.
    """

    subject: str
    missed: int | None
    reason: str
    left: str | None = None


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


def found_in(data: bytes, container_id: str | None) -> Found:
    """What a file holds; BadRecord."""
    return Found(parse(data, container_id), one_line(data))


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
        self._gone: int | None = None  # of those, how many had gone at the last look
        self._told_before: Mapping[str, Known] = {}
        self._lasts_before: set[str] = set()  # last records that an earlier watcher knew of
        # the newest life that was pruned and is told, or reported as missed; "" before any was, None where nobody knows
        self.pruned_until: str | None = None
        self.unreadable: dict[str, str] = {}

    def restore(
        self,
        known: Mapping[str, Known],
        *,
        pruned_until: str | None = None,
        told: Mapping[str, Known] | None = None,
    ) -> None:
        """Begin with what an earlier watcher has told already.

        ``pruned_until`` is what its snapshot had; ``told`` is all that it knew, of other roots too.
        """
        self._known.update(known)
        self._restored.update(known)
        self.pruned_until, self._told_before = pruned_until, known if told is None else told

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
            known = self._known.get(before.instance)
            was_told = before.instance in self._lasts or (known is not None and known.has_left)
            if not was_told and not self._has_last(before.instance):
                reason = "the container was removed, and left no last record"
                changes.append(Gap(container_id, None, reason, left=before.instance))
        return changes if found is None else changes + self._compare(found, is_last=False)

    def _has_last(self, instance: str) -> bool:
        try:
            os.stat(instance, dir_fd=self._store.fds.deleted, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _look_at_last(self, container_id: str, instance: str) -> list[Change | Gap]:
        try:
            found = read_as(self._store.fds.deleted, f"{instance}/{layout.STATE}", container_id, found_in)
        except (FileNotFoundError, NotADirectoryError):
            return []  # pruned, discarded, or never deleted: a create that failed before it was published
        except (BadRecord, OSError) as fault:
            self._name(instance, fault)
            return []
        return self._compare(found, is_last=True)

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
        if departs and not told.has_left and not (known is not None and known.has_left):
            reason = "the container was deleted, and its last commit could not be written"
            changes.append(Gap(record["id"], None, reason, left=instance))
        return changes

    def _remember_last(self, record: Record) -> None:
        is_final = record["process"] is None or record["exit"]["code"] is not None
        has_execs = any(each["ended"] is None for each in record["execs"])
        self._lasts[record["instance"]] = is_final and not has_execs and has_left(record)
        if len(self._lasts) > LASTS_LIMIT:
            oldest = next(iter(self._lasts))
            del self._lasts[oldest]
            if self._known.pop(oldest, None) is not None and self._accounted is not None:
                self._accounted += 1  # it has been pruned, or will be

    def _read(self, container_id: str) -> Found | None:
        try:
            found = self._store.read_as(container_id, found_in)
        except (NoSuchContainer, BadIdentifier):
            self.unreadable.pop(container_id, None)
            return None
        except (BadRecord, OSError) as fault:
            self._name(container_id, fault)
            return None
        self.unreadable.pop(container_id, None)
        return found

    def _name(self, name: str, fault: Exception) -> None:
        self.unreadable[name] = str(fault)

    def _refresh_everything(self) -> Iterator[Change | Gap]:
        """The root is read before .deleted, where lives go from there; what is told begins with the earlier lives."""
        if self._accounted is None:
            yield from self._missed_before()
        found = self._scan()
        lasts = self._unknown_lasts_in_order()
        for last in lasts:
            yield from self._compare(last.found, is_last=True)
        left = {last.instance for last in lasts}
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
        for container_id, read in self._store.scan_as(found_in):
            if isinstance(read, BadRecord):
                self._name(container_id, read)
                found[container_id] = None
            else:
                self.unreadable.pop(container_id, None)
                found[container_id] = kept_of(read)
        return found

    def _unknown_lasts(self) -> Iterator[Found]:
        """The last records that may hold news."""
        for instance in self._last_instances():
            if self._lasts.get(instance):
                continue
            try:
                yield read_as(self._store.fds.deleted, f"{instance}/{layout.STATE}", None, found_in)
            except (FileNotFoundError, NotADirectoryError):
                continue  # pruned between the listing and the read
            except (BadRecord, OSError) as fault:
                self._name(instance, fault)

    def _unknown_lasts_in_order(self) -> list[Kept]:
        """By their retirement, as they will go; those whose departure was told first, of which hardly any has news."""
        here = deleted.moment_of_now(self._store.proc)
        found = []
        for each in self._unknown_lasts():
            known = self._known.get(each.record["instance"])
            is_told = known is not None and known.has_left
            order = None if is_told else deleted.retirement_order(self._store.fds, each.record["instance"], here)
            found.append((order or (False, -1), kept_of(each)))
        return [last for _, last in sorted(found)]

    def _last_instances(self) -> set[str]:
        return {name for name in os.listdir(self._store.fds.deleted) if not name.startswith(".")}

    def forget_pruned(self) -> Iterable[Gap]:
        """Let go of what nothing on disk can bring up again; a gap for lives that went before anybody looked."""
        return [*self._forget()]

    def _forget(self) -> Iterator[Gap]:
        gone = deleted.read_gone(self._store.fds, self._store.proc)
        for instance in self._known.keys() - self._last_instances() - {each.instance for each in self._live.values()}:
            known = self._known[instance]
            is_unseen = instance in self._restored
            if is_unseen and known.id in self.unreadable:
                continue
            del self._known[instance]
            self.unreadable.pop(instance, None)
            self._lasts.pop(instance, None)
            self._restored.discard(instance)
            if self._accounted is not None and (not is_unseen or instance in self._lasts_before):
                self._accounted += 1
            if is_unseen and not known.has_left:
                reason = "the container ended and was forgotten while nobody followed"
                yield Gap(known.id, None, reason, left=instance)
        self._lasts_before.clear()
        yield from self._missed(gone.number)
        if gone.oldest_left is None:
            self.pruned_until = gone.newest or ""

    def _missed_before(self) -> Iterator[Gap]:
        """Lives that went while nobody followed, and that no earlier watcher has told of."""
        gone = deleted.read_gone(self._store.fds, self._store.proc)
        self._accounted = gone.number
        self._lasts_before = gone.left & self._restored
        told, self._told_before = self._told_before, {}
        if self.pruned_until is None or gone.newest == self.pruned_until:
            return
        if gone.oldest_left is not None:
            known = told.get(gone.oldest_left)
            is_told = known is not None and known.has_left
        else:
            is_told = gone.newest is None or gone.newest in told
        if not is_told:
            yield Gap("", None, "containers ended and were forgotten while nobody followed")

    def _missed(self, gone: int) -> Iterator[Gap]:
        """Lives that were pruned and never told, though we followed; ``gone`` was read before what is there."""
        missed = gone - (gone if self._accounted is None else self._accounted)
        if missed > 0 or gone == self._gone:
            self._accounted = gone  # the latter: whatever else removed a life, it was no prune
        self._gone = gone
        if missed > 0:
            yield Gap("", missed, "containers ended and were forgotten before anybody looked")
