"""Reading state files without any library of ours: what a monitor pays that follows no events."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.lifecycle import Contender


def seconds_for(count: int, runf: Contender, place: Path) -> float:
    """Read and parse ``count`` records of the real form."""
    subprocess.run(runf.argv("run", "--detach", "--bundle", runf.bundle, "pattern"), check=True)
    text = Path(runf.base[2], "pattern/state.json").read_text()
    subprocess.run(runf.argv("delete", "--force", "pattern"), check=True)
    root = place / "many"
    for number in range(count):
        directory = root / f"container-{number}"
        directory.mkdir(parents=True)
        (directory / "state.json").write_text(text.replace('"id": "pattern"', f'"id": "{directory.name}"', 1))
    began = time.perf_counter()
    found = _statuses(str(root))
    seconds = time.perf_counter() - began
    if len(found) != count:
        raise AssertionError(f"{len(found)} of {count} records were read")
    return seconds


def _statuses(root: str) -> dict[str, str]:
    """As a monitor does that needs to be quick: plain system calls, each record parsed whole and let go again."""
    found = {}
    for name in os.listdir(root):
        fd = os.open(f"{root}/{name}/state.json", os.O_RDONLY)
        try:
            record = json.loads(os.read(fd, os.fstat(fd).st_size))
        finally:
            os.close(fd)
        found[record["id"]] = record["status"]
    return found
