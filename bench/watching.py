"""The watcher: how long from the rename of state.json to the line at a subscriber, and how many it sustains.

The writer knows when it renamed each commit; a bare inotify reader and a subscriber, each a process of its own, tell
when they saw it.  All clocks are CLOCK_MONOTONIC of one machine.
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
from typing import TYPE_CHECKING, Any

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
PACE_S = 0.001
FLOOD = 10_000  # fits into the journal: what a slow reader misses there would be lost
CONTAINERS = 1_000  # a record keeps 64 transitions: so none is overtaken before it is read
END_S = 120
SUBSCRIBER_AIM = "p99: 5 of the bare reader"
RATE_AIM = "at least 15,000/s"


def rows(home: Path, place: Path) -> Iterator[tuple[str, str, str, str, str, str]]:
    """The watcher's lines of the table."""
    with _watched(home, place / "paced") as (root, address):
        delays = _paced(root, address)
    p99 = {name: statistics.quantiles(values, n=100)[98] for name, values in delays.items()}
    p50 = {name: statistics.median(values) for name, values in delays.items()}
    ratios = (
        f"p50 {p50['subscriber'] / p50['inotify']:.1f}, p99 {p99['subscriber'] / p99['inotify']:.1f} of a bare reader"
    )
    text = f"p50 {p50['subscriber'] * 1000:.2f} ms, p99 {p99['subscriber'] * 1000:.2f} ms ({ratios})"
    yield "watcher: rename to subscriber", text, "", "", "", SUBSCRIBER_AIM
    with _watched(home, place / "flood") as (root, address):
        rate, written = _flood(root, address)
    yield "watcher: sustained", f"{rate:.0f}/s (written at {written:.0f}/s)", "", "", "", RATE_AIM


@contextmanager
def _watched(home: Path, place: Path) -> Iterator[tuple[str, str]]:
    """A root that is followed; the watcher's socket."""
    place.mkdir()
    root, address = str(place / "root"), str(place / "socket")
    argv = [str(home / ".venv/bin/runf-watcher"), "--root", root, "--socket", address]
    watcher = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    try:
        if watcher.stderr is None or "following" not in watcher.stderr.readline():
            raise subprocess.CalledProcessError(1, argv)
        yield root, address
    finally:
        watcher.terminate()
        watcher.wait()


def _publish(store: Store, number: int) -> Record:
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


def _paced(root: str, address: str) -> dict[str, list[float]]:
    with closing(Store(root, make=True)) as store:
        record = _publish(store, 0)
        with _seeing(_see_inotify, root) as bare, _seeing(_see_lines, address) as subscriber:
            sent = {}
            for _ in range(PACED):
                with store.locked(record["id"]) as held:
                    record = advance(held.record, now=clock.now(), happenings=("updated",))
                    sent[record["generation"]] = time.monotonic()
                    held.commit(record)
                time.sleep(PACE_S)
            seen = {"inotify": bare(PACED), "subscriber": subscriber(PACED)}
    return {
        name: [at - sent[generation] for generation, at in times if generation in sent] for name, times in seen.items()
    }


def _flood(root: str, address: str) -> tuple[float, float]:
    """Commits as fast as renames go, made beforehand: what the writer does otherwise would be the limit."""
    with closing(Store(root, make=True)) as store:
        lives = [_publish(store, number) for number in range(CONTAINERS)]
        commits = []
        for number in range(FLOOD):
            record = advance(lives[number % CONTAINERS], now=clock.now(), happenings=("updated",))
            lives[number % CONTAINERS] = record
            commits.append((record["id"], record["instance"], record["generation"], serialize(record)))
        with _seeing(_see_lines, address) as subscriber:
            began = time.monotonic()
            for container_id, instance, generation, content in commits:
                name = f"{root}/.staging/{container_id}.{instance}.{generation}"
                fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
                os.write(fd, content)
                os.close(fd)
                os.rename(name, f"{root}/{container_id}/state.json")
            written = time.monotonic() - began
            times = subscriber(FLOOD)
    return len(times) / (times[-1][1] - began), FLOOD / written


@contextmanager
def _seeing(see: Any, where: str) -> Iterator[Any]:
    """A process that notes (generation, time); the yielded function waits for so many of them."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=see, args=(where, theirs), daemon=True)
    process.start()
    ours.recv()

    def collect(number: int) -> list[tuple[int, float]]:
        ours.send(number)
        if not ours.poll(END_S):
            raise subprocess.CalledProcessError(1, f"fewer than {number} were seen")
        found: list[tuple[int, float]] = ours.recv()
        return found

    try:
        yield collect
    finally:
        process.kill()
        process.join()


def _see_inotify(root: str, told: Connection) -> None:
    found: list[tuple[int, float]] = []
    with INotify() as inotify:
        inotify.add_watch(f"{root}/.staging", flags.MOVED_FROM)
        told.send("ready")
        while not told.poll() or len(found) < PACED:
            events = inotify.read(timeout=100)
            at = time.monotonic()
            found += [(int(event.name.rsplit(".", 1)[1]), at) for event in events]
    told.recv()
    told.send(found)


def _see_lines(address: str, told: Connection) -> None:
    """A subscriber that reads lines and nothing else; the snapshot comes first, and isn't counted."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    connection.sendall(b"GET /v1/events HTTP/1.1\r\nHost: runf\r\n\r\n")
    rest = b""
    while b"snapshot" not in rest:
        rest += connection.recv(1 << 20)
    told.send("ready")
    found: list[tuple[int, float]] = []
    wanted = None
    connection.settimeout(0.1)
    while wanted is None or len(found) < wanted:
        if wanted is None and told.poll():
            wanted = told.recv()
        try:
            rest += connection.recv(1 << 20)
        except TimeoutError:
            continue
        at = time.monotonic()
        *lines, rest = rest.split(b"\n")
        for line in lines:
            start = line.find(b'"type":"org.runf.container.updated')
            if start >= 0:
                found.append((json.loads(line)["data"]["generation"] if len(found) < PACED else 0, at))
    told.send(found)
