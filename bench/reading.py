"""Reading state files without any library of ours: what a monitor pays that follows no events."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.lifecycle import Contender


def seconds_for(count: int, runf: Contender, place: Path) -> float:
    """Read and parse ``count`` records of the real form."""
    subprocess.run(runf.argv("run", "--detach", "--bundle", runf.bundle, "pattern"), check=True)
    record = json.loads(Path(runf.base[2], "pattern/state.json").read_text())
    subprocess.run(runf.argv("delete", "--force", "pattern"), check=True)
    root = place / "many"
    for number in range(count):
        directory = root / f"container-{number}"
        directory.mkdir(parents=True)
        (directory / "state.json").write_text(json.dumps({**record, "id": directory.name}))
    began = time.perf_counter()
    found = [json.loads((path / "state.json").read_bytes()) for path in root.iterdir()]
    seconds = time.perf_counter() - began
    if len(found) != count:
        raise AssertionError(f"{len(found)} of {count} records were read")
    return seconds
