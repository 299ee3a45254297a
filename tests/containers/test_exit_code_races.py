"""A foreground run, a watcher and queries find the same end at the same time: the exit code survives."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from runtime.actions import inspect
from runtime.actions.context import find_context
from runtime.errors import NoSuchContainer
from tests.support.containers import Runf, make_container_bundle
from tests.support.watching import Watcher

if TYPE_CHECKING:
    from pathlib import Path

RUNS = 10
ASKERS = 3


def ask(runf: Runf, container_id: str, ends: threading.Event) -> set[int | None]:
    """Query the container without a pause, which commits what is found; the exit codes that were told."""
    context = find_context(os.environ, root=str(runf.root))
    told: set[int | None] = set()
    while not ends.is_set():
        try:
            told.add(inspect.state(context, container_id)["exit"]["code"])
        except NoSuchContainer:
            continue  # not there yet, or not any more
    return told


@pytest.mark.parametrize("watches", [True, False], ids=["watcher", "no-watcher"])
def test_whoever_is_first_the_code_is_recorded(
    runf: Runf, bundle: Path, watches: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runf.place))
    runf.root.mkdir(mode=0o750)
    watcher = Watcher(str(runf.root), "--socket", str(runf.place / "watcher.sock")) if watches else None
    ends = threading.Event()
    try:
        if watcher:
            assert "following" in watcher.wait_ready()
        with ThreadPoolExecutor(ASKERS) as askers:
            asking = [askers.submit(ask, runf, "one", ends) for _ in range(ASKERS)]
            try:
                for number in range(1, RUNS + 1):
                    path = make_container_bundle(bundle / str(number), "sh", "-c", f"exit {number}")
                    assert runf("run", "-b", path, "one").returncode == number
            finally:
                ends.set()
            told = set().union(*(each.result() for each in asking))
    finally:
        if watcher:
            watcher.clean_up()
    assert [last["exit"]["code"] for last in runf.last_records()] == list(range(1, RUNS + 1))
    assert told <= {None, *range(1, RUNS + 1)}
    assert None in told, "nobody asked while a container was there"
