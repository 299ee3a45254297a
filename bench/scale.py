"""One thousand real containers at once, and ten thousand records: what each thing costs as they become more.

    python -m bench.scale [--most N] [--records N] [--runs N] [--docs DIRECTORY] [NAME=PATH ...]      (root)

runf and runc each run sleeping containers in a root of their own, until there are 1, 10, 100, 300 and 1,000 of each;
a watcher follows runf's root all the while, with a subscriber.  At each step: the commands, in turn; and a watcher's
start, answers, page and memory.  For more records than that, each container's record is written several times into
one more root: the processes and cgroups that they name are real, ten of them share one.  In the end all are killed
and deleted; the benchmark fails where anything is left, or where the subscriber was not told of each event, once and
in order.  Figures and plots go to docs/ (bench/scale_page.py); absolute ones hold for the machine and the moment only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import many, scale_page
from bench.followed import Spent, Watched
from bench.lifecycle import Cost, Failed, timed
from bench.many import Crowd, wait_until
from runtime.errors import BadRecord
from runtime.store.record import serialize
from runtime.store.store import Store
from tests.support.telling import Subscriber, happenings

HERE = Path(__file__).resolve().parent.parent
STEPS = (1, 10, 100, 300, 1_000)
RECORDS = (1_000, 3_000, 10_000)
WAITING = 50
WATCHER = HERE / ".venv/bin/runf-watcher"


class Figures:
    """What was measured: the median of its runs by series and number of containers; and single facts."""

    def __init__(self) -> None:
        self.series: dict[str, dict[int, dict[str, float]]] = defaultdict(dict)
        self.beside: dict[str, dict[str, float]] = defaultdict(dict)  # by what it is, then by runtime
        self.facts: dict[str, Any] = {}

    def take(self, name: str, number: int, found: list[Cost] | list[Spent]) -> None:
        """Seconds, by the clock and on the processors."""
        self.series[name][number] = {
            "wall": statistics.median(each.wall for each in found),
            "cpu": statistics.median(each.cpu for each in found),
        }
        self.say(name, number)

    def take_one(self, name: str, number: int, unit: str, value: float) -> None:
        """One value."""
        self.series[name][number] = {unit: value}
        self.say(name, number)

    def say(self, name: str, number: int) -> None:
        """What has just been measured."""
        told = ", ".join(f"{unit} {value:.4g}" for unit, value in self.series[name][number].items())
        sys.stdout.write(f"{number:>6} {name}: {told}\n")
        sys.stdout.flush()

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return {"facts": self.facts, "beside": self.beside, "series": self.series}


def main() -> None:
    """Measure, and write what was measured."""
    parser = argparse.ArgumentParser(description="a thousand containers, ten thousand records")
    parser.add_argument("--most", type=int, default=STEPS[-1], help="containers at most")
    parser.add_argument("--records", type=int, default=RECORDS[-1], help="records at most")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--docs", type=Path, default=HERE / "docs", help="where the page and the plots are written")
    parser.add_argument("runtimes", nargs="*", metavar="NAME=PATH")
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("bench: needs root")
    busybox = shutil.which("busybox")
    if busybox is None:
        raise SystemExit("bench: needs busybox: apt install busybox-static")
    named = dict(item.split("=", 1) for item in options.runtimes) or {
        "runf": str(HERE / ".venv/bin/runf"),
        **({"runc": found} if (found := shutil.which("runc")) else {}),
    }
    figures = Figures()
    figures.facts["machine"] = scale_page.machine()
    with tempfile.TemporaryDirectory(prefix="runf-scale-", dir="/dev/shm") as directory:
        place = Path(directory)
        bundle = many.make_bundle(named["runf"], busybox, place)
        with _crowds(named, place, bundle) as crowds:
            _measure(crowds, figures, options)
    figures.facts["load"] = f"{os.getloadavg()[2]:.1f}"
    scale_page.write(options.docs, json.loads(json.dumps(figures.as_json())))


@contextlib.contextmanager
def _crowds(named: dict[str, str], place: Path, bundle: Path) -> Iterator[list[Crowd]]:
    crowds = [Crowd(name, path, place, bundle) for name, path in named.items()]
    try:
        yield crowds
    finally:
        for crowd in crowds:
            crowd.clean_up()


def _measure(crowds: list[Crowd], figures: Figures, options: argparse.Namespace) -> None:
    ours = crowds[0]
    Store(str(ours.root), make=True).close()
    watched = Watched(str(WATCHER), ours.root)
    subscriber = Subscriber(watched.socket)
    try:
        subscriber.begin()
        for number in dict.fromkeys(min(step, options.most) for step in STEPS):
            _grow(crowds, number, figures)
            _time_commands(crowds, number, figures, options.runs)
            wait_until(lambda: watched.states() == {"running": number}, "the watcher's sight of all")  # noqa: B023
            figures.take_one("watcher that saw them come", number, "MiB", watched.pss_mib())
            watched.end()
            watched = Watched(str(WATCHER), ours.root)
            _measure_watcher(watched, number, figures, options.runs, ours.place)
        _measure_memory(crowds, figures)
        _measure_records(ours, figures, options)
        _end_all(crowds, figures)
        _check_told(ours, subscriber, figures)
    finally:
        subscriber.end()
        watched.close()


def _grow(crowds: list[Crowd], number: int, figures: Figures) -> None:
    for crowd in crowds:
        before, added = many.kernel_kib(), number - len(crowd.ids)
        crowd.make(number)
        if added > 0:
            figures.beside["kernel memory for each container, KiB"][crowd.name] = (many.kernel_kib() - before) / added


def _time_commands(crowds: list[Crowd], number: int, figures: Figures, runs: int) -> None:
    found: dict[str, list[Cost]] = defaultdict(list)
    for _ in range(runs):
        for crowd in crowds:
            found[f"{crowd.name} list"].append(timed(crowd.argv("list")))
            found[f"{crowd.name} state"].append(timed(crowd.argv("state", crowd.ids[-1])))
            found[f"{crowd.name} one more life"].append(crowd.one_more_life())
    for name, costs in found.items():
        figures.take(name, number, costs)


def _measure_watcher(watched: Watched, number: int, figures: Figures, runs: int, place: Path) -> None:
    figures.take("watcher: start", number, [watched.started])
    figures.take_one("watcher after its start", number, "MiB", watched.pss_mib())
    figures.take("GET /v1/containers", number, [watched.containers() for _ in range(runs)])
    figures.take("GET /metrics", number, [watched.metrics() for _ in range(min(runs, 3))])
    if shutil.which("chromium"):
        pages = [watched.page_s(number, place) for _ in range(min(runs, 3))]
        figures.take_one("page: first row", number, "wall", statistics.median(first for first, _ in pages))
        figures.take_one("page: whole table", number, "wall", statistics.median(whole for _, whole in pages))
    figures.take_one("watcher that has answered all that", number, "MiB", watched.pss_mib())


def _measure_memory(crowds: list[Crowd], figures: Figures) -> None:
    for crowd in crowds:
        beside = figures.beside
        waiting = statistics.median(crowd.waiting_kib(WAITING))
        beside["a container that is created and not started: its process, KiB"][crowd.name] = waiting
        sleeping = statistics.median(many.proportional_kib(pid) for pid in crowd.pids())
        beside["one that runs: its own program, KiB"][crowd.name] = sleeping
        beside[f"processes beside those of {len(crowd.ids):,} containers, the watcher aside"][crowd.name] = (
            crowd.helpers()
        )


def _measure_records(ours: Crowd, figures: Figures, options: argparse.Namespace) -> None:
    """Commands and a watcher before very many records, several for each container."""
    patterns = [json.loads((ours.root / each / "state.json").read_text()) for each in ours.ids]
    root = ours.place / "root-records"
    Store(str(root), make=True).close()
    written = 0
    for number in (each for each in RECORDS if each <= options.records):
        for each in range(written, number):
            copy = {**patterns[each % len(patterns)], "id": f"record-{each:05}", "instance": os.urandom(16).hex()}
            (root / copy["id"]).mkdir(mode=0o755)
            (root / copy["id"] / "state.json").write_bytes(serialize(copy))
        written = number
        base = [ours.argv()[0], "--root", str(root)]
        runs = range(options.runs)
        figures.take("runf list", number, [timed([*base, "list"]) for _ in runs])
        figures.take("runf state", number, [timed([*base, "state", "record-00000"]) for _ in runs])
        figures.take("reading all files", number, [_read_all(root) for _ in runs])
        with contextlib.closing(Watched(str(WATCHER), root, "--read-only")) as watched:
            _measure_watcher(watched, number, figures, options.runs, ours.place)


def _read_all(root: Path) -> Spent:
    """What a monitor pays that has nothing of ours: each file read and parsed."""
    cpu_s, began = time.process_time(), time.monotonic()
    found = [json.loads((path / "state.json").read_bytes()) for path in root.iterdir() if path.name[0] != "."]
    if not found:
        raise Failed("no record was read")
    return Spent(time.monotonic() - began, time.process_time() - cpu_s)


def _end_all(crowds: list[Crowd], figures: Figures) -> None:
    for crowd in crowds:
        number = f"{len(crowd.ids):,}, {many.AT_ONCE} at once, s"
        figures.beside[f"to make {number}"][crowd.name] = crowd.made_s
        killed_s, deleted_s = crowd.end()
        figures.beside[f"to kill {number}"][crowd.name] = killed_s
        figures.beside[f"to delete {number}"][crowd.name] = deleted_s


def _check_told(ours: Crowd, subscriber: Subscriber, figures: Figures) -> None:
    """The subscriber has heard of each life, from its first event to its last, and of nothing else."""
    with contextlib.closing(Store(str(ours.root), make=False)) as store:
        records = [each for each in store.last_records() if not isinstance(each, BadRecord)]
    if len(records) != ours.lives:
        raise Failed(f"{len(records)} last records of {ours.lives} lives")
    wait_until(lambda: all(subscriber.has_heard(happenings(each)) for each in records), "every event")
    subscriber.check(records)
    figures.facts["told"] = (
        f"{len(records):,} lives began and ended; the subscriber was told of each, in {len(subscriber.heard):,} "
        f"events, over {subscriber.resumed:,} streams that it resumed. Nothing was left."
    )


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        raise SystemExit(f"bench: {failed}") from None
