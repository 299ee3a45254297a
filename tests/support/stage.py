"""A root and a bundle on which one command after the other is broken off, and what may be there after each.

What `state` says must be true, `delete --force` must remove all of it, the id must live again, and nothing may be left:
no directory, no file in .staging, no mount, no cgroup, no process.
"""

from __future__ import annotations

import json
import os
import pkgutil
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import runtime
import schemas
from runtime.actions import inspect
from runtime.actions.context import find_context
from runtime.actions.delete import delete
from runtime.cli.entry import main
from runtime.errors import NoSuchContainer
from runtime.kernel import procfs
from runtime.store import deleted, staging
from runtime.store.store import Store
from tests.support.containers import make_container_bundle, wait_until
from tests.support.tracing import Point, Traced, carry_out, trace, wait_gone
from tests.support.truth import is_true, kernel_status

if TYPE_CHECKING:
    from collections.abc import Callable

# all is loaded before the first fork, so that no command does it: its own work is counted, not its interpreter's
for _package in (runtime, schemas):
    for _module in pkgutil.walk_packages(_package.__path__, f"{_package.__name__}."):
        if not _module.name.endswith("__main__"):
            __import__(_module.name)
for _name in ("_sha2" if sys.version_info >= (3, 12) else "_sha256", "grp", "traceback"):
    __import__(_name)

CONTAINER = "one"
KILLED = 137


class Stage:
    """``program`` is what the container runs; it bears that name in /proc too."""

    def __init__(self, *program: str, change: Callable[[dict[str, Any]], object] | None = None) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="runf-"))
        self.place.chmod(0o755)
        self.root = self.place / "root"
        self.program = program[0]
        (self.place / "bundle").mkdir()
        self.bundle = make_container_bundle(self.place / "bundle", *program, change=change)
        config = json.loads((self.place / "bundle" / "config.json").read_text())
        self.cgroup = config["linux"].get("cgroupsPath", "/none")
        self.seen: list[tuple[int, int]] = []
        self.codes: set[int | None] = {None}
        self._context = find_context(os.environ, root=str(self.root))

    def act(self, *words: str) -> Callable[[], object]:
        """What a process does that is the command ``words``; ``@`` stands for the bundle."""
        spelled = [self.bundle if word == "@" else word for word in words]
        return lambda: main(["runf", "--root", str(self.root), *spelled])

    def do(self, *words: str) -> Traced:
        """Carry the command out as it is."""
        return carry_out(self.act(*words))

    def ok(self, *words: str) -> str:
        """The same of one that must succeed and say nothing on stderr; what it printed."""
        done = self.do(*words)
        assert (done.status, done.err) == (0, ""), f"{words}: {done}"
        return done.out

    def broken(self, words: tuple[str, ...], point: Point | None = None, error: int | None = None) -> Traced:
        """Carry the command out, broken at ``point``."""
        done = trace(self.act(*words), point=point, error=error)
        self.seen += done.processes
        return done

    def state(self) -> dict[str, Any] | None:
        """What ``state`` says; None where it knows no such container."""
        try:
            return inspect.state(self._context, CONTAINER)
        except NoSuchContainer:
            return None

    def end_process(self) -> None:
        """Kill the container's first process, as somebody who knows nothing of us would, and wait for its end."""
        state = self.state()
        assert state is not None
        os.kill(state["pid"], 9)
        wait_until(lambda: kernel_status(state["process"], ()) == "stopped", "the end of the first process")

    def check_truth(self) -> str | None:
        """``state`` agrees with the kernel, at the latest when what was under way has come to rest; the status."""
        told: list[dict[str, Any] | None] = []

        def agrees() -> bool:
            told.append(self.state())
            return self._is_true(told[-1])

        wait_until(agrees, f"the truth; last heard: {told[-1:]}")
        state = told[-1]
        return None if state is None else state["status"]

    def _is_true(self, state: dict[str, Any] | None) -> bool:
        if state is None:
            return not (self.root / CONTAINER).exists()
        return is_true(state, (self.program,), self.codes)

    def check_end(self) -> None:
        """``delete --force`` removes the container, and all is as it was before: nothing is left."""
        assert delete(self._context, CONTAINER, force=True) == []
        wait_gone(self.seen)
        self.seen.clear()
        self._sweep()
        assert sorted(os.listdir(self.place)) == ["bundle", "root"]
        assert sorted(os.listdir(self.root)) == [".deleted", ".staging"]
        assert os.listdir(self.root / ".staging") == [".sweep"]
        assert [each for each in procfs.mounts("/proc") if each.mount_point.startswith(f"{self.place}/")] == []
        assert self.cgroups() == []
        for record in (self.root / ".deleted").glob("*/state.json"):
            assert json.loads(record.read_text())["exit"]["code"] in self.codes
            assert set(os.listdir(record.parent)) == {"state.json", "lock", "retired"}
            shutil.rmtree(record.parent)

    def _sweep(self) -> None:
        """What the next create does with what a killed command left, and, within a minute, the next delete."""
        (self.root / ".deleted" / ".pruned").unlink(missing_ok=True)
        store = Store(str(self.root), make=True)
        staging.sweep(store.fds)
        deleted.prune(store.fds)
        store.close()

    def check_life(self) -> None:
        """The id lives again, and ends."""
        self.ok("create", "-b", "@", CONTAINER)
        assert self.check_truth() == "created"
        self.ok("delete", "--force", CONTAINER)
        self.check_end()

    def begin_anew(self) -> None:
        """After something was wrong: as if nothing had been."""
        self.do("delete", "--force", CONTAINER)
        self.seen.clear()
        shutil.rmtree(self.root)
        self.check_life()

    def cgroups(self) -> list[str]:
        """The container's cgroups that exist."""
        tops = [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*")]
        return [f"{top}{self.cgroup}" for top in tops if (top / self.cgroup[1:]).is_dir()]

    def clean(self) -> None:
        """Leave nothing, whatever happened."""
        self.do("delete", "--force", CONTAINER)
        shutil.rmtree(self.place, ignore_errors=True)
