"""Reading state files without any library of ours: what a monitor pays that follows no events.

A monitor chooses its parser, and how many processors it takes: with Python's own json, and where orjson is installed
with that, alone and by two processes.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.lifecycle import Contender

    Loads = Callable[[bytes], Any]

READ_BYTES = 8192  # more than any record of a container without an exec; a buffer that must be mapped takes longer


def seconds_for(count: int, runf: Contender, place: Path) -> dict[str, float]:
    """Read and parse ``count`` records of the real form; by each way of doing so."""
    subprocess.run(runf.argv("run", "--detach", "--bundle", runf.bundle, "pattern"), check=True)
    text = Path(runf.base[2], "pattern/state.json").read_text()
    subprocess.run(runf.argv("delete", "--force", "pattern"), check=True)
    root = place / "many"
    for number in range(count):
        directory = root / f"container-{number}"
        directory.mkdir(parents=True)
        (directory / "state.json").write_text(text.replace('"id": "pattern"', f'"id": "{directory.name}"', 1))
    ways: dict[str, Callable[[], dict[str, str]]] = {"json": lambda: _statuses(os.listdir(), json.loads)}
    if orjson is not None:
        ways["orjson"] = lambda: _statuses(os.listdir(), orjson.loads)
        ways["orjson, two processes"] = lambda: _by_two(os.listdir(), orjson.loads)
    seconds = {}
    with contextlib.chdir(root):
        for name, way in ways.items():
            began = time.perf_counter()
            found = way()
            seconds[name] = time.perf_counter() - began
            if len(found) != count:
                raise AssertionError(f"{len(found)} of {count} records were read")
    return seconds


def _statuses(names: list[str], loads: Loads) -> dict[str, str]:
    """As a monitor does that needs to be quick: plain system calls, each record parsed whole and let go again.

    The records lie in the working directory, since a short path is found sooner.
    """
    found = {}
    for name in names:
        fd = os.open(f"{name}/state.json", os.O_RDONLY)
        try:
            text = os.read(fd, READ_BYTES)
            while not text.endswith(b"}\n"):
                text += os.read(fd, READ_BYTES)
        finally:
            os.close(fd)
        record = loads(text)
        found[record["id"]] = record["status"]
    return found


def _by_two(names: list[str], loads: Loads) -> dict[str, str]:
    """Half of them in another process, which hands over what it has found."""
    reading, writing = os.pipe()
    half = len(names) // 2
    pid = os.fork()
    if pid == 0:
        with os.fdopen(writing, "w") as pipe:
            json.dump(_statuses(names[half:], loads), pipe)
        os._exit(0)
    os.close(writing)
    found = _statuses(names[:half], loads)
    with os.fdopen(reading) as pipe:
        found |= json.load(pipe)
    os.waitpid(pid, 0)
    return found
