"""runf beside runc and crun, as one table: what is aimed at, and what was measured in this run.

    python -m bench.targets [--runs N] [--list N ...] [NAME=PATH ...]      (root)

The ratios are the result; absolute times hold for the machine and the moment only.  On a busy machine a command that
mostly waits for the kernel suffers less than one that computes: there the ratio of processor time says more.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench import lifecycle, reading, watching
from bench.lifecycle import Contender, Cost
from bench.place import cover_run
from runtime.kernel import mount, process

HERE = Path(__file__).resolve().parent.parent
PYTHON = str(HERE / ".venv/bin/python3")
BARE = (PYTHON, "-IS", "-c", "pass")
STARTED = str(HERE / ".venv/lib/runf/python3")  # what the launcher names
FIRST_LINE = (STARTED, "-ISXutf8", "-c", "import posix; posix._exit(0)")
RECORDS = 10_000
HYBRID = Path("/sys/fs/cgroup/unified")


class Row(NamedTuple):
    """One line of the table, as text."""

    what: str
    ours: str
    runc: str
    crun: str
    bare: str
    aim: str


class Starts(NamedTuple):
    """What starts cost, in each round: the interpreter's, that to its first line, and crun's where that is there."""

    bare: list[Cost]
    first_line: list[Cost]
    of_crun: list[Cost]


AIMS = {
    "run": "0.65 of runc, 1.3 of crun",
    "create": "0.65 of runc, 1.3 of crun",
    "start": "1.9 of runc",
    "delete": "1.9 of runc",
    "state": "1.9 of runc",
    "create + start + delete": "1.0 of runc",
    "list of 100": "0.4 of runc",
    "list of 1000": "0.15 of runc",
}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="runf beside runc and crun")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--list", type=int, action="append", metavar="N", help="also time list with N containers")
    parser.add_argument("--no-watcher", action="store_true", help="leave the watcher out")
    parser.add_argument("runtimes", nargs="*", metavar="NAME=PATH")
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("bench: needs root, since runc and crun are timed as root")
    busybox = shutil.which("busybox")
    if busybox is None:
        raise SystemExit("bench: needs busybox: apt install busybox-static")
    named = dict(item.split("=", 1) for item in options.runtimes) or _installed()
    _hide_hybrid_cgroups()
    _print(Row("", "runf", "of runc", "of crun", "of a bare start", "aimed at, at most"))
    _print(Row(*["---"] * len(Row._fields)))
    with _on_tmpfs() as place:
        bundle = lifecycle.make_bundle(named["runf"], busybox, place)
        contenders = lifecycle.able([Contender(name, path, place, bundle) for name, path in named.items()])
        starts = _measure(contenders, options.runs, lifecycle.PeakMemory(busybox))
        contenders[0].count_helpers()
        for count in options.list or []:
            lifecycle.time_list(contenders, count, options.runs)
        for row in (
            *_time_rows(contenders, starts),
            *_least_rows(contenders, starts),
            *_memory_rows(contenders),
            *_reading_rows(contenders, place),
        ):
            _print(row)
        if not options.no_watcher:
            _print_watching(place)


def _print(row: Row) -> None:
    sys.stdout.write("| " + " | ".join(row) + " |\n")
    sys.stdout.flush()


def _print_watching(place: Path) -> None:
    cover_run()
    try:
        for each in watching.rows(HERE, place):
            _print(Row(*each))
    except subprocess.CalledProcessError as failed:
        _print(Row("watcher", f"could not be measured: {failed.cmd}", "", "", "", ""))


def _hide_hybrid_cgroups() -> None:
    """In this process's view: crun refuses to run where cgroup v2 has controllers beside v1."""
    if HYBRID.is_mount():
        process.unshare(process.CLONE_NEWNS)
        mount.mount(None, "/", None, mount.MS_REC | mount.MS_PRIVATE)
        mount.umount2(str(HYBRID), mount.MNT_DETACH)


def _installed() -> dict[str, str]:
    others = {name: path for name in ("runc", "crun") if (path := shutil.which(name))}
    return {"runf": str(HERE / ".venv/bin/runf"), **others}


@contextlib.contextmanager
def _on_tmpfs() -> Iterator[Path]:
    """A place like /run on most hosts; runf fsyncs anywhere else, and the others don't."""
    with tempfile.TemporaryDirectory(prefix="runf-bench-", dir="/dev/shm") as directory:
        yield Path(directory)


def _measure(contenders: list[Contender], runs: int, peak: lifecycle.PeakMemory) -> Starts:
    starts = Starts([], [], [])
    crun = next((each.base[0] for each in contenders if each.name == "crun"), None)
    for number in range(runs):
        for contender in contenders:
            contender.cycle(f"bench-{number}")
        starts.bare.append(lifecycle.timed([*BARE]))
        starts.first_line.append(lifecycle.timed([*FIRST_LINE]))
        if crun is not None:
            starts.of_crun.append(lifecycle.timed([crun, "--version"]))
    for contender in contenders:
        for number in range(3):
            contender.measure_memory(peak, f"peak-{number}")
    return starts


def _ratio(ours: list[Cost], theirs: list[Cost]) -> str:
    """The median of the rounds' ratios, so that a machine whose speed drifts does no harm; and that on the processors.

    The kernel counts a process's time in steps, so that is a ratio of means.
    """
    wall = statistics.median(mine.wall / other.wall for mine, other in zip(ours, theirs, strict=False))
    spent = statistics.fmean(each.cpu for each in theirs)
    return f"{wall:.2f} (cpu {statistics.fmean(each.cpu for each in ours) / spent:.2f})" if spent else f"{wall:.2f}"


def _beside(others: list[Contender], name: str, ours: list[Cost], what: str) -> str:
    other = next((each for each in others if each.name == name), None)
    return "-" if other is None else _ratio(ours, other.costs[what])


def _time_rows(contenders: list[Contender], starts: Starts) -> list[Row]:
    first, *others = contenders
    rows = []
    for what, ours in first.costs.items():
        runc, crun = (_beside(others, name, ours, what) for name in ("runc", "crun"))
        rows.append(Row(what, _milliseconds(ours), runc, crun, _ratio(ours, starts.bare), AIMS.get(what, "")))
    for what, costs in (("bare start", starts.bare), ("Python to its first line", starts.first_line)):
        runc, crun = (f"{_beside(others, name, costs, 'state')} of its state" for name in ("runc", "crun"))
        rows.append(Row(what, _milliseconds(costs), runc, crun, _ratio(costs, starts.bare), ""))
    return rows


def _least_rows(contenders: list[Contender], starts: Starts) -> list[Row]:
    """What a command would take that Python starts, and a program in C carries out: crun, without its own start."""
    others = contenders[1:]
    crun = next((each for each in others if each.name == "crun"), None)
    rows = []
    for what, count in {"run": 1, "create": 1, "start": 1, "delete": 1, "create + start + delete": 3}.items():
        if crun is None:
            break
        least = [
            Cost(*(whole + count * (line - own) for whole, line, own in zip(*costs, strict=True)))
            for costs in zip(crun.costs[what], starts.first_line, starts.of_crun, strict=True)
        ]
        runc = _beside(others, "runc", least, what)
        rows.append(Row(f"{what}, started by Python and done by crun", _milliseconds(least), runc, "", "", AIMS[what]))
    return rows


def _milliseconds(costs: list[Cost]) -> str:
    return f"{statistics.median(each.wall for each in costs) * 1000:.1f} ms"


def _memory_rows(contenders: list[Contender]) -> list[Row]:
    first = contenders[0]
    peaks = {each.name: max(statistics.median(values) for values in each.peak_kib.values()) for each in contenders}
    left = {each.name: statistics.median(each.left_kib) for each in contenders}

    def row(what: str, found: dict[str, float], unit: str, scale: float, aim: str) -> Row:
        ours = found[first.name]
        runc, crun = (f"{ours / found[name]:.2f}" if name in found else "-" for name in ("runc", "crun"))
        return Row(what, f"{ours / scale:.1f} {unit}", runc, crun, "", aim)

    return [
        row("peak memory of a command", peaks, "MiB", 1024, "1.3 of runc"),
        row("left for a created container", left, "KiB", 1, "2 of runc"),
        Row("processes of ours for a running container", str(first.helpers), "", "", "", "0"),
    ]


def _reading_rows(contenders: list[Contender], place: Path) -> list[Row]:
    first, *others = contenders
    runc = next((each for each in others if each.name == "runc"), None)
    listed = [cost.wall for cost in runc.costs.get("list of 1000", ())] if runc else []
    rows = []
    for way, seconds in reading.seconds_for(RECORDS, first, place).items():
        ratio = f"{seconds / statistics.median(listed):.2f} (its list of 1000)" if listed else "-"
        what = f"{RECORDS} state files read and parsed ({way})"
        rows.append(Row(what, f"{seconds * 1000:.0f} ms", ratio, "-", "", "0.5 of runc"))
    return rows


if __name__ == "__main__":
    try:
        main()
    except (lifecycle.Failed, subprocess.CalledProcessError) as failed:
        raise SystemExit(f"bench: {failed}") from None
