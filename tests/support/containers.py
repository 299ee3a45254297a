"""Real containers for tests: the commands of the source tree, on roots and bundles of their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.spec.default import default_config
from tests.support.session import unique_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

REPOSITORY = Path(__file__).parents[2]
ENTRY = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from runtime.cli.entry import main; main(sys.argv)"
COMMAND = (sys.executable, "-IS", "-c", ENTRY)
# how many times as long everything may take as on a machine of its own; an emulated one sets it
PATIENCE = int(os.environ.get("RUNF_TEST_PATIENCE", "1"))
DEADLINE_S = 60 * PATIENCE
CGROUPS = "/sys/fs/cgroup"
# a command that sees cgroup v2, and only that, on the usual place
ON_V2 = (
    *("unshare", "--mount", "sh", "-c"),
    f'mount --make-rprivate / && umount -l {CGROUPS} && mount -t cgroup2 none {CGROUPS} && exec "$@"',
    "sh",
)


class Runf:
    """The command line on one root; ``is_rootless`` says whose containers these are."""

    def __init__(self, place: Path, prefix: Sequence[str] = ()) -> None:
        self.place = place
        self.root = place / "root"
        self.prefix = tuple(prefix)
        self.is_rootless = os.geteuid() != 0
        self.ids: set[str] = set()

    def argv(self, *words: str) -> list[str]:
        """The whole command line for ``words``."""
        return [*self.prefix, *COMMAND, "--root", str(self.root), *words]

    def __call__(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever that is.

        Its output goes to files: a container that lives on keeps a pipe open, and nobody would see its end.
        """
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            done = subprocess.run(
                self.argv(*words),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                timeout=DEADLINE_S,
                check=False,
                **options,
            )
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())

    def ok(self, *words: str, **options: Any) -> str:
        """Run a command that must succeed; what it printed."""
        done = self(*words, **options)
        assert done.returncode == 0, f"{words}: status {done.returncode}: {done.stderr}"
        return done.stdout

    def state(self, container_id: str) -> dict[str, Any]:
        """What ``state`` says."""
        found: dict[str, Any] = json.loads(self.ok("state", container_id))
        return found

    def record(self, container_id: str) -> dict[str, Any]:
        """What state.json says."""
        found: dict[str, Any] = json.loads((self.root / container_id / "state.json").read_text())
        return found

    def last_record(self, instance: str) -> dict[str, Any]:
        """What the last record of a deleted container says."""
        found: dict[str, Any] = json.loads((self.root / ".deleted" / instance / "state.json").read_text())
        return found

    def last_records(self) -> list[dict[str, Any]]:
        """All last records, the oldest life first."""
        found = [json.loads(path.read_text()) for path in (self.root / ".deleted").glob("*/state.json")]
        return sorted(found, key=lambda record: record["created"])

    def clean(self) -> None:
        """Delete what a test left behind, and its root."""
        if self.root.is_dir():
            for entry in self.root.iterdir():
                if not entry.name.startswith("."):
                    self("delete", "--force", entry.name)
        shutil.rmtree(self.place, ignore_errors=True)


def make_container_bundle(
    place: Path,
    *args: str,
    change: Callable[[dict[str, Any]], object] | None = None,
    terminal: bool = False,
) -> str:
    """A bundle that needs no image and runs ``args``; ``change`` edits its config.json."""
    config: dict[str, Any] = dict(
        default_config(
            rootless=os.geteuid() != 0,
            uid=os.geteuid(),
            gid=os.getegid(),
            host_userland=True,
            args=args,
            terminal=terminal,
        )
    )
    if os.geteuid() == 0:
        # ids are unique in a root, and each test has one; the host's cgroups are shared by all
        config["linux"]["cgroupsPath"] = f"/{unique_name()}"
    if change is not None:
        change(config)
    (place / "rootfs").mkdir(parents=True, exist_ok=True)
    (place / "config.json").write_text(json.dumps(config))
    return str(place)


@contextlib.contextmanager
def create_under_way(runf: Runf, bundle: Path, container_id: str) -> Iterator[None]:
    """A create that waits in a hook for the end of the block, and succeeds then."""
    script = f"echo yes > {bundle}/reached; while [ ! -e {bundle}/go ]; do sleep 0.05; done"
    hook = {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"]}
    path = make_container_bundle(
        bundle, "sleep", "600", change=lambda config: config.update(hooks={"createRuntime": [hook]})
    )
    (bundle / "reached").write_text("")
    making = subprocess.Popen(runf.argv("create", "-b", path, container_id))
    try:
        wait_until(lambda: (bundle / "reached").read_text() == "yes\n", "the hook")
        yield
    finally:
        (bundle / "go").write_text("")
        assert making.wait(20) == 0


def wait_until(is_so: Callable[[], bool], what: str, deadline_s: float = 20) -> None:
    """Look again and again, for what nothing can be waited on with."""
    end = time.monotonic() + deadline_s * PATIENCE
    while not is_so():
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.01)


def kill_quietly(pid: int) -> None:
    """End a process that may have ended."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
