"""The command line of the source tree as a program, on a root and bundles of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.session import unique_name

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-IS", str(REPOSITORY / "runtime"))
DEADLINE_S = 60


class Program:
    """``runf`` on one root; containers that a test leaves are deleted with it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.root = place / "root"
        self.argv = (*PROGRAM, "--root", str(self.root))

    def __call__(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever that is."""
        # files instead of pipes: what a container keeps open must not keep us waiting
        with open(self.place / "out", "w+") as out, open(self.place / "err", "w+") as err:
            asked: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err, **options}
            done = subprocess.run([*self.argv, *words], timeout=DEADLINE_S, check=False, **asked)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())

    def bundle(self, *args: str) -> str:
        """A new bundle that runs ``args`` without an image."""
        path = self.place / f"bundle{len(list(self.place.iterdir()))}"
        rootless = ["--rootless"] if os.geteuid() else []
        made = self("spec", "--host-usr", *rootless, "--bundle", str(path), "--", *args)
        assert (made.returncode, made.stderr) == (0, "")
        if os.geteuid() == 0:
            # ids are unique in a root, and each test has one; the host's cgroups are shared by all
            config = json.loads((path / "config.json").read_text())
            config["linux"]["cgroupsPath"] = f"/{unique_name()}"
            (path / "config.json").write_text(json.dumps(config))
        return str(path)


@pytest.fixture
def runf(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    for container_id in program("list", "-q").stdout.split():
        program("delete", "--force", container_id)
