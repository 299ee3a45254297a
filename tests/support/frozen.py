"""Containers that criu writes down: a bundle with a directory that the test sees too, and where its images go."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

from runtime.kernel import procfs
from tests.support.containers import DEADLINE_S, Runf, make_container_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = "n=0; while :; do n=$((n+1)); echo $n >/shared/n; sleep 0.05; done"
AWAIT = "while [ ! -e /shared/go ]; do sleep 0.05; done; exit 7"


def share(config: dict[str, Any], place: Path) -> None:
    config["mounts"].append({"destination": "/shared", "type": "bind", "source": str(place), "options": ["bind", "rw"]})


FORBIDS = {"ro", "nosuid", "nodev", "noexec"}


class Frozen:
    """A bundle with a /tmp that the test sees, and where its images go."""

    def __init__(self, runf: Runf, bundle: Path) -> None:
        self.runf = runf
        self.bundle = bundle
        self.images = runf.place / "images"
        self.tmp = runf.place / "tmp"
        self.tmp.mkdir()

    def begin(
        self, script: str, change: Callable[[dict[str, Any]], object] = lambda _: None, words: tuple[str, ...] = ()
    ) -> None:
        def edit(config: dict[str, Any]) -> None:
            share(config, self.tmp)
            change(config)

        make_container_bundle(self.bundle, "sh", "-c", script, change=edit)
        done = self.run("run", "-d", "-b", str(self.bundle), *words, "one")
        assert (done.returncode, done.stderr) == (0, "")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """With files for stdout and stderr as a shell opens them: criu can't reopen Python's, which are O_NOFOLLOW."""
        told = self.runf.place / "told"
        with open(told, "w") as out:
            done = subprocess.run(
                self.runf.argv(*words),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                timeout=DEADLINE_S,
                check=False,
            )
        return subprocess.CompletedProcess(done.args, done.returncode, "", told.read_text())

    def mounts(self) -> dict[str, set[str]]:
        """What each mount of the container forbids, the one on top where several are stacked."""
        pid = self.runf.state("one")["pid"]
        return {each.mount_point: set(each.options.split(",")) & FORBIDS for each in procfs.mounts("/proc", pid)}

    def count(self) -> int:
        path = self.tmp / "n"
        return int(path.read_text() or 0) if path.exists() else 0  # empty while it is being written

    def checkpoint(self, *words: str) -> None:
        self.runf.ok("checkpoint", "--image-path", str(self.images), *words, "one")

    def restore(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("restore", "--image-path", str(self.images), "-b", str(self.bundle), *words, "one")
