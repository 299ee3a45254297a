"""A watcher while the clock jumps, pids are given to others, the root turns read-only, and the machine starts again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from runtime.actions.wait import RECORD_WAIT_S
from runtime.errors import BadRecord
from runtime.kernel import mount, procfs
from runtime.store.consistency import find_contradictions
from runtime.store.store import Store
from tests.support.clocks import Clock, ShiftedRunf
from tests.support.containers import DEADLINE_S, Runf, make_container_bundle, wait_until
from tests.support.forked import in_namespaces
from tests.support.hard_times import in_another_boot
from tests.support.telling import Subscriber, happenings
from tests.support.watching import Watcher, short

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.store.record import Record

pytestmark = pytest.mark.needs("root")

DAY_S = 24 * 3600
JUMPS_S = (0, DAY_S, -DAY_S, -3600, 10 * 365 * DAY_S, -20 * 365 * DAY_S, 1)
ROUNDS = 3
STORM_LIVES = 4


@pytest.fixture(autouse=True)
def runtime_directory(runf: Runf, monkeypatch: pytest.MonkeyPatch) -> None:
    """For what a watcher keeps."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runf.place))


@contextmanager
def watching(runf: Runf, *options: str, prefix: tuple[str, ...] = ()) -> Iterator[Watcher]:
    """A watcher of the root, ready; it goes on where the one before it was."""
    words = ("--socket", str(runf.place / "watcher.sock"), "--one-root", *options)
    watcher = Watcher(str(runf.root), *words, prefix=prefix)
    try:
        assert "following" in watcher.wait_ready()
        yield watcher
        watcher.process.terminate()
        watcher.process.wait(20)
    finally:
        if watcher.process.poll() is None:
            watcher.clean_up()


@contextmanager
def subscribed(watcher: Watcher) -> Iterator[Subscriber]:
    subscriber = Subscriber(watcher.socket)
    subscriber.begin()
    try:
        yield subscriber
    finally:
        subscriber.end()


def last_records(runf: Runf) -> list[Record]:
    with closing(Store(str(runf.root), make=False)) as store:
        return [each for each in store.last_records() if not isinstance(each, BadRecord)]


def check_told(subscriber: Subscriber, runf: Runf, lives: int) -> None:
    """Each event of so many lives, once, in order, and nothing else."""
    # a code may come after the deletion, which doesn't wait for it
    wait_until(lambda: all(each["exit"]["code"] is not None for each in last_records(runf)), "every code")
    records = last_records(runf)
    assert len(records) == lives
    wait_until(lambda: all(subscriber.has_heard(happenings(each)) for each in records), "every event")
    subscriber.check(records)


def exit_codes(subscriber: Subscriber) -> list[int | None]:
    """Of each life, what was told last."""
    found = {each["data"]["instance"]: each["data"]["exit"]["code"] for each in subscriber.heard.values()}
    return [*found.values()]


class TestTheWallClockJumps:
    """Between any two commands, backwards and forwards, for them and for the watcher."""

    @pytest.fixture
    def clock(self, runf: Runf) -> Clock:
        return Clock(runf.place / "clock")

    def test_each_command_works_and_no_record_contradicts_itself(self, runf: Runf, bundle: Path, clock: Clock) -> None:
        shifted = ShiftedRunf(runf.place, clock)
        path = make_container_bundle(bundle, "sleep", "600")
        jumps = iter(JUMPS_S * 2)
        for words in (
            ("create", "-b", path, "one"),
            ("start", "one"),
            ("exec", "one", "true"),
            ("pause", "one"),
            ("resume", "one"),
            ("state", "one"),
            ("kill", "one", "KILL"),
            ("list",),
        ):
            clock.jump(next(jumps))
            shifted.ok(*words)
            assert list(find_contradictions(runf.record("one"))) == []  # type: ignore[arg-type]
        wait_until(lambda: runf.state("one")["status"] == "stopped", "its end")
        clock.jump(-DAY_S)
        shifted.ok("delete", "one")
        shifted.ok("validate", str(runf.root))
        kinds = [each["type"] for each in last_records(runf)[0]["transitions"]]
        assert kinds == ["creating", "created", "started", "paused", "resumed", "stopped", "deleted"]

    def test_no_last_record_goes_before_its_time(self, runf: Runf, bundle: Path, clock: Clock) -> None:
        shifted = ShiftedRunf(runf.place, clock)
        path = make_container_bundle(bundle, "true")
        for number, seconds in enumerate(JUMPS_S):
            clock.jump(seconds)
            shifted.ok("run", "-b", path, f"c{number}")
        assert len(last_records(runf)) == len(JUMPS_S)

    def test_a_subscriber_hears_of_everything_in_order(self, runf: Runf, bundle: Path, clock: Clock) -> None:
        shifted = ShiftedRunf(runf.place, clock)
        Store(str(runf.root), make=True).close()
        path = make_container_bundle(bundle, "sh", "-c", "exit 7")
        number = 0
        with watching(runf, prefix=clock.prefix()) as watcher, subscribed(watcher) as subscriber:
            for seconds in JUMPS_S:
                clock.jump(seconds)
                shifted.ok("create", "-b", path, f"c{number}")
                clock.jump(-seconds)
                shifted.ok("start", f"c{number}")
                wait_until(lambda: runf.state(f"c{number}")["status"] == "stopped", "its end")  # noqa: B023
                shifted.ok("delete", f"c{number}")
                number += 1
            check_told(subscriber, runf, number)
            assert exit_codes(subscriber) == [7] * number
            assert "runf_watcher_lag_seconds_sum -" not in watcher.get("/metrics").text()


class TestAnotherBoot:
    """The root lies on a disk, the watcher's own state does not; what has a container's pid by then is a stranger."""

    def test_the_watcher_commits_and_tells_that_all_have_ended_and_strikes_nobody(
        self, runf: Runf, bundle: Path
    ) -> None:
        path = make_container_bundle(bundle, "sleep", "600")
        runf.ok("run", "-d", "-b", path, "runs")
        cgroups = set(runf.record("runs")["linux"]["cgroup"]["paths"].values())
        pid = runf.state("runs")["pid"]
        later = Runf(runf.place, in_another_boot(runf.place))
        try:
            with watching(runf, prefix=in_another_boot(runf.place)) as watcher, subscribed(watcher) as subscriber:
                found = watcher.get("/v1/containers").document()
                assert [(each["id"], each["status"], each["exit"]["code"]) for each in found] == [
                    ("runs", "stopped", None)
                ]
                assert runf.record("runs")["status"] == "stopped"
                later.ok("delete", "runs")
                wait_until(lambda: "deleted" in map(short, subscriber.heard.values()), "its deletion")
            stranger = procfs.stat("/proc", pid)
            assert stranger is not None
            assert not procfs.has_ended(stranger), "a process of this boot was killed"
        finally:
            os.kill(pid, signal.SIGKILL)
            for each in cgroups:
                wait_until(lambda each=each: is_removed(each), "the end of the cgroup")  # type: ignore[misc]


def is_removed(path: str) -> bool:
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False  # somebody is still in it
    return True


class TestTheRootIsReadOnly:
    """For a while: a file system is remounted so after an error, and by people who repair it."""

    @pytest.fixture
    def fixed(self, runf: Runf) -> Iterator[Runf]:
        runf.root.mkdir(mode=0o750)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=750", "tmpfs", str(runf.root)], check=True)
        try:
            yield runf
        finally:
            remount(runf, "rw")
            runf("delete", "--force", "one")
            mount.umount2(str(runf.root), mount.MNT_DETACH)

    def test_the_watcher_goes_on_and_records_the_code_once_it_can(self, fixed: Runf, bundle: Path) -> None:
        Store(str(fixed.root), make=True).close()
        with watching(fixed) as watcher, subscribed(watcher) as subscriber:
            fixed.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
            remount(fixed, "ro")
            fixed.ok("kill", "one", "KILL")
            wait_until(lambda: fixed.state("one")["status"] == "stopped", "the truth")
            assert watcher.get("/healthz").document()["status"] == "ok"
            assert watcher.get("/v1/containers/one").document()["status"] == "running"
            remount(fixed, "rw")
            wait_until(lambda: fixed.record("one")["status"] == "stopped", "the commit")
            assert fixed.record("one")["exit"]["code"] == 128 + signal.SIGKILL
            fixed.ok("delete", "one")
            check_told(subscriber, fixed, 1)

    def test_one_that_only_reads_can_start_there_and_one_that_commits_says_why_not(
        self, fixed: Runf, bundle: Path
    ) -> None:
        fixed.ok("create", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
        remount(fixed, "ro")
        with watching(fixed, "--read-only") as watcher:
            assert watcher.get("/v1/containers/one").document()["status"] == "created"
        refused = Watcher(str(fixed.root), "--socket", str(fixed.place / "watcher.sock"), "--one-root")
        status, said = refused.wait()
        assert (status, said.count("\n")) == (1, 1)
        assert "Read-only file system" in said
        remount(fixed, "rw")


def remount(runf: Runf, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(runf.root)], check=True)


@pytest.mark.needs("file:/proc/sys/kernel/ns_last_pid")
def test_a_watcher_takes_no_stranger_with_its_pid_for_the_container(runf: Runf, bundle: Path) -> None:
    """It was down while the container ended; in a pid namespace of our own, where the next pid can be chosen."""
    from runtime.kernel.process import CLONE_NEWNS, CLONE_NEWPID

    path = make_container_bundle(bundle, "sleep", "600")
    found = in_namespaces(CLONE_NEWPID | CLONE_NEWNS, lambda: follow_a_reused_pid(runf, path))
    assert found == {"is the pid": True, "told": ["stopped"], "code": None, "lives": True, "after its end": ["stopped"]}


def follow_a_reused_pid(runf: Runf, path: str) -> dict[str, Any]:
    """As the first process of the namespace, which reaps whoever ends."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    runf.ok("run", "-d", "-b", path, "one")
    with watching(runf) as watcher:
        wait_until(lambda: knows(watcher, "one"), "the watcher's sight of it")
        cursor = watcher.get("/healthz").document()["cursor"]
    pid = runf.state("one")["pid"]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with open("/proc/sys/kernel/ns_last_pid", "w") as file:
        file.write(str(pid - 1))
    stranger = subprocess.Popen(["sleep", "600"])
    with watching(runf) as watcher, closing(watcher.get(f"/v1/events?after={cursor}")) as stream:
        told = stream.event()
        lives = stranger.poll() is None
        stranger.kill()
        stranger.wait()
        record = runf.record("one")
        runf.ok("delete", "one")
        after = stream.event()
    return {
        "is the pid": stranger.pid == pid,
        "told": [short(told)],
        "code": record["exit"]["code"],
        "lives": lives,
        "after its end": ["stopped" if short(after) == "deleted" else short(after)],
    }


def test_who_waits_is_told_the_code_by_a_watcher_that_is_late(runf: Runf, bundle: Path) -> None:
    """It was stopped when the container ended, and somebody else reaped that: nothing but the watcher can tell."""
    Store(str(runf.root), make=True).close()
    with watching(runf) as watcher:
        runf.ok("create", "-b", make_container_bundle(bundle, "sh", "-c", "exit 7"), "one")
        wait_until(lambda: knows(watcher, "one"), "the watcher's sight of it")
        with watcher.asleep():
            runf.ok("start", "one")
            wait_until(lambda: runf.state("one")["status"] == "stopped", "its end")
            waiting = subprocess.Popen(runf.argv("wait", "one"), stdout=subprocess.PIPE, text=True)
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(2 * RECORD_WAIT_S)
        assert waiting.communicate(timeout=DEADLINE_S)[0] == "7\n"


def test_a_storm_of_stops_and_signals_breaks_no_command_and_no_watcher(runf: Runf, bundle: Path) -> None:
    """What is stopped and goes on meets EINTR where no handler is needed for it (signal(7))."""
    Store(str(runf.root), make=True).close()
    path = make_container_bundle(bundle, "sh", "-c", "exit 7")
    with watching(runf) as watcher, subscribed(watcher) as subscriber:
        for number in range(STORM_LIVES):
            name = f"c{number}"
            with in_a_storm(watcher.process):
                through_a_storm(runf, "create", "-b", path, name)
                wait_until(lambda: knows(watcher, name), "the watcher's sight of it")  # noqa: B023
                for words in (("start", name), ("wait", name), ("delete", name)):
                    through_a_storm(runf, *words)
        check_told(subscriber, runf, STORM_LIVES)
        assert exit_codes(subscriber) == [7] * STORM_LIVES


def knows(watcher: Watcher, container_id: str) -> bool:
    """Whether it follows the process by now: who has ended and was reaped before that has no code."""
    return any(each["id"] == container_id for each in watcher.get("/v1/containers").document())


def through_a_storm(runf: Runf, *words: str) -> None:
    command = subprocess.Popen(runf.argv(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    with in_a_storm(command):
        assert command.wait(300) == 0, words


@contextmanager
def in_a_storm(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Stop and continue it again and again; SIGWINCH and SIGCHLD come beside."""
    lot, ends = random.Random(process.pid), threading.Event()

    def rage() -> None:
        while not ends.wait(lot.uniform(0.0005, 0.005)) and process.returncode is None:
            for number in (signal.SIGSTOP, signal.SIGWINCH, signal.SIGCHLD, signal.SIGCONT):
                process.send_signal(number)

    storm = threading.Thread(target=rage)
    storm.start()
    try:
        yield
    finally:
        ends.set()
        storm.join()
        process.send_signal(signal.SIGCONT)
