"""Each command of a container's life is killed, or fails, at each of its system calls.

``make test`` takes a sample of the points, spread evenly; ``make test-crashes`` takes them all, and prints how many.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.support.stage import CONTAINER, KILLED, Stage
from tests.support.tracing import CAN_FAIL_CALLS, Point, Traced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.needs("root", "containers")

KILL_SAMPLE = 6
ERROR_SAMPLE = 5
MOST_TOLD = 20
# what a first process ends with whose maker has died, or that could not go on (sandbox/stub.py)
ENDINGS = (1, 126)
LIFE_EVERY = 20
ERRORS = ("ENOSPC", "EIO", "EMFILE", "ENOMEM", "EINTR")


def nothing(stage: Stage) -> None:
    """The id is free."""


def no_root(stage: Stage) -> None:
    """Nobody has made the root yet."""
    shutil.rmtree(stage.root)


def created(stage: Stage) -> None:
    stage.ok("create", "-b", "@", CONTAINER)


def running(stage: Stage) -> None:
    stage.ok("run", "-d", "-b", "@", CONTAINER)


def paused(stage: Stage) -> None:
    running(stage)
    stage.ok("pause", CONTAINER)


def stopped(stage: Stage) -> None:
    created(stage)
    stage.end_process()


def share_mounts(config: dict[str, Any]) -> None:
    """The container's mounts are made in our own mount namespace, and outlive its processes."""
    config["linux"]["namespaces"] = [each for each in config["linux"]["namespaces"] if each["type"] != "mount"]


class Case(NamedTuple):
    """A command line, what was there before it, and what its container runs."""

    prepare: Callable[[Stage], None]
    words: tuple[str, ...]
    program: tuple[str, ...] = ("sleep", "600")
    codes: tuple[int, ...] = (KILLED, *ENDINGS)
    change: Callable[[dict[str, Any]], object] | None = None


CASES = {
    "create": Case(nothing, ("create", "-b", "@", CONTAINER)),
    "create-first": Case(no_root, ("create", "-b", "@", CONTAINER)),
    "start": Case(created, ("start", CONTAINER)),
    "kill": Case(running, ("kill", CONTAINER, "KILL")),
    "delete": Case(stopped, ("delete", CONTAINER)),
    "delete-force": Case(running, ("delete", "--force", CONTAINER)),
    "pause": Case(running, ("pause", CONTAINER)),
    "resume": Case(paused, ("resume", CONTAINER)),
    "exec": Case(running, ("exec", CONTAINER, "true")),
    "run": Case(nothing, ("run", "-b", "@", CONTAINER), ("true",), (0, KILLED, *ENDINGS)),
    "run-detach": Case(nothing, ("run", "-d", "-b", "@", CONTAINER)),
    "create-mounts": Case(nothing, ("create", "-b", "@", CONTAINER), change=share_mounts),
    "delete-mounts": Case(stopped, ("delete", CONTAINER), change=share_mounts),
    "exec-mounts": Case(running, ("exec", CONTAINER, "true"), change=share_mounts),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each error by itself at all points, or the errors in turn at a sample of them."""
    if "errors" in metafunc.fixturenames:
        is_all = metafunc.config.getoption("--in-full")
        metafunc.parametrize("errors", [(error,) for error in ERRORS] if is_all else [ERRORS], ids="-".join)


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The place of one case, its root made."""
    case = CASES[request.node.callspec.params["name"]]
    made = Stage(*case.program, change=case.change)
    made.codes |= set(case.codes)
    try:
        made.check_life()
        yield made
    finally:
        made.clean()


def points_of(stage: Stage, case: Case, sample: int | None) -> list[Point]:
    """Every system call of every process of the command, or ``sample`` of each, evenly spread."""
    case.prepare(stage)
    whole = stage.broken(case.words)
    assert (whole.status, whole.err) == (0, "")
    stage.check_truth()
    stage.check_end()
    found = []
    for process, calls in enumerate(whole.calls):
        step = 1 if sample is None else max(1, calls // sample)
        found += [Point(process, number) for number in range(1, calls + 1, step)]
    return found


class Walk:
    """One case, broken at one point after the other; what is wrong at any of them is told once all have been seen."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.case = CASES[name]
        self.steps = self.broken = self.failed = 0
        self.wrong: list[str] = []

    def step(self, point: Point, error: str | None) -> None:
        """Break the command there, and look at what it leaves."""
        self.case.prepare(self.stage)
        done = self.stage.broken(self.case.words, point, error and getattr(errno, error))
        self.broken += done.hit is not None
        self.failed += done.status != 0
        try:
            if error:
                check_failure(self.stage, self.case, done)
            self.stage.check_truth()
            self.stage.check_end()
            self.steps += 1
            if self.steps % LIFE_EVERY == 1:  # as nothing is left, it can't but live again
                self.stage.check_life()
        except AssertionError as fault:
            self.wrong.append(f"{error or 'killed'} at {point}, {done}: {fault}")
            self.stage.begin_anew()

    def check(self) -> None:
        """Nothing was wrong."""
        assert not self.wrong, f"{len(self.wrong)} points:\n\n" + "\n\n".join(self.wrong[:MOST_TOLD])


@pytest.mark.parametrize("name", CASES)
def test_killed_anywhere_it_leaves_the_truth_and_nothing_else(
    stage: Stage, name: str, in_full: bool, tell: Callable[[str], None]
) -> None:
    walk = Walk(stage, name)
    points = points_of(stage, walk.case, None if in_full else KILL_SAMPLE)
    for point in points:
        walk.step(point, None)
    tell(f"{name}: killed at {walk.broken} of {len(points)} points")
    walk.check()


@pytest.mark.skipif(not CAN_FAIL_CALLS, reason="needs the registers of x86-64 to let a system call fail")
@pytest.mark.parametrize("name", CASES)
def test_failing_anywhere_it_tells_in_one_line_and_leaves_the_truth(
    stage: Stage, name: str, errors: tuple[str, ...], in_full: bool, tell: Callable[[str], None]
) -> None:
    walk = Walk(stage, name)
    points = points_of(stage, walk.case, None if in_full else ERROR_SAMPLE)
    for point, error in zip(points, itertools.cycle(errors), strict=False):
        walk.step(point, error)
    tell(f"{name}: {', '.join(errors)} at {walk.broken} of {len(points)} points, {walk.failed} failed the command")
    walk.check()


def check_failure(stage: Stage, case: Case, done: Traced) -> None:
    """It ended by itself, said why in one line, and what it could not make, or wait for, isn't there."""
    assert done.status is not None, "it hung"
    assert done.status >= 0, "it crashed"
    if done.status == 0 or (done.status == KILLED and done.err == ""):
        return
    assert done.err.startswith("runf: ")
    assert done.err.count("\n") == 1
    assert "internal error" not in done.err
    state = stage.state()
    if case.words[0] == "exec" and state is not None:
        assert all(each["ended"] for each in state["execs"]), "what it could not wait for runs on"
    if case.prepare in (nothing, no_root) and os.path.exists(stage.root / CONTAINER):
        assert state is not None
        assert case.words[:2] == ("run", "-b"), "it is there"  # a foreground run may also fail in its last step
        assert state["status"] == "stopped", "it is there, and not stopped"
