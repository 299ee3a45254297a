"""A crowd before the watcher: 10,000 containers, 100,000 transitions, 100 subscribers of which 10 never read.

    python -m bench.crowd [--containers N] [--transitions N] [--readers N] [--stuck N] [--rate N]

Each reader must get every transition once; it tells how many it got, how many gap markers, and how long after the
rename each came.  All readers are one process, which is slower than the watcher: the writer is never more than AHEAD
transitions before the slowest of them, and tells how long it waited for that.  Nobody waits for the stuck ones.  The
watcher's memory is VmHWM.  All clocks are CLOCK_MONOTONIC of one machine; absolute figures hold for the machine and
the moment only.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import select
import socket
import statistics
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from bench.place import on_tmpfs
from bench.watching import cpu_s, publish
from runtime.kernel import clock
from runtime.store.record import advance, serialize
from runtime.store.store import Store

HERE = Path(__file__).resolve().parent.parent
MARK = b'"type":"org.runf.container.updated.v1"'
GAP = b'"type":"org.runf.watcher.gap.v1"'
SNAPSHOT = b'"type":"org.runf.container.snapshot.v1"'
SAMPLE = 100  # every so many-th transition is timed
AHEAD = 3_000  # fewer than the queue of a subscriber holds
PAUSE_S = 0.001
END_S = 1800
BUFFER_BYTES = 1 << 20
REQUEST = b"GET /v1/events HTTP/1.1\r\nHost: runf\r\n\r\n"


class Seen(NamedTuple):
    """What one reader got."""

    transitions: int
    gaps: int
    arrivals: list[tuple[int, float]]


class Reader:
    """One connection: counts what goes by, and keeps the end of what it read, where a mark may be cut in two."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(address)
        self.socket.sendall(REQUEST)
        self.snapshots = self.transitions = self.gaps = 0
        self.arrivals: list[tuple[int, float]] = []
        self._tail = b""

    def read(self, buffer: bytearray) -> None:
        """Take what is there."""
        size = self.socket.recv_into(buffer)
        if not size:
            raise SystemExit("bench: the watcher ended a stream")
        chunk = self._tail + bytes(memoryview(buffer)[:size])
        end = chunk.rfind(b"\n") + 1
        whole, self._tail = chunk[:end], chunk[end:]
        if not self.transitions:
            self.snapshots += whole.count(SNAPSHOT)
        self.gaps += whole.count(GAP)
        before = self.transitions // SAMPLE
        self.transitions += whole.count(MARK)
        at = time.monotonic()
        self.arrivals += [(number * SAMPLE, at) for number in range(before + 1, self.transitions // SAMPLE + 1)]


def main() -> None:
    """Measure, and print what came."""
    parser = argparse.ArgumentParser(description="a crowd before the watcher")
    parser.add_argument("--containers", type=int, default=10_000)
    parser.add_argument("--transitions", type=int, default=100_000)
    parser.add_argument("--readers", type=int, default=90)
    parser.add_argument("--stuck", type=int, default=10)
    parser.add_argument("--watcher", default=str(HERE / ".venv/bin/runf-watcher"), metavar="PATH")
    parser.add_argument("--rate", type=int, default=1_000, help="transitions a second")
    options = parser.parse_args()
    with on_tmpfs("runf-crowd-") as place:
        _measure(place, options)


def _measure(place: Path, options: argparse.Namespace) -> None:
    root, address = str(place / "root"), str(place / "socket")
    with closing(Store(root, make=True)) as store:
        lives = [publish(store, number) for number in range(options.containers)]
        began = time.monotonic()
        watcher = subprocess.Popen(
            [options.watcher, "--root", root, "--socket", address],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            if watcher.stderr is None or "following" not in watcher.stderr.readline():
                raise SystemExit("bench: the watcher did not start")
            took_s = time.monotonic() - began
            _say(
                "ready after",
                f"{took_s:.1f} s with {options.containers} containers ({cpu_s(watcher.pid):.1f} s of CPU)",
            )
            _say("memory then", f"{_peak_mib(watcher.pid):.0f} MiB")
            stuck = [Reader(address) for _ in range(options.stuck)]
            slowest = multiprocessing.Value("L", 0, lock=False)
            told, seen = _read_in_child(address, options, slowest)
            os.read(told, 1)
            _say("memory with the crowd", f"{_peak_mib(watcher.pid):.0f} MiB")
            before_s = cpu_s(watcher.pid)
            sent, took_s, waited_s = _write(root, lives, options, slowest)
            rate = f"{options.transitions / took_s:.0f} transitions a second"
            _say("written at", f"{rate}; {waited_s:.0f} of {took_s:.0f} s waited for the readers")
            found = _collect(seen)
            _report(found, sent, options)
            _say("memory at most", f"{_peak_mib(watcher.pid):.0f} MiB")
            _say("the watcher's CPU time", f"{cpu_s(watcher.pid):.1f} s")
            spent_s = cpu_s(watcher.pid) - before_s
            lines = options.transitions * options.readers
            _say("of it the stream", f"{spent_s:.1f} s, {spent_s / lines * 1e6:.1f} µs for each of {lines} lines")
            for each in stuck:
                each.socket.close()
        finally:
            watcher.terminate()
            watcher.wait()


def _write(
    root: str,
    lives: list,  # type: ignore[type-arg]
    options: argparse.Namespace,
    slowest: Any,
) -> tuple[list[float], float, float]:
    """Commit at the rate asked for, each container in its turn; when each rename was, and the seconds waited."""
    sent: list[float] = []
    waited_s = 0.0
    began = time.monotonic()
    for number in range(options.transitions):
        place = number % len(lives)
        record = lives[place] = advance(lives[place], now=clock.now(), happenings=("updated",))
        content = serialize(record)
        name = f"{root}/.staging/{record['id']}.{record['instance']}.{record['generation']}"
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(fd, content)
        os.close(fd)
        time.sleep(max(0.0, began + number / options.rate - time.monotonic()))
        full = time.monotonic()
        while number - slowest.value > AHEAD:
            time.sleep(PAUSE_S)
        sent.append(time.monotonic())
        waited_s += sent[-1] - full
        os.rename(name, f"{root}/{record['id']}/state.json")
    return sent, time.monotonic() - began, waited_s


def _read_in_child(address: str, options: argparse.Namespace, slowest: Any) -> tuple[int, int]:
    """Fork the readers; the fd that tells when all have their snapshot, and the one that tells what they saw."""
    told, tell = os.pipe()
    seen, show = os.pipe()
    if os.fork():
        os.close(tell)
        os.close(show)
        return told, seen
    readers = {}
    for _ in range(options.readers):
        reader = Reader(address)
        readers[reader.socket.fileno()] = reader
    _read_until(readers, lambda: min(each.snapshots for each in readers.values()) >= options.containers)
    os.write(tell, b"x")

    def is_done() -> bool:
        slowest.value = min(each.transitions for each in readers.values())
        return bool(slowest.value >= options.transitions)

    _read_until(readers, is_done)
    with os.fdopen(show, "w") as file:
        for each in readers.values():
            arrivals = " ".join(f"{number}:{at}" for number, at in each.arrivals)
            file.write(f"{each.transitions} {each.gaps} {arrivals}\n")
    os._exit(0)


def _read_until(readers: dict[int, Reader], is_done) -> None:  # type: ignore[no-untyped-def]
    buffer = bytearray(BUFFER_BYTES)
    poll = select.epoll()
    for fd in readers:
        poll.register(fd, select.EPOLLIN)
    deadline = time.monotonic() + END_S
    while not is_done() and time.monotonic() < deadline:
        for fd, _ in poll.poll(1):
            readers[fd].read(buffer)
    poll.close()


def _collect(seen: int) -> list[Seen]:
    with os.fdopen(seen) as file:
        lines = [line.split() for line in file]
    os.wait()
    pairs = [[word.partition(":") for word in line[2:]] for line in lines]
    return [
        Seen(int(line[0]), int(line[1]), [(int(number), float(at)) for number, _, at in each])
        for line, each in zip(lines, pairs, strict=True)
    ]


def _report(found: list[Seen], sent: list[float], options: argparse.Namespace) -> None:
    counts = [each.transitions for each in found]
    _say("read by each of", f"{len(found)} readers: {min(counts)} to {max(counts)} of {options.transitions}")
    _say("gap markers", f"{sum(each.gaps for each in found)}")
    delays = [at - sent[number - 1] for each in found for number, at in each.arrivals]
    if len(delays) > 1:
        marks = statistics.quantiles(delays, n=100)
        text = f"p50 {marks[49] * 1000:.1f} ms, p99 {marks[98] * 1000:.1f} ms, at most {max(delays) * 1000:.0f} ms"
        _say("rename to reader", text)
    _say("the last line after", f"{max(at for each in found for _, at in each.arrivals) - sent[-1]:.1f} s")


def _peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("bench: the watcher has ended")


def _say(what: str, text: str) -> None:
    sys.stdout.write(f"{what:<24}{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
