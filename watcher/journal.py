"""The journal: every event is numbered and on disk before anybody gets it.

    <directory>/            0700
      epoch                 random for each journal, so that no cursor outlives it by accident
      known.json            what had been told of each life, and up to which sequence
      followed.json         for each root, up to which one the lives that were pruned are told, or reported as missed
      <first>.ndjson        a segment: one event a line, the first one's sequence in the name

A cursor is ``<epoch>.<sequence>``. Segments are bounded in size and number; the oldest go first, and a cursor that
points before what is kept gets Gone. A line that a crash cut off is taken away at the next opening, and a generation
that was told by half is told again: at least once, under the same event id. A journal that makes no sense is begun
anew, with another epoch.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime.errors import Fault
from watcher.diff import Known, events_since, known_before, known_from, newest_of
from watcher.events import GAP_TYPE, SEQUENCE_DIGITS, Event, left_in, line_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

EPOCH_BYTES = 8
SEGMENT_LIMIT_BYTES = 4 << 20
SEGMENTS_LIMIT = 16
DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
FOLLOWED = "followed.json"
_SUFFIX = ".ndjson"
_HEX = frozenset("0123456789abcdef")


class Gone(Exception):
    """The cursor is of another journal, or older than what is kept."""


class Numbered(NamedTuple):
    """An event with its place, as the line that goes to subscribers, without the line feed."""

    sequence: int
    line: bytes

    @property
    def event(self) -> Event:
        """Parsed."""
        return Event(json.loads(self.line))


def told_by(event: Mapping[str, Any]) -> Known:
    """What is known to whoever has been told of a life up to ``event``; a generation told by half doesn't count."""
    _, generation, n = event["id"].split(":")
    record = event["data"]
    if newest_of(record) == (int(generation), int(n)):
        return known_from(record)  # whatever the record tells was told
    before = known_before(record, int(generation))
    last = events_since(before, record).happenings[-1]
    return known_from(record) if (last.generation, last.n) == (int(generation), int(n)) else before


class Journal:
    """An open journal; one process at a time has it.

    ``known`` is what has been told of each life, ``pruned_until`` what the last watcher's snapshot of each root had.
    """

    def __init__(
        self, directory: Path, *, segment_bytes: int = SEGMENT_LIMIT_BYTES, segments: int = SEGMENTS_LIMIT
    ) -> None:
        self._directory = directory
        self.segment_bytes = segment_bytes
        self.segments_limit = segments
        self.known: dict[str, Known] = {}
        self.pruned_until: dict[str, str] = {}
        directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        directory.chmod(DIRECTORY_MODE)
        try:
            self.epoch = self._read_epoch()
            self._segments = self._find_segments()
            self.sequence = self._recover()
            self.pruned_until = self._read_followed()
        except (FileNotFoundError, ValueError, LookupError, TypeError):
            self._begin_anew()  # nothing there yet, or nothing that can be relied on
        self._fd = self._open_segment(self._segments[-1])
        self._size = os.fstat(self._fd).st_size

    @property
    def cursor(self) -> str:
        """The cursor after the newest event."""
        return self.cursor_at(self.sequence)

    @property
    def first(self) -> int:
        """The sequence of the oldest event that is kept; of the next one where none is."""
        return self._segments[0]

    def cursor_at(self, sequence: int) -> str:
        """The cursor after the event of that sequence."""
        return f"{self.epoch}.{sequence}"

    def append(self, events: Iterable[Event]) -> list[Numbered]:
        """Number ``events``, write them, and return them as they go out.  Fault: there is no room for them."""
        numbered = []
        unwritten: list[Numbered] = []
        unlearned: list[Event] = []
        size = self._size
        for event in events:
            if size > self.segment_bytes:
                self._write(unwritten, unlearned)
                self._rotate()
                unwritten, unlearned, size = [], [], 0
            each = self._number(event)
            numbered.append(each)
            unwritten.append(each)
            unlearned.append(event)
            size += len(each.line) + 1
        self._write(unwritten, unlearned)
        return numbered

    def sequence_of(self, cursor: str) -> int:
        """The sequence that ``cursor`` points to.  Gone where it leads nowhere."""
        epoch, _, text = cursor.partition(".")
        is_number = text.isascii() and text.isdigit() and len(text) <= SEQUENCE_DIGITS
        if epoch != self.epoch or not is_number or not self.first - 1 <= int(text) <= self.sequence:
            raise Gone(cursor)
        return int(text)

    def after(self, sequence: int) -> Iterator[Numbered]:
        """The events after ``sequence``, oldest first, up to the newest.  Gone, also later, if they are not kept."""
        if sequence + 1 < self.first:
            raise Gone(self.cursor_at(sequence))
        return self._read_after(sequence)

    def forget(self, alive: set[str]) -> None:
        """Let go of lives that nothing on disk can bring up again."""
        for instance in self.known.keys() - alive:
            del self.known[instance]

    def follow(self, pruned_until: Mapping[str, str]) -> bool:
        """Write down what is new in ``pruned_until``; False on a full file system, where what was written stands."""
        following = {**self.pruned_until, **pruned_until}
        if following == self.pruned_until:
            return True
        following = {
            root: instance for root, instance in following.items() if root in pruned_until or os.path.isdir(root)
        }
        try:
            self._replace(FOLLOWED, json.dumps({"prunedUntil": following}).encode())
        except OSError:
            return False
        self.pruned_until = following
        return True

    def close(self) -> None:
        """Write down what has been told, and let the files go."""
        self._write_known()
        os.close(self._fd)

    def _number(self, event: Event) -> Numbered:
        self.sequence += 1
        return Numbered(self.sequence, line_of(event, sequence=self.sequence, cursor=self.cursor))

    def _write(self, numbered: list[Numbered], events: list[Event]) -> None:
        data = b"\n".join([*[each.line for each in numbered], b""])
        written = 0
        while written < len(data):
            try:
                written += os.write(self._fd, data[written:] if written else data)
            except OSError as error:
                self._make_room(error)
        self._size += len(data)
        self._learn(events)

    def _make_room(self, error: OSError) -> None:
        """On a full file system the newest events count for more than the oldest.  Fault when none is left to go."""
        if len(self._segments) < 2:
            raise Fault(
                f"the journal in {self._directory} can't be written: {error.strerror}", hint="make room there"
            ) from error
        self._drop_oldest()

    def _rotate(self) -> None:
        following = self._open_segment(self.sequence + 1)
        os.close(self._fd)
        self._fd, self._size = following, 0
        self._segments.append(self.sequence + 1)
        while len(self._segments) > self.segments_limit:
            self._drop_oldest()
        self._write_known()

    def _drop_oldest(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._path(self._segments[0]).unlink()
        del self._segments[0]

    def _learn(self, events: Iterable[Event]) -> None:
        """Take up what these events tell of their lives; of each life the newest one is enough."""
        newest: dict[str, Event] = {}
        left: set[str] = set()
        for event in events:
            if event["type"] != GAP_TYPE:
                newest[event["data"]["instance"]] = event
            else:
                left.add(left_in(event) or "")
        for instance, event in newest.items():
            self.known[instance] = event.told or told_by(event)
        for gone in left & self.known.keys():
            self.known[gone] = self.known[gone]._replace(has_left=True)

    def _read_after(self, sequence: int) -> Iterator[Numbered]:
        for first in list(self._segments):
            if self._next_segment(first) <= sequence + 1:
                continue
            try:
                file = self._path(first).open("rb")
            except FileNotFoundError:
                raise Gone(self.cursor_at(sequence)) from None  # dropped while the earlier ones were read
            with file:
                for number, line in enumerate(file, first):
                    if number > sequence:
                        yield Numbered(number, line[:-1])

    def _next_segment(self, first: int) -> int:
        """Where the segment after ``first`` begins; beyond the newest event for the last one."""
        return next((each for each in self._segments if each > first), self.sequence + 2)

    def _read_epoch(self) -> str:
        found = (self._directory / "epoch").read_text(encoding="ascii")
        if len(found) != 2 * EPOCH_BYTES or set(found) - _HEX:
            raise ValueError(found)
        return found

    def _find_segments(self) -> list[int]:
        names = (path.name.removesuffix(_SUFFIX) for path in self._directory.glob(f"*{_SUFFIX}"))
        found = sorted(int(name) for name in names)
        if not found:
            raise FileNotFoundError(self._directory)
        return found

    def _recover(self) -> int:
        """Cut a torn line off, learn what was told since known.json was written, and return the last sequence."""
        content = self._path(self._segments[-1]).read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) != len(content):
            os.truncate(self._path(self._segments[-1]), len(whole))
        self.sequence = self._segments[-1] + whole.count(b"\n") - 1
        told = self._read_known()
        self._learn(self._checked(self._read_after(max(told, self.first - 1))))
        return self.sequence

    def _checked(self, numbered: Iterable[Numbered]) -> Iterator[Event]:
        for each in numbered:
            event = each.event
            if event["cursor"] != self.cursor_at(each.sequence):
                raise ValueError(event["cursor"])
            yield event

    def _read_known(self) -> int:
        """Take up known.json, and return the sequence up to which it tells; 0 where it can't be read."""
        try:
            document = json.loads((self._directory / "known.json").read_bytes())
            lives = {instance: Known(*entry) for instance, entry in document["lives"].items()}
            sequence = document["sequence"]
        except (FileNotFoundError, ValueError, LookupError, TypeError, AttributeError):
            return 0
        if not 0 <= sequence <= self.sequence:
            return 0
        self.known = lives
        return int(sequence)

    def _read_followed(self) -> dict[str, str]:
        try:
            found = json.loads((self._directory / FOLLOWED).read_bytes())["prunedUntil"]
            return {str(root): str(instance) for root, instance in found.items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return {}

    def _write_known(self) -> None:
        document = {"sequence": self.sequence, "lives": self.known}
        with contextlib.suppress(OSError):  # on a full file system: the segments tell it too
            self._replace("known.json", json.dumps(document, separators=(",", ":")).encode())

    def _begin_anew(self) -> None:
        for pattern in (f"*{_SUFFIX}", "known.json", FOLLOWED):
            for path in self._directory.glob(pattern):
                path.unlink(missing_ok=True)
        self.known = {}
        self.epoch = os.urandom(EPOCH_BYTES).hex()
        self._replace("epoch", self.epoch.encode())
        self._segments, self.sequence = [1], 0

    def _path(self, first: int) -> Path:
        return self._directory / f"{first:0{SEQUENCE_DIGITS}}{_SUFFIX}"

    def _open_segment(self, first: int) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(self._path(first), flags, FILE_MODE)

    def _replace(self, name: str, content: bytes) -> None:
        temporary = self._directory / f"{name}.new"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
        try:
            with open(fd, "wb") as file:
                file.write(content)
            temporary.rename(self._directory / name)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
