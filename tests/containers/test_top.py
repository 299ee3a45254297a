"""``runf top``: what containers use, on a terminal and elsewhere."""

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.containers import DEADLINE_S, Runf, make_container_bundle

pytest.importorskip("rich", reason="needs the Python package rich")


def row_of(text: str, container_id: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"{container_id} ")]
    return re.split(r"  +", line.strip())


def test_elsewhere_than_on_a_terminal_it_is_printed_once(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sleep", "1000")
    runf.ok("run", "--detach", "-b", path, "one")
    assert runf("run", "--keep", "-b", make_container_bundle(bundle / "b", "sh", "-c", "exit 7"), "two").returncode == 7
    printed = runf.ok("top", "--interval", "10ms")
    assert "\x1b" not in printed
    one = row_of(printed, "one")
    assert one[1] == "running"
    if runf.record("one")["linux"]["cgroup"] is not None:
        assert re.fullmatch(r"[0-9.]+%", one[2])
        assert re.fullmatch(r"[0-9.]+ [KM]iB", one[3])
        assert one[5] == "1"
    assert row_of(printed, "two")[1:4] == ["stopped, 7", "-", "-"]
    assert "1 running, 1 stopped" in printed


def test_it_shows_only_what_is_asked_for(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sleep", "1000")
    runf.ok("create", "-b", path, "one")
    assert "no containers" in runf.ok("top", "--once", "--interval", "10ms", "--status", "running")
    assert "1 created" in runf.ok("top", "--once", "--interval", "10ms", "--status", "created")


def test_on_a_terminal_it_goes_on_until_q_is_pressed(runf: Runf, bundle: Path) -> None:
    runf.ok("create", "-b", make_container_bundle(bundle, "true"), "one")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        runf.argv("top", "--interval", "50ms"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "20"},
    )
    os.close(theirs)
    seen = ""
    while seen.count("created") < 6:  # each table says it twice
        assert select.select([ours], [], [], DEADLINE_S)[0], seen
        seen += os.read(ours, 65536).decode()
    os.write(ours, b"q")
    while select.select([ours], [], [], DEADLINE_S)[0]:
        try:
            if not os.read(ours, 65536):
                break
        except OSError:
            break  # EIO: its end is closed
    assert process.wait(DEADLINE_S) == 0
    os.close(ours)
    assert "\x1b[?1049h" in seen  # a screen of its own, so that nothing stays


def test_without_rich_it_says_what_to_install(runf: Runf) -> None:
    hide = f"import sys; sys.modules['rich.console'] = None; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); "
    run = "from runtime.cli.entry import main; main(sys.argv)"
    argv = [sys.executable, "-c", hide + run, "--root", str(runf.root), "top"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    told = "runf: runf top needs the Python package rich; pip install 'runf[watcher]'\n"
    assert (done.returncode, done.stderr) == (1, told)
