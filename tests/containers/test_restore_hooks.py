"""The hooks of a restore. A stand-in for criu brings back a sleeping process, and tells of its stages as criu does."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import criu_stand_in
from tests.support.containers import Runf, make_container_bundle

if TYPE_CHECKING:
    import subprocess

pytestmark = pytest.mark.needs("root")

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


class Restored:
    """A bundle whose hooks note their kind, state and network; ``failing`` ones fail."""

    def __init__(self, runf: Runf, bundle: Path, kinds: tuple[str, ...], failing: str = "") -> None:
        self.runf = runf
        self.notes = runf.place / "notes"
        self.criu = criu_stand_in.install(runf.place / "criu")
        (runf.place / "images").mkdir()

        def change(config: dict[str, Any]) -> None:
            config["mounts"] = []
            config["root"]["readonly"] = False
            for name in ("maskedPaths", "readonlyPaths"):
                config["linux"].pop(name, None)
            config["hooks"] = {
                kind: [{"path": "/bin/sh", "args": ["sh", "-c", self.script(kind, fails=kind == failing)]}]
                for kind in kinds
            }

        self.bundle = make_container_bundle(bundle, "sleep", "600", change=change)

    def script(self, kind: str, *, fails: bool) -> str:
        return f"{{ echo {kind}; cat; echo; }} >>{self.notes}; exit {int(fails)}"

    def __call__(self) -> subprocess.CompletedProcess[str]:
        words = ("--criu", str(self.criu), "restore", "--detach", "--image-path", str(self.runf.place / "images"))
        return self.runf(*words, "-b", self.bundle, "one")

    def noted(self) -> list[tuple[str, dict[str, Any]]]:
        """Which hooks ran, and with what state."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        return [(kind, json.loads(state)) for kind, state in zip(lines[::2], lines[1::2], strict=True)]


def test_those_of_the_environment_run_once_its_namespaces_are_there(runf: Runf, bundle: Path) -> None:
    restored = Restored(runf, bundle, KINDS)
    done = restored()
    assert (done.returncode, done.stderr) == (0, "")
    state = runf.state("one")
    assert [kind for kind, _ in restored.noted()] == ["prestart", "createRuntime"]
    for _, told in restored.noted():
        assert (told["id"], told["status"], told["pid"]) == ("one", "created", state["pid"])
    assert state["status"] == "running"
    runf.ok("delete", "--force", "one")
    assert [kind for kind, _ in restored.noted()] == ["prestart", "createRuntime", "poststop"]


def test_one_that_fails_takes_all_of_it_back(runf: Runf, bundle: Path) -> None:
    restored = Restored(runf, bundle, KINDS, failing="createRuntime")
    done = restored()
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "config.json#/hooks/createRuntime/0" in done.stderr
    kinds = restored.noted()
    assert [kind for kind, _ in kinds] == ["prestart", "createRuntime", "poststop"]
    assert not (runf.root / "one").exists()
    assert not os.path.exists(f"/proc/{kinds[0][1]['pid']}")


def test_without_them_nothing_is_run(runf: Runf, bundle: Path) -> None:
    restored = Restored(runf, bundle, ("poststart",))
    done = restored()
    assert (done.returncode, done.stderr, restored.noted()) == (0, "", [])
    assert runf.state("one")["status"] == "running"
