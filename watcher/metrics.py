"""/metrics: the containers, under cAdvisor's names where the meaning is the same, and the watcher itself.

    container_*      labels as in cAdvisor: id (the cgroup), name (the container's id), image; and root
    runf_watcher_*   what the watcher does, and whether it keeps up
    process_*        the watcher as a process, under the names that Prometheus's own libraries use

What nothing counts has no sample; a container that was deleted has none either, but its end stays in
container_exits_total.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runtime import VERSION
from watcher.counts import LAG_BOUNDS_S, seconds, short_type
from watcher.exposition import Family, family_of, head, histogram, labels, sample, with_label
from watcher.filters import STATUSES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from runtime.cgroups.usage import Usage
    from runtime.store.record import Exit, Record
    from watcher.counts import Counts
    from watcher.follower import Follower
    from watcher.hub import Hub
    from watcher.journal import Journal
    from watcher.usages import Reading

    Value = Callable[[Usage], float | None]

PIECE = 512
IMAGES = ("io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName", "org.opencontainers.image.ref.name")
CGROUPS = "/sys/fs/cgroup"
BEGAN_S = time.time()


class Line(NamedTuple):
    """A container, as far as samples need it: ``text`` are its labels, ``kills`` what its record was told."""

    text: str
    status: str
    started: str | None
    finished: str | None
    exit: Exit
    kills: int
    usage: Usage | None


def line_of(record: Record, root: str, reading: Reading | None) -> Line:
    """What samples need of this record."""
    return Line(
        labels_of(record, root),
        record["status"],
        record["started"],
        record["finished"],
        record["exit"],
        record["linux"].get("oomKills", 0),
        reading.usage if reading else None,
    )


OF_USAGE: tuple[tuple[Family, Value], ...] = (
    (
        Family("container_cpu_user_seconds_total", "counter", "CPU time in user mode."),
        lambda usage: usage.cpu_user_s,
    ),
    (
        Family("container_cpu_system_seconds_total", "counter", "CPU time in the kernel."),
        lambda usage: usage.cpu_system_s,
    ),
    (
        Family("container_memory_usage_bytes", "gauge", "Memory in use, file cache and all."),
        lambda usage: usage.memory_bytes,
    ),
    (
        Family("container_memory_working_set_bytes", "gauge", "Memory in use without inactive file cache."),
        lambda usage: usage.working_set_bytes,
    ),
    (
        Family("container_spec_memory_limit_bytes", "gauge", "Memory limit; 0 where there is none."),
        lambda usage: None if usage.memory_bytes is None else usage.memory_limit_bytes or 0,
    ),
    (
        Family("container_threads", "gauge", "Tasks: processes and their threads."),
        lambda usage: usage.tasks,
    ),
)
CPU = Family("container_cpu_usage_seconds_total", "counter", "CPU time.")
OOM = Family("container_oom_events_total", "counter", "Processes that the out-of-memory killer has taken.")
SEEN = Family("container_last_seen", "gauge", "When the watcher saw it alive: now, since the epoch.")
STATE = Family("container_state", "gauge", "1 for the state that it is in, 0 for the others.")
BEGUN = Family("container_start_time_seconds", "gauge", "When its program was executed, since the epoch.")
ENDED = Family("container_finished_time_seconds", "gauge", "When its first process ended, since the epoch.")
EXIT_CODE = Family("container_exit_code", "gauge", "Exit code, 128 plus the number where a signal ended it.")
EXITS = Family("container_exits_total", "counter", "Containers that ended, by how: each once its exit is known.")


async def render(
    followers: dict[str, Follower], readings: dict[str, Reading], journal: Journal, hub: Hub, counts: Counts
) -> AsyncIterator[str]:
    """The whole exposition, in pieces; whoever asks gives others their turn between them."""
    lines = []
    for root, follower in followers.items():
        for number, record in enumerate(follower.snapshot):
            lines.append(line_of(record, root, readings.get(record["instance"])))
            if number % PIECE == 0:
                yield ""
    for family, samples in _container_families(lines):
        yield head(family)
        for piece in _pieces(family.name, samples):
            yield piece
    exits = (({"root": root, "reason": reason}, count) for (root, reason), count in sorted(counts.exits.items()))
    yield family_of(EXITS, [(labels(pairs), count) for pairs, count in exits])
    yield "".join(_own(followers, journal, hub, counts))
    yield "".join(_process())


def labels_of(record: Record, root: str) -> str:
    """cAdvisor's labels, and the root."""
    image = next((record["annotations"][key] for key in IMAGES if key in record["annotations"]), "")
    return labels({"id": cgroup_id(record), "image": image, "name": record["id"], "root": root})


def cgroup_id(record: Record) -> str:
    """The cgroup's path in its hierarchy, as cAdvisor's ``id``; empty without one."""
    cgroup = record["linux"]["cgroup"]
    if cgroup is None or not cgroup["paths"]:
        return ""
    paths = cgroup["paths"]
    path = paths.get("unified") or paths.get("memory") or next(iter(paths.values()))
    if not path.startswith(f"{CGROUPS}/"):
        return path
    inner = path[len(CGROUPS) :]
    return inner if cgroup["version"] == 2 else inner[inner.index("/", 1) :] if "/" in inner[1:] else "/"


def _container_families(lines: list[Line]) -> Iterator[tuple[Family, Iterator[tuple[str, float]]]]:
    yield STATE, _states(lines)
    yield BEGUN, _times((line.text, line.started) for line in lines)
    yield ENDED, _times((line.text, line.finished) for line in lines)
    codes = ((line.text, line.exit["code"]) for line in lines)
    yield EXIT_CODE, ((text, code) for text, code in codes if code is not None)
    now_s = time.time()
    yield SEEN, ((line.text, now_s) for line in lines if line.usage is not None)
    yield OOM, _kills(lines)
    yield CPU, _cpu(lines)
    for family, value in OF_USAGE:
        yield family, _of_usage(lines, value)


def _states(lines: list[Line]) -> Iterator[tuple[str, float]]:
    for line in lines:
        for state in STATUSES:
            yield with_label(line.text, "state", state), int(line.status == state)


def _times(found: Iterable[tuple[str, str | None]]) -> Iterator[tuple[str, float]]:
    return ((text, seconds(moment)) for text, moment in found if moment is not None)


def _kills(lines: list[Line]) -> Iterator[tuple[str, float]]:
    """What the cgroup counts while it is there; afterwards what the record was told."""
    for line in lines:
        counted = line.usage.oom_kills if line.usage is not None else None
        if counted is not None or line.exit["oomKilled"] is not None or line.kills:
            yield line.text, max(counted or 0, line.kills)


def _cpu(lines: list[Line]) -> Iterator[tuple[str, float]]:
    for text, value in _of_usage(lines, lambda usage: usage.cpu_s):
        yield with_label(text, "cpu", "total"), value


def _of_usage(lines: list[Line], value: Value) -> Iterator[tuple[str, float]]:
    for line in lines:
        found = value(line.usage) if line.usage is not None else None
        if found is not None:
            yield line.text, found


def _pieces(name: str, samples: Iterable[tuple[str, float]]) -> Iterator[str]:
    piece: list[str] = []
    for text, value in samples:
        piece.append(sample(name, text, value))
        if len(piece) == PIECE:
            yield "".join(piece)
            piece = []
    yield "".join(piece)


def _own(followers: dict[str, Follower], journal: Journal, hub: Hub, counts: Counts) -> Iterator[str]:
    every = followers.values()
    kinds = sorted(counts.events.items())
    yield family_of(Family("runf_watcher_info", "gauge", "The watcher's version."), [(labels({"version": VERSION}), 1)])
    yield family_of(
        Family("runf_watcher_events_total", "counter", "Events that were published, by type."),
        [(labels({"type": short_type(kind)}), count) for kind, count in kinds],
    )
    yield histogram(
        Family("runf_watcher_lag_seconds", "histogram", "From what happened to its event; ends found late count too."),
        LAG_BOUNDS_S,
        counts.lags,
        counts.lag_s,
    )
    for name, text, value in (
        ("roots", "State roots that are followed.", len(followers)),
        ("containers", "Containers in them.", sum(len(each.snapshot) for each in every)),
        ("unreadable_records", "Records that can't be read.", sum(len(each.snapshot.unreadable) for each in every)),
        ("followed_processes", "Processes whose end will be recorded.", sum(each.followed for each in every)),
        ("subscribers", "Streams that are open.", len(hub)),
        ("subscribers_behind", "Streams that read from the journal, since they were too slow.", hub.behind),
        ("queue_depth", "Events that wait for the slowest subscriber that keeps up.", hub.depth),
        ("journal_sequence", "Sequence of the newest event.", journal.sequence),
        ("journal_first_sequence", "Sequence of the oldest event that is kept.", journal.first),
    ):
        yield family_of(Family(f"runf_watcher_{name}", "gauge", text), [("", value)])
    for name, text, value in (
        ("overflows", "Times that the kernel's queue of inotify was full.", sum(each.overflows for each in every)),
        ("rescans", "Times that everything was read anew.", sum(each.rescans for each in every)),
        ("gaps", "Gap markers that subscribers got.", counts.gaps),
        ("dropped_events", "Events that a subscriber lost for good: the journal had let them go.", counts.dropped),
        ("delivery_failures", "Streams that broke while they were written to.", counts.delivery_failures),
    ):
        yield family_of(Family(f"runf_watcher_{name}_total", "counter", text), [("", value)])


def _process() -> Iterator[str]:
    times = os.times()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    for family, value in (
        (Family("process_cpu_seconds_total", "counter", "CPU time of the watcher."), times.user + times.system),
        (Family("process_resident_memory_bytes", "gauge", "Memory of the watcher."), pages * os.sysconf("SC_PAGESIZE")),
        (Family("process_open_fds", "gauge", "Open files of the watcher."), len(os.listdir("/proc/self/fd"))),
        (Family("process_start_time_seconds", "gauge", "When the watcher began, since the epoch."), BEGAN_S),
    ):
        yield family_of(family, [("", value)])
