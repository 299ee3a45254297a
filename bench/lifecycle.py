"""The life cycle's commands of several runtimes side by side, alternating, on one bundle.

Each round runs each command once for each runtime, in turn, so that a machine whose speed drifts drifts for all of
them.  Every command's exit status counts: a runtime that fails is left out, with the reason.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

TRIAL = "bench-trial"


class Failed(Exception):
    """A command of a contender failed."""


class Cost(NamedTuple):
    """What a command took: seconds by the clock, and on the processors with what it waited for."""

    wall: float
    cpu: float


def timed(argv: list[str]) -> Cost:
    """Run a command with nothing on its standard input and nobody reading its output."""
    null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1)]
    began = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=null)
    _, status, used = os.wait4(pid, 0)
    seconds = time.perf_counter() - began
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        raise Failed(f"{' '.join(argv)} exited with {code}")
    return Cost(seconds, used.ru_utime + used.ru_stime)


class PeakMemory:
    """The largest resident set of a command and what it waits for, in KiB, from busybox's time(1).

    Our own wait4(2) would tell the size of this interpreter: a new process begins with its parent's peak.  Some
    versions of busybox take the kernel's kilobytes for pages; busybox itself is smaller than a thousand pages.
    """

    def __init__(self, busybox: str) -> None:
        self._busybox = busybox
        self._unit = 4 if self._ask([busybox, "true"]) > 4000 else 1

    def of(self, argv: list[str]) -> float:
        """KiB."""
        return self._ask(argv) / self._unit

    def _ask(self, argv: list[str]) -> int:
        """To a file: a container that lives on would keep a pipe open."""
        with open("/dev/null", "r+") as null, tempfile.NamedTemporaryFile("r", dir="/dev/shm") as answer:
            words = [self._busybox, "time", "-o", answer.name, "-f", "%M", *argv]
            subprocess.run(words, stdin=null, stdout=null, stderr=null, check=False, timeout=60)
            return int(answer.read().split()[-1])


class Contender:
    """One runtime with a state root of its own."""

    def __init__(self, name: str, path: str, place: Path, bundle: Path) -> None:
        self.name = name
        self.base = [path, "--root", str(place / f"root-{name}")]
        self.bundle = str(bundle)
        self.pid_file = place / f"pid-{name}"
        self.costs: dict[str, list[Cost]] = defaultdict(list)
        self.peak_kib: dict[str, list[float]] = defaultdict(list)
        self.left_kib: list[int] = []
        self.helpers = 0

    def argv(self, *words: str) -> list[str]:
        """The whole command line."""
        return [*self.base, *words]

    def time(self, what: str, *words: str) -> Cost:
        """Run it once, and keep the cost under the name ``what``."""
        cost = timed(self.argv(*words))
        self.costs[what].append(cost)
        return cost

    def cycle(self, container_id: str) -> None:
        """One round of all commands of the life cycle."""
        self.time("run", "run", "--bundle", self.bundle, container_id)
        words = ("create", "--bundle", self.bundle, "--pid-file", str(self.pid_file), container_id)
        parts = [self.time("create", *words)]
        pid = int(self.pid_file.read_text())
        self.left_kib.append(proportional_kib(pid))
        self.time("state", "state", container_id)
        pidfd = os.pidfd_open(pid)
        parts.append(self.time("start", "start", container_id))
        wait_for_end(pidfd)
        parts.append(self.time("delete", "delete", container_id))
        self.costs["create + start + delete"].append(Cost(*map(sum, zip(*parts, strict=True))))

    def measure_memory(self, peak: PeakMemory, container_id: str) -> None:
        """The same commands once more, for their peaks."""
        for what in ("run", "create", "state", "start"):
            bundle = ("--bundle", self.bundle) if what in ("run", "create") else ()
            self.peak_kib[what].append(peak.of(self.argv(what, *bundle, container_id)))
        self.peak_kib["delete"].append(peak.of(self.argv("delete", "--force", container_id)))

    def count_helpers(self) -> None:
        """Processes beside the container's own while one runs: those whose command line names our root."""
        config = json.loads(Path(self.bundle, "config.json").read_text())
        config["process"]["args"] = ["/bin/busybox", "sleep", "600"]
        bundle = Path(self.bundle).with_name("sleeper")
        shutil.copytree(self.bundle, bundle, symlinks=True)
        (bundle / "config.json").write_text(json.dumps(config))
        timed(self.argv("run", "--detach", "--bundle", str(bundle), "sleeper"))
        root = self.base[2].encode()
        self.helpers = sum(root in line for line in map(_command_line, os.listdir("/proc")))
        timed(self.argv("delete", "--force", "sleeper"))

    def forget(self) -> None:
        """What has been measured up to now was the warm-up."""
        self.costs.clear()
        self.left_kib.clear()


def _command_line(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""  # no process, or one that has gone


def proportional_kib(pid: int) -> int:
    """The proportional set size of one process (proc(5), smaps_rollup)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def wait_for_end(pidfd: int) -> None:
    """Until the process has ended."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.poll(10_000)
    os.close(pidfd)


def make_bundle(runf: str, busybox: str, place: Path) -> Path:
    """The bundle that ``runf spec`` writes, with a static busybox's true and no terminal: all runtimes can run it."""
    bundle = place / "bundle"
    programs = bundle / "rootfs/bin"
    programs.mkdir(parents=True)
    shutil.copy(busybox, programs / "busybox")
    (programs / "true").symlink_to("busybox")
    subprocess.run([runf, "spec", "--bundle", str(bundle)], check=True)
    path = bundle / "config.json"
    config = json.loads(path.read_text())
    config["process"].update(terminal=False, args=["/bin/true"])
    path.write_text(json.dumps(config))
    return bundle


def able(contenders: list[Contender]) -> list[Contender]:
    """Those who can run the bundle on this machine; why another can't goes to stderr."""
    found = []
    for contender in contenders:
        try:
            contender.cycle(TRIAL)
        except Failed as failed:
            sys.stderr.write(f"bench: {contender.name} is left out: {failed}\n")
        else:
            contender.forget()
            found.append(contender)
    return found


def time_list(contenders: list[Contender], count: int, runs: int) -> None:
    """``list`` with ``count`` stopped containers in each root: no processes are needed for that."""
    for contender in contenders:
        for number in range(count):
            timed(contender.argv("run", "--detach", "--bundle", contender.bundle, f"listed-{number}"))
    for _ in range(runs):
        for contender in contenders:
            contender.time(f"list of {count}", "list")
    for contender in contenders:
        for number in range(count):
            timed(contender.argv("delete", "--force", f"listed-{number}"))
