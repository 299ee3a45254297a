"""The watcher's stream beside `podman events` and `ctr events`, on the same lives of the same containers.

    python -m bench.beside [--lives N]      (root, with podman, containerd and what tests/clients needs)

In a machine within the machine, podman and then containerd run containers with runf.  For the end of each life: how
long after the rename of the state.json that says so its line came, from the watcher and from the engine.  Then lives
run eight at a time, and the ends are counted.  All clocks are CLOCK_MONOTONIC of one machine; absolute figures hold
for the machine and the moment only.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from inotify_simple import INotify, flags

from tests.clients.engines import IMAGE, Containerd, Podman
from tests.support import session
from tests.support.image import write_image
from tests.support.machine import Machine
from watcher.directory import commit_of

WATCHER = "/mnt/runf/bin/runf-watcher"
RUN = "/run/opencontainer"
AT_ONCE = 8
END_S = 120.0
STOPPED = "org.runf.container.stopped.v1"


class Kind(NamedTuple):
    """An engine: its events as a command, whose end a line of them tells (None: of nobody), and how it runs a life."""

    name: str
    root: str
    events: tuple[str, ...]
    ended: Callable[[str], str | None]
    live: Callable[[Any, str], object]


def _podman_ended(line: str) -> str | None:
    event = json.loads(line)
    return str(event["ID"]) if event.get("Status") in ("died", "die") else None


def _ctr_ended(line: str) -> str | None:
    if " /tasks/exit " not in line:
        return None
    return str(json.loads(line[line.index("{") :])["container_id"])


def _podman_live(engine: Any, name: str) -> None:
    engine.ok("run", "--name", name, "--network", "none", "box", "true")


def _ctr_live(engine: Any, name: str) -> None:
    engine.ok("run", IMAGE, name, "true")


KINDS = (
    Kind("podman", f"{RUN}/containers", ("events", "--format", "json"), _podman_ended, _podman_live),
    Kind("ctr", "/run/containerd/runc/default", ("events",), _ctr_ended, _ctr_live),
)


class Seen:
    """When what was seen first; filled by threads."""

    def __init__(self) -> None:
        self.renamed: dict[tuple[str, int], float] = {}
        self.told: dict[str, float] = {}
        self.generation: dict[str, int] = {}
        self.engine: dict[str, float] = {}
        self.repeated = 0

    def delays_ms(self, arrivals: dict[str, float]) -> list[float]:
        """From the rename to the arrival, of each life that both told."""
        found = []
        for each, at in dict(arrivals).items():  # a copy: the threads go on
            start = self._begun(each)
            if start is not None:
                found.append(1000 * (at - start))
        return found

    def _begun(self, container_id: str) -> float | None:
        """The rename that brought its end; a commit may bring what two generations hold, the later in its name."""
        ended = self.generation.get(container_id, sys.maxsize)
        renames = [at for (each, number), at in dict(self.renamed).items() if each == container_id and number >= ended]
        return min(renames, default=None)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description="the watcher beside podman events and ctr events")
    parser.add_argument("--lives", type=int, default=40)
    lives = parser.parse_args().lives
    if os.geteuid() != 0:
        raise SystemExit("bench: needs root")
    sys.stdout.write("| ends of lives | runf-watcher | the engine's own stream |\n|---|---|---|\n")
    with tempfile.TemporaryDirectory(prefix="runf-beside-") as place:
        # what a test session tells those who make names
        os.environ.update({session.NAME: f"bench-{os.getpid()}", "TMPDIR": place})
        write_image(Path(place) / "box.tar")
        with closing(Machine()) as machine:
            machine.path("/mnt/box.tar").write_bytes((Path(place) / "box.tar").read_bytes())
            machine.ok("ln", "-s", "/mnt/runf/bin/runf", "/mnt/etc/runf")
            for kind, engine_class in zip(KINDS, (Podman, Containerd), strict=True):
                engine_class.set_up(machine)
                engine = engine_class(machine, "runf")
                engine.ok("run", *_first(kind))
                _measure(machine, kind, engine, lives)


def _first(kind: Kind) -> tuple[str, ...]:
    """A life that makes the root, which then can be watched."""
    return ("--network", "none", "box", "true") if kind.name == "podman" else (IMAGE, "first", "true")


def _measure(machine: Machine, kind: Kind, engine: Any, lives: int) -> None:
    seen = Seen()
    with _watched(machine), _following(machine, kind, engine, seen):
        names = [f"{kind.name}-{number}" for number in range(lives)]
        for name in names:
            kind.live(engine, name)
        _wait(seen, lives)
        ours, theirs = (_spread(seen.delays_ms(each)) for each in (seen.told, seen.engine))
        sys.stdout.write(f"| {kind.name}: rename to line | {ours} | {theirs} |\n")
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda name: kind.live(engine, name), [f"{name}-again" for name in names]))
        rate = lives / (time.monotonic() - began)
        _wait(seen, 2 * lives)
        counts = [f"{len(each) - lives} of {lives} seen" for each in (seen.told, seen.engine)]
        sys.stdout.write(f"| {kind.name}: {AT_ONCE} at once, {rate:.1f} lives/s | {counts[0]} | {counts[1]} |\n")
        sys.stdout.flush()


def _spread(delays: list[float]) -> str:
    return f"p50 {statistics.median(delays):.1f} ms, at most {max(delays):.1f} ms ({len(delays)} lives)"


def _wait(seen: Seen, number: int) -> None:
    """Until so many lives were told by both, and the renames of all: three threads may be late, each by itself."""
    deadline = time.monotonic() + END_S
    while time.monotonic() < deadline:
        if min(len(seen.delays_ms(seen.told)), len(seen.delays_ms(seen.engine))) >= number:
            return
        time.sleep(0.05)


@contextmanager
def _watched(machine: Machine) -> Iterator[None]:
    argv = ("sh", "-c", f"echo $$; exec {WATCHER}")
    watcher = machine.start(*argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    pid = watcher.stdout.readline().strip()
    try:
        if "following" not in watcher.stderr.readline():
            raise SystemExit("bench: the watcher did not start")
        yield
    finally:
        machine("kill", pid)
        watcher.wait()


@contextmanager
def _following(machine: Machine, kind: Kind, engine: Any, seen: Seen) -> Iterator[None]:
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(str(machine.path(f"{RUN}/watcher.sock")))
    stream.sendall(b"GET /v1/events?type=stopped HTTP/1.0\r\nHost: runf\r\n\r\n")
    events = machine.start(
        *engine.argv(*kind.events), env=engine.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    inotify = INotify()
    inotify.add_watch(str(machine.path(f"{kind.root}/.staging")), flags.MOVED_FROM)
    for target, arguments in (
        (_read_renames, (inotify, seen)),
        (_read_stream, (stream.makefile("rb"), seen)),
        (_read_engine, (events.stdout, kind, seen)),
    ):
        threading.Thread(target=target, args=arguments, daemon=True).start()
    time.sleep(2)  # the engines' streams don't say from when on they follow
    try:
        yield
    finally:
        stream.shutdown(socket.SHUT_RDWR)
        events.terminate()
        events.wait()


def _read_renames(inotify: INotify, seen: Seen) -> None:
    while True:
        for event in inotify.read():
            at = time.monotonic()
            commit = commit_of(event.name)
            if commit is not None:
                container_id, _, generation = commit
                seen.renamed[container_id, generation] = at


def _read_stream(lines: IO[bytes], seen: Seen) -> None:
    for line in lines:
        at = time.monotonic()
        if STOPPED.encode() in line:
            event = json.loads(line)
            seen.generation[event["subject"]] = int(event["id"].split(":")[1])
            seen.told.setdefault(event["subject"], at)


def _read_engine(lines: IO[str], kind: Kind, seen: Seen) -> None:
    for line in lines:
        at = time.monotonic()
        found = kind.ended(line)
        if found is not None:
            seen.engine.setdefault(found, at)


if __name__ == "__main__":
    main()
