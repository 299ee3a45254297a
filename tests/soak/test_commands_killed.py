"""Many life cycles at once through the real commands, which are killed at random, and so is the watcher.

After each command `state` tells what the kernel does.  At the end nothing is left, and a subscriber that resumed each
time has heard of everything, in order.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime.actions import inspect
from runtime.actions.context import find_context
from runtime.errors import BadRecord, NoSuchContainer
from runtime.kernel import procfs
from runtime.store import deleted, staging
from runtime.store.store import Store
from tests.support.containers import Runf, make_container_bundle, wait_until
from tests.support.telling import Subscriber, happenings
from tests.support.truth import is_true
from tests.support.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runtime.store.record import Record

pytestmark = pytest.mark.needs("root", "containers")

SEED = 7007
FULL = (200, 600.0)  # how many at once, for how many seconds
SHORT = (4, 3.0)
KILL_ONE_OF = 3
LONGEST_LIFE_S = 0.25
COMMAND_S = 300
DEADLINE_S = 300
KILLED = 137
PROGRAMS = ("sh", "sleep")


class Cast:
    """The root, the watcher, a subscriber, and the counts."""

    def __init__(self, place: Path) -> None:
        self.runf = Runf(place)
        Store(str(self.runf.root), make=True).close()
        self.context = find_context(os.environ, root=str(self.runf.root))
        self.socket = str(place / "watcher.sock")
        self.watcher = self.start_watcher()
        self.subscriber = Subscriber(self.socket)
        self.subscriber.begin()
        self.counts = {"lives": 0, "commands": 0, "kills of commands": 0, "kills of the watcher": 0, "records read": 0}
        self._lock = threading.Lock()

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def start_watcher(self) -> Watcher:
        started = Watcher(str(self.runf.root), "--socket", self.socket, "--one-root")
        assert "following" in started.wait_ready()
        return started

    def kill_watchers(self, until: float) -> None:
        lot = random.Random(SEED)
        while time.monotonic() < until:
            time.sleep(min(lot.uniform(0.5, 5), max(0.0, until - time.monotonic())))
            self.watcher.end(signal.SIGKILL)
            self.watcher = self.start_watcher()
            self.count("kills of the watcher")

    def read(self, until: float) -> None:
        """Every record that a reader meets is whole."""
        store = Store(str(self.runf.root), make=False)
        while time.monotonic() < until:
            for _, found in store.scan():
                assert not isinstance(found, BadRecord), found
                self.count("records read")
            time.sleep(0.01)
        store.close()

    def records(self) -> list[Record]:
        store = Store(str(self.runf.root), make=False)
        found = [each for each in store.last_records() if not isinstance(each, BadRecord)]
        store.close()
        return found

    def gone(self) -> int:
        """How many last records were pruned."""
        store = Store(str(self.runf.root), make=False)
        found = deleted.read_gone(store.fds).number
        store.close()
        return found

    def close(self) -> None:
        self.subscriber.end()
        self.watcher.clean_up()
        self.runf.clean()


class Player:
    """One id, whose container lives again and again."""

    def __init__(self, cast: Cast, index: int) -> None:
        self.cast = cast
        self.id = f"c{index}"
        self.lot = random.Random(SEED + index)
        self.code = index % 100 + 1
        self.codes = {None, self.code, KILLED}
        place = cast.runf.place
        self.ending = make_container_bundle(place / f"ending-{index}", "sh", "-c", f"exit {self.code}")
        self.sleeping = make_container_bundle(place / f"sleeping-{index}", "sleep", "1000")

    def play(self, until: float) -> None:
        while time.monotonic() < until:
            self.live()
            self.cast.count("lives")

    def live(self) -> None:
        if self.lot.randrange(2):
            self.command("run", "-b", self.ending, self.id, expects={self.code})
        else:
            self.command("create", "-b", self.sleeping, self.id)
            self.command("start", self.id)
            self.command(*self.lot.choice((("kill", self.id, "KILL"), ("pause", self.id), ("resume", self.id))))
            self.command("delete", *self.lot.choice(((), ("--force",))), self.id)
        self.command("delete", "--force", self.id, kills=False, expects={0})
        assert self.state() is None

    def command(self, *words: str, kills: bool = True, expects: set[int] | None = None) -> None:
        """Carry it out, or kill it in the middle; ``expects`` are the statuses of one that isn't killed."""
        self.cast.count("commands")
        null = subprocess.DEVNULL
        with (
            tempfile.TemporaryFile("w+") as said,
            subprocess.Popen(self.cast.runf.argv(*words), stdin=null, stdout=null, stderr=said) as process,
        ):
            is_killed = False
            if kills and not self.lot.randrange(KILL_ONE_OF):
                try:
                    process.wait(self.lot.uniform(0, LONGEST_LIFE_S))
                except subprocess.TimeoutExpired:
                    process.kill()
                    is_killed = True
                    self.cast.count("kills of commands")
            status = process.wait(COMMAND_S)
            said.seek(0)
            text = said.read()
        if expects is not None and not is_killed:
            assert status in expects, (words, status, text)
        self.check_truth()

    def state(self) -> dict[str, Any] | None:
        try:
            return inspect.state(self.cast.context, self.id)
        except NoSuchContainer:
            return None

    def check_truth(self) -> None:
        told: list[dict[str, Any] | None] = []

        def agrees() -> bool:
            told.append(self.state())
            state = told[-1]
            if state is None:
                return not (self.cast.runf.root / self.id).exists()
            return is_true(state, PROGRAMS, self.codes)

        wait_until(agrees, f"the truth; last heard: {told[-1:]}", DEADLINE_S)


@pytest.fixture
def cast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cast]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    made = Cast(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_whatever_is_killed_nothing_is_false_lost_or_left(
    cast: Cast, in_full: bool, tell: Callable[[str], None]
) -> None:
    tell(play(cast, *(FULL if in_full else SHORT)))


def play(cast: Cast, at_once: int, seconds: float) -> str:
    """Let so many live at once for so many seconds, and check everything; what was seen, in words."""
    players = [Player(cast, index) for index in range(at_once)]
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(at_once + 2) as stage:
        playing = [stage.submit(player.play, until) for player in players]
        playing += [stage.submit(cast.kill_watchers, until), stage.submit(cast.read, until)]
        for each in playing:
            each.result()
    check_nothing_left(cast)
    wait_until(lambda: has_told_all(cast), "every event", DEADLINE_S)
    cast.subscriber.check(cast.records(), gone=cast.gone())
    counts = ", ".join(f"{number} {what}" for what, number in cast.counts.items())
    heard = cast.subscriber
    return (
        f"{at_once} at once: {counts}; {len(heard.heard)} events, {heard.repeated} of them again; "
        f"{cast.gone()} last records pruned, {len(heard.gaps)} gaps"
    )


def has_told_all(cast: Cast) -> bool:
    return all(cast.subscriber.has_heard(happenings(record)) for record in cast.records())


def check_nothing_left(cast: Cast) -> None:
    """No container, no file in .staging, no mount, no cgroup; processes are what the session looks for."""
    root = cast.runf.root
    assert cast.runf.ok("list", "-q") == ""
    assert {name for name in os.listdir(root) if name not in (".deleted", ".pidfds", ".staging", ".watcher")} == set()
    store = Store(str(root), make=False)
    staging.sweep(store.fds)  # what a create that was killed has left goes with the next one
    store.close()
    assert os.listdir(root / ".staging") == [".sweep"]
    assert [each for each in procfs.mounts("/proc") if each.mount_point.startswith(f"{cast.runf.place}/")] == []
    for config in cast.runf.place.glob("*/config.json"):
        cgroup = json.loads(config.read_text())["linux"].get("cgroupsPath", "/none").removeprefix("/")
        assert list(Path("/sys/fs/cgroup").glob(f"*/{cgroup}")) == []
