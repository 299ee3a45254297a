"""``state`` and ``list`` at a glance: what they answer is what the whole of runf answers, or nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.cli import quick
from schemas.generated.state_text import PATTERN
from tests.support.containers import Runf, create_under_way, make_container_bundle, wait_until
from tests.support.pythons import installed_with

if TYPE_CHECKING:
    from collections.abc import Sequence

MATCH = re.compile(PATTERN).fullmatch
LIVING = ("created", "running", "paused")


class Both:
    """Asks at a glance, and the whole of runf; ``answered`` has what a glance was enough for."""

    def __init__(self, runf: Runf) -> None:
        self.runf = runf
        self.answered: list[str] = []

    def __call__(self, *words: str) -> str | None:
        """What both say; None where a glance isn't enough."""
        found = at_a_glance("--root", str(self.runf.root), *words)
        if found is not None:
            assert found == self.runf.ok(*words)
            self.answered.append(" ".join(words))
        return found


def at_a_glance(*words: str) -> str | None:
    """As the launcher asks."""
    try:
        return quick.text_for(words)
    except (OSError, LookupError):
        return None


@pytest.fixture(autouse=True)
def expression(monkeypatch: pytest.MonkeyPatch) -> None:
    """The installation has it compiled."""
    monkeypatch.setattr(quick, "matcher", lambda *_: MATCH)


@pytest.fixture
def both(runf: Runf) -> Both:
    return Both(runf)


def looks(both: Both) -> list[str]:
    """Which of the usual questions about "one" a glance answers now."""
    both.answered.clear()
    for words in (("state", "one"), ("list",), ("list", "-q")):
        both(*words)
    return both.answered


ALL = ["state one", "list", "list -q"]


def test_a_whole_life(both: Both, bundle: Path) -> None:
    runf = both.runf
    runf.ok("create", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    assert looks(both) == ALL
    runf.ok("start", "one")
    assert looks(both) == ALL
    runf.ok("exec", "one", "true")
    assert looks(both) == ALL
    runf.ok("exec", "-d", "one", "sleep", "600")
    assert looks(both) == ["list", "list -q"]
    pid = runf.state("one")["pid"]
    runf.ok("kill", "one", "KILL")
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "its end")
    assert looks(both) == ["list", "list -q"], "state writes the end down"
    runf.state("one")
    assert looks(both) == ALL
    runf.ok("delete", "one")
    assert looks(both) == ["list", "list -q"]


@pytest.mark.needs("root", "cgroups")
def test_who_is_frozen(both: Both, bundle: Path) -> None:
    """By pause, and by somebody else: the record doesn't have that."""
    runf = both.runf
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    runf.ok("pause", "one")
    assert looks(both) == ALL
    assert '"status": "paused"' in (both("state", "one") or "")
    freezer = Path(runf.record("one")["linux"]["cgroup"]["paths"].get("freezer", "/nonexistent"), "freezer.state")
    if freezer.exists():
        freezer.write_text("THAWED")
        wait_until(lambda: runf.state("one")["status"] == "running", "the thaw")
        assert looks(both) == []


def test_a_container_in_the_making_is_judged(both: Both, bundle: Path) -> None:
    with create_under_way(both.runf, bundle, "one"):
        assert looks(both) == []
    assert looks(both) == ALL


def test_a_zombie_is_judged(both: Both, bundle: Path) -> None:
    runf = both.runf
    runf.ok("create", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    pid = runf.record("one")["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: runf("state", "one").stdout.find("stopped") > 0, "its end")
    assert looks(both) == ALL


def test_records_that_are_none(both: Both, bundle: Path) -> None:
    runf = both.runf
    path = make_container_bundle(bundle, "true")
    for name in ("one", "two"):
        runf.ok("run", "--keep", "-b", path, name)
    assert looks(both) == ALL
    record = runf.root / "two/state.json"
    text = record.read_text()
    for wrong in (text[:-1], text.replace("stopped", "asleep"), text.replace('"two"', '"one"'), "", text.upper()):
        record.write_text(wrong)
        assert looks(both) == ["state one"], wrong[:300]
        assert both("state", "two") is None
    record.unlink()
    assert looks(both) == ["state one"]
    record.symlink_to("../one/state.json")
    assert looks(both) == ["state one"]
    record.unlink()
    os.mkfifo(record)
    assert looks(both) == ["state one"]


@pytest.mark.needs("root")
def test_a_record_of_somebody_else_counts_for_nothing(both: Both, bundle: Path) -> None:
    both.runf.ok("run", "--keep", "-b", make_container_bundle(bundle, "true"), "one")
    assert looks(both) == ALL
    os.chown(both.runf.root / "one/state.json", 1, 1)
    assert looks(both) == []


def test_a_root_that_is_none(both: Both, bundle: Path) -> None:
    assert looks(both) == []
    both.runf.ok("run", "--keep", "-b", make_container_bundle(bundle, "true"), "one")
    assert looks(both) == ALL
    (both.runf.root / ".staging").rename(both.runf.root / ".elsewhere")
    assert looks(both) == []
    (both.runf.root / ".elsewhere").rename(both.runf.root / ".staging")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--root",),
        ("state",),
        ("state", ""),
        ("state", "-f", "one"),
        ("state", "--help"),
        ("state", ".staging"),
        ("state", "../root/one"),
        ("state", "one", "one"),
        ("state", "o" * 300),
        ("list", "--quiet", "-q"),
        ("list", "-f", "json"),
        ("list", "one"),
        ("kill", "one"),
        ("--debug", "state", "one"),
        ("--log-format", "yaml", "list"),
        ("--systemd-cgroup=true", "list"),
        ("-root", "/", "list"),
    ],
)
def test_what_is_unusual_is_left_to_the_table(both: Both, bundle: Path, words: Sequence[str]) -> None:
    both.runf.ok("run", "--keep", "-b", make_container_bundle(bundle, "true"), "one")
    assert both(*words) is None


def test_where_the_root_is_named(both: Both, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(both.runf.root)
    both.runf.ok("run", "--keep", "-b", make_container_bundle(bundle, "true"), "one")
    expected = both.runf.ok("list")
    log = bundle / "log"
    for words in (
        ("--root", "/", f"--root={root}", "--systemd-cgroup"),
        ("--log", str(log), "--log-format", "json", "--root", f"{root}/"),
    ):
        assert at_a_glance(*words, "list") == expected
    assert log.read_text() == ""
    assert at_a_glance("--log", f"{bundle}/nowhere/log", "--root", root, "list") is None
    assert at_a_glance("--root", f"{root}/../root", "list") is None
    assert at_a_glance("--root", os.path.relpath(root), "list") is None
    monkeypatch.setenv("RUNF_ROOT", root)
    monkeypatch.setattr(quick.posix, "environ", {b"RUNF_ROOT": os.fsencode(root)})
    assert at_a_glance("--root", "", "list") == at_a_glance("list") == expected


class TestInstalled:
    """Through the launcher."""

    @pytest.fixture
    def command(self, runf: Runf, bundle: Path) -> list[str]:
        launcher = installed_with(sys.executable, runf.place / "installed", is_bound=True)
        runf.ok("run", "--keep", "-b", make_container_bundle(bundle, "true"), "one")
        return [launcher, "--root", str(runf.root)]

    def run(self, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    def test_each_answer_and_each_complaint_is_that_of_the_whole(self, runf: Runf, command: list[str]) -> None:
        for words in (("state", "one"), ("list",), ("list", "-q"), ("state", "two")):
            done, expected = self.run([*command, *words]), runf(*words)
            assert (done.stdout, done.returncode) == (expected.stdout, expected.returncode), words
            assert done.stderr == expected.stderr, words

    def test_an_answer_that_nobody_reads_or_that_has_no_room(self, command: list[str]) -> None:
        with open("/dev/full", "w") as full:
            done = subprocess.run([*command, "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr) == (
            1,
            "runf: the answer can't be printed: No space left on device\n",
        )
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run([*command, "list"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
        os.close(writing)
        assert (done.returncode, done.stderr) == (1, "")
        closed = self.run(["sh", "-c", '"$@" >&-', "sh", *command, "list"])
        assert (closed.returncode, closed.stderr) == (
            1,
            "runf: the answer can't be printed: standard output is closed\n",
        )

    def test_what_a_full_pipe_takes_little_by_little_comes_whole(self, command: list[str], runf: Runf) -> None:
        reading, writing = os.pipe()
        filler = bytes(60_000)
        os.write(writing, filler)
        with subprocess.Popen([*command, "state", "one"], stdout=writing) as asked:
            os.close(writing)
            data = b""
            while chunk := os.read(reading, 1000):
                data += chunk
            assert asked.wait() == 0
        os.close(reading)
        assert data == filler + runf.ok("state", "one").encode()
