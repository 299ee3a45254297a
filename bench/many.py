"""Very many real containers of one runtime: made, counted, ended, and proved to be gone.

Each is the bundle that ``runf spec`` writes, with a static busybox's sleep: all namespaces, mounts, devices and the
seccomp filter, and a cgroup of its own in each hierarchy.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from bench.lifecycle import Cost, Failed, proportional_kib, timed
from runtime.kernel import procfs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

AT_ONCE = 4
CGROUPS = Path("/sys/fs/cgroup")
REMOVAL_S = 60  # the kernel removes mounts and cgroups of ended processes a little later
KERNEL_KIB = ("Slab", "KernelStack", "PageTables", "Percpu")


class Crowd:
    """Containers of one runtime in a root of its own; ``make`` adds to them, and ``end`` leaves nothing."""

    def __init__(self, name: str, path: str, place: Path, bundle: Path) -> None:
        self.name = name
        self.place = place
        self.root = place / f"root-{name}"
        self.bundle = bundle
        self.ids: list[str] = []
        self.lives = 0  # with those that came and went
        self.made_s = 0.0
        self._base = [path, "--root", str(self.root)]

    def argv(self, *words: str) -> list[str]:
        """The whole command line."""
        return [*self._base, *words]

    def id_of(self, number: int) -> str:
        """Of no other runtime, since both make a cgroup by that name."""
        return f"scale-{os.getpid()}-{self.name}-{number:05}"

    def make(self, total: int) -> None:
        """Run containers until there are so many."""
        new = [self.id_of(number) for number in range(len(self.ids), total)]
        self.made_s += self._each(lambda each: self.argv("run", "--detach", "--bundle", str(self.bundle), each), new)
        self.ids += new
        self.lives += len(new)

    def one_more_life(self) -> Cost:
        """create, start, kill and delete of one beside all others."""
        container_id = self.id_of(99_999)
        pid_file = self.place / f"pid-{self.name}"
        parts = [timed(self.argv("create", "--bundle", str(self.bundle), "--pid-file", str(pid_file), container_id))]
        pid = int(pid_file.read_text())
        parts.append(timed(self.argv("start", container_id)))
        parts.append(timed(self.argv("kill", container_id, "KILL")))
        wait_until(lambda: _has_ended(pid), "the end of a container")
        parts.append(timed(self.argv("delete", container_id)))
        self.lives += 1
        return Cost(*map(sum, zip(*parts, strict=True)))

    def waiting_kib(self, number: int) -> list[int]:
        """The memory of each first process of containers that are created and not started; they are gone afterwards."""
        found = []
        pid_file = self.place / f"pid-{self.name}"
        ids = [f"scale-{os.getpid()}-{self.name}-waiting-{each}" for each in range(number)]
        for each in ids:
            timed(self.argv("create", "--bundle", str(self.bundle), "--pid-file", str(pid_file), each))
            found.append(proportional_kib(int(pid_file.read_text())))
        self._each(lambda each: self.argv("delete", "--force", each), ids)
        self.lives += number
        return found

    def pids(self) -> list[int]:
        """Of the containers, as `list` tells them."""
        text = subprocess.run(self.argv("list", "--format", "json"), capture_output=True, check=True).stdout
        return [each["pid"] for each in json.loads(text) or () if each["status"] == "running"]

    def helpers(self) -> int:
        """Processes that stay beside the containers' own, the watcher aside: their command line names our root."""
        lines = map(_command_line, os.listdir("/proc"))
        return sum(str(self.root).encode() in line.split(b"\0") and b"watcher" not in line for line in lines)

    def end(self) -> tuple[float, float]:
        """Kill all, delete all; the seconds of both.  Failed where anything is left."""
        pids = self.pids()
        if len(pids) != len(self.ids):
            raise Failed(f"{len(pids)} of {len(self.ids)} containers of {self.name} run")
        killed_s = self._each(lambda each: self.argv("kill", each, "KILL"), self.ids)
        wait_until(lambda: all(map(_has_ended, pids)), "the end of all containers")
        deleted_s = self._each(lambda each: self.argv("delete", each), self.ids)
        self.check_nothing_left()
        self.ids.clear()
        return killed_s, deleted_s

    def check_nothing_left(self) -> None:
        """Failed unless there is no container, process, mount or cgroup of ours."""
        wait_until(lambda: not self.leftovers(), lambda: f"left of {self.name}: {', '.join(self.leftovers()[:5])}")

    def leftovers(self) -> list[str]:
        """What is still there, in words."""
        prefix = f"scale-{os.getpid()}-{self.name}-"
        found = [f"container {name}" for name in os.listdir(self.root) if not name.startswith(".")]
        found += [f"file {name}" for name in _names(self.root / ".staging") if name != ".sweep"]
        # os.walk, since others' cgroups vanish meanwhile, which it passes over
        tops = ((above, each) for above, below, _ in os.walk(CGROUPS) for each in below if each.startswith(prefix))
        found += [f"cgroup {above}/{each}" for above, each in tops]
        found += [
            f"mount {each.mount_point}"
            for each in procfs.mounts("/proc")
            if each.mount_point.startswith(f"{self.place}/")
        ]
        return found + [f"process {pid}" for pid in _processes_below(prefix)]

    def clean_up(self) -> None:
        """Whatever happened."""
        names = [name for name in _names(self.root) if not name.startswith(".")]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda name: subprocess.run(self.argv("delete", "--force", name), check=False), names))

    def _each(self, argv: Callable[[str], list[str]], ids: Iterable[str]) -> float:
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda each: timed(argv(each)), ids))
        return time.monotonic() - began


def make_bundle(runf: str, busybox: str, place: Path) -> Path:
    """What ``runf spec`` writes, without a terminal, sleeping for a day."""
    bundle = place / "bundle"
    programs = bundle / "rootfs/bin"
    programs.mkdir(parents=True)
    shutil.copy(busybox, programs / "busybox")
    subprocess.run([runf, "spec", "--bundle", str(bundle)], check=True)
    path = bundle / "config.json"
    config = json.loads(path.read_text())
    config["process"].update(terminal=False, args=["/bin/busybox", "sleep", "86400"])
    path.write_text(json.dumps(config))
    return bundle


def kernel_kib() -> int:
    """What the kernel keeps for itself on the whole machine, as far as /proc/meminfo counts it."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    return sum(int(words[1]) for words in lines if words[0].rstrip(":") in KERNEL_KIB)


def wait_until(is_so: Callable[[], bool], what: str | Callable[[], str]) -> None:
    """Look again and again; Failed after a minute."""
    deadline = time.monotonic() + REMOVAL_S
    while not is_so():
        if time.monotonic() > deadline:
            raise Failed(f"not within {REMOVAL_S} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.02)


def _has_ended(pid: int) -> bool:
    found = procfs.stat("/proc", pid)
    return found is None or procfs.has_ended(found)


def _processes_below(prefix: str) -> list[str]:
    """Those whose cgroup is one of ours."""
    found = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if f"/{prefix}" in Path(f"/proc/{pid}/cgroup").read_text():
                found.append(pid)
        except OSError:
            continue  # it has gone since
    return found


def _command_line(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""  # no process, or one that has gone


def _names(path: Path) -> list[str]:
    try:
        return os.listdir(path)
    except FileNotFoundError:
        return []  # runc has none of some
