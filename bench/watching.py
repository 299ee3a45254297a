"""The watcher: how long from the rename of state.json to the line at a subscriber, and how many it sustains.

The writer knows when it renamed each commit; a bare inotify reader and a subscriber, each a process of its own, tell
when they saw it.  All clocks are CLOCK_MONOTONIC of one machine.

The rate is that of commits written as fast as the subscriber sees them, with so many under way at most: FEW, so that
each record is read by itself, since none is overtaken before; and MANY, where a look finds several commits of one
container in its record.  All must be told either way.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from inotify_simple import INotify, flags

from runtime.actions.identity import identify
from runtime.kernel import clock
from runtime.store.record import advance, new_record, serialize
from runtime.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from runtime.store.record import Record

PACED = 2_000
PACED_CONTAINERS = 40  # a record keeps 64 transitions: so a machine that stands still for a second loses none
PACE_S = 0.001
FLOOD = 20_000
CONTAINERS = 2_000
FEW, MANY = 1_000, 6_000  # the kernel's queue holds 16,384
PAUSE_S = 0.0002
END_S = 120
SUBSCRIBER_AIM = "p99: 5 of the bare reader"
RATE_AIM = "at least 15,000/s"


class Watcher(NamedTuple):
    """A watcher at work."""

    root: str
    address: str
    pid: int


class Flood(NamedTuple):
    """What came of the commits: how many a second, the watcher's processor time for each."""

    rate: float
    cpu_s: float


def rows(home: Path, place: Path) -> Iterator[tuple[str, str, str, str, str, str]]:
    """The watcher's lines of the table."""
    with watched(home, place / "paced") as watcher:
        delays = paced(watcher)
    p99 = {name: statistics.quantiles(values, n=100)[98] for name, values in delays.items()}
    p50 = {name: statistics.median(values) for name, values in delays.items()}
    ratios = (
        f"p50 {p50['subscriber'] / p50['inotify']:.1f}, p99 {p99['subscriber'] / p99['inotify']:.1f} of a bare reader"
    )
    text = f"p50 {p50['subscriber'] * 1000:.2f} ms, p99 {p99['subscriber'] * 1000:.2f} ms ({ratios})"
    yield "watcher: rename to subscriber", text, "", "", "", SUBSCRIBER_AIM
    found = []
    for ahead in (FEW, MANY):
        with watched(home, place / f"flood-{ahead}") as watcher:
            found.append(flood(watcher, ahead))
    few, many = found
    text = f"{many.rate:.0f}/s ({MANY} under way; {FEW}: {few.rate:.0f}/s, {few.cpu_s * 1e6:.0f} µs of processor each)"
    yield "watcher: sustained", text, "", "", "", RATE_AIM


@contextmanager
def watched(home: Path, place: Path) -> Iterator[Watcher]:
    """A root that is followed."""
    place.mkdir()
    root, address = str(place / "root"), str(place / "socket")
    argv = [str(home / ".venv/bin/runf-watcher"), "--root", root, "--socket", address]
    watcher = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    try:
        if watcher.stderr is None or "following" not in watcher.stderr.readline():
            raise subprocess.CalledProcessError(1, argv)
        yield Watcher(root, address, watcher.pid)
    finally:
        watcher.terminate()
        watcher.wait()


def cpu_s(pid: int) -> float:
    """What a process has had of the processors."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def publish(store: Store, number: int) -> Record:
    """A created container, as the commands leave it."""
    first = new_record(
        container_id=f"container-{number}",
        instance=os.urandom(16).hex(),
        bundle="/srv/bundle",
        rootfs="/srv/bundle/rootfs",
        owner="root",
        annotations={"org.example.name": "web"},
        version="1",
        maker=identify(os.getpid()),
        cgroup={"version": 2, "paths": {"unified": f"/sys/fs/cgroup/container-{number}"}, "scope": None},
        now=clock.now(),
    )
    store.publish(first, {}, ()).release()
    me = identify(os.getpid())
    with store.locked(first["id"]) as held:
        held.commit(advance(first, now=clock.now(), happenings=("created",), status="created", maker=None, process=me))
        return held.record


def paced(watcher: Watcher) -> dict[str, list[float]]:
    """Commits one by one: the seconds from each rename to the bare reader, and to the subscriber."""
    with closing(Store(watcher.root, make=True)) as store:
        lives = [publish(store, number) for number in range(PACED_CONTAINERS)]
        with _seeing(_see_inotify, watcher.root) as bare, _seeing(_see_lines, watcher.address) as subscriber:
            sent = {}
            for number in range(PACED):
                with store.locked(lives[number % PACED_CONTAINERS]["id"]) as held:
                    record = advance(held.record, now=clock.now(), happenings=("updated",))
                    sent[record["id"], record["generation"]] = time.monotonic()
                    held.commit(record)
                time.sleep(PACE_S)
            seen = {"inotify": bare(PACED), "subscriber": subscriber(PACED)}
    return {name: [at - sent[commit] for commit, at in times if commit in sent] for name, times in seen.items()}


def flood(watcher: Watcher, ahead: int) -> Flood:
    """As fast as they are seen; all is made beforehand but the renames, since the writer would be the limit else."""
    with closing(Store(watcher.root, make=True)) as store:
        lives = [publish(store, number) for number in range(CONTAINERS)]
        commits = [_stage(watcher.root, lives, number) for number in range(FLOOD)]
        counter = multiprocessing.Value("L", 0, lock=False)
        with _seeing(_count_lines, watcher.address, counter) as subscriber:
            before_s, began = cpu_s(watcher.pid), time.monotonic()
            for number, (staged, place) in enumerate(commits):
                while number - counter.value > ahead:
                    time.sleep(PAUSE_S)
                os.rename(staged, place)
            times = subscriber(FLOOD)
            return Flood(FLOOD / (times[-1][1] - began), (cpu_s(watcher.pid) - before_s) / FLOOD)


def _stage(root: str, lives: list[Record], number: int) -> tuple[str, str]:
    """Write the container's next record: where it lies, and where it belongs."""
    record = lives[number % len(lives)] = advance(lives[number % len(lives)], now=clock.now(), happenings=("updated",))
    staged = f"{root}/.staging/{record['id']}.{record['instance']}.{record['generation']}"
    fd = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(fd, serialize(record))
    os.close(fd)
    return staged, f"{root}/{record['id']}/state.json"


@contextmanager
def _seeing(see: Any, *arguments: Any) -> Iterator[Any]:
    """A process that notes (commit, time); the yielded function waits for so many of them."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=see, args=(*arguments, theirs), daemon=True)
    process.start()
    ours.recv()

    def collect(number: int) -> list[tuple[Any, float]]:
        ours.send(number)
        if not ours.poll(END_S):
            raise subprocess.CalledProcessError(1, f"fewer than {number} were seen")
        found: list[tuple[Any, float]] = ours.recv()
        return found

    try:
        yield collect
    finally:
        process.kill()
        process.join()


def _see_inotify(root: str, told: Connection) -> None:
    found: list[tuple[tuple[str, int], float]] = []
    with INotify() as inotify:
        inotify.add_watch(f"{root}/.staging", flags.MOVED_FROM)
        told.send("ready")
        while not told.poll() or len(found) < PACED:
            events = inotify.read(timeout=100)
            at = time.monotonic()
            for event in events:
                container_id, _, generation = event.name.rsplit(".", 2)
                found.append(((container_id, int(generation)), at))
    told.recv()
    told.send(found)


def _see_lines(address: str, told: Connection) -> None:
    """A subscriber that reads lines and nothing else."""
    found: list[tuple[tuple[str, int], float]] = []
    for lines, at in _lines(address, told, lambda: len(found)):
        for line in lines:
            if b'"type":"org.runf.container.updated' in line:
                event = json.loads(line)
                found.append(((event["subject"], event["data"]["generation"]), at))
    told.send(found)


def _count_lines(address: str, counter: Any, told: Connection) -> None:
    """One that counts, and tells how far it is; the time is that of the last one."""
    at = 0.0
    for lines, now in _lines(address, told, lambda: counter.value):
        number = sum(b'"type":"org.runf.container.updated' in line for line in lines)
        if number:
            counter.value, at = counter.value + number, now
    told.send([(counter.value, at)])


def _lines(address: str, told: Connection, seen: Any) -> Iterator[tuple[list[bytes], float]]:
    """The lines after the snapshot, as they come, until so many are ``seen`` as are then asked for."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    connection.sendall(b"GET /v1/events HTTP/1.1\r\nHost: runf\r\n\r\n")
    rest = b""
    while b"snapshot" not in rest:
        rest += connection.recv(1 << 20)
    told.send("ready")
    wanted = None
    connection.settimeout(0.1)
    while wanted is None or seen() < wanted:
        if wanted is None and told.poll():
            wanted = told.recv()
        try:
            rest += connection.recv(1 << 20)
        except TimeoutError:
            continue
        at = time.monotonic()
        *lines, rest = rest.split(b"\n")
        yield lines, at
