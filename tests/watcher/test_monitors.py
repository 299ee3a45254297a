"""The monitors in docs/monitors: short, without a dependency, and they tell every end, over restarts too."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.needs import needs
from tests.support.records import commit, process_of, publish
from tests.support.watching import SOURCES, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runtime.store.store import Store
    from tests.support.watching import Watcher

MONITORS = SOURCES / "docs" / "monitors"
LINES = 20


@pytest.fixture
def monitor() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts one; all of it is gone after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*argv: str) -> subprocess.Popen[str]:
        # a process group of its own: the shell's pipeline ends with it
        started.append(
            subprocess.Popen(
                argv, stdout=subprocess.PIPE, text=True, env=environment(PYTHONUNBUFFERED="1"), process_group=0
            )
        )
        return started[-1]

    yield start
    for each in started:
        subprocess.run(["kill", "-KILL", "--", f"-{each.pid}"], check=False)
        each.wait()
        if each.stdout is not None:
            each.stdout.close()


def end(store: Store, container_id: str, code: int) -> None:
    """A whole life, but for its deletion."""
    publish(store, container_id)
    commit(store, container_id, process=process_of(), pid=4242, status="created", happenings=("created",))
    commit(store, container_id, status="running", happenings=("started",))
    exit = {"code": code, "signal": None, "oomKilled": None}
    commit(store, container_id, status="stopped", happenings=("stopped",), exit=exit)


def begin(store: Store, monitor: Callable[..., Any], watching: Watcher, *argv: str) -> subprocess.Popen[str]:
    """A monitor that is subscribed."""
    started: subprocess.Popen[str] = monitor(*argv)

    while watching.get("/healthz").document()["subscribers"] == 0:
        pass
    return started


CASES = [
    pytest.param("monitor.py", id="python"),
    pytest.param("monitor.sh", marks=needs("program:curl", "program:jq"), id="shell"),
]


@pytest.mark.parametrize("name", CASES)
def test_it_tells_each_end_and_goes_on_after_a_restart_of_the_watcher(store, watcher, monitor, tmp_path, name):
    watching = watcher("--read-only")
    cursor = str(tmp_path / "cursor")
    words = [str(MONITORS / name), watching.socket, *([cursor] if name.endswith(".sh") else [])]
    running = begin(store, monitor, watching, *([sys.executable] if name.endswith(".py") else []), *words)
    end(store, "one", 7)
    assert running.stdout.readline() == "one ended with exit code 7\n"
    watching.end()
    end(store, "two", 0)
    watcher("--read-only")
    assert running.stdout.readline() == "two ended with exit code 0\n"


@needs("program:curl", "program:jq")
def test_the_shells_monitor_starts_anew_where_its_cursor_leads_nowhere(store, watcher, monitor, tmp_path):
    watching = watcher("--read-only")
    (tmp_path / "cursor").write_text("0123456789abcdef.7\n")
    running = begin(store, monitor, watching, str(MONITORS / "monitor.sh"), watching.socket, str(tmp_path / "cursor"))
    end(store, "one", 7)
    assert running.stdout.readline() == "one ended with exit code 7\n"


@pytest.mark.parametrize("name", ["monitor.py", "monitor.sh"])
def test_it_is_short(name):
    lines = (MONITORS / name).read_text().splitlines()
    code = [line for line in lines if line.strip() and not line.startswith(("#", '"""', "usage:"))]
    assert len(code) <= LINES
