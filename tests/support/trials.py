"""create, tried on any config.json with real effects, in a process of its own that can harm nothing.

Its mount namespace is private, and read-only but for its place, /proc and the cgroups; it reaps whatever a create
orphans.  After each trial it tells what is left: there must be nothing.

    test  -- {"config": ...} -->  process
    test  <-- {"fault": the line, or null for a container; "left": [...]} --  process
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.actions.beginning import Request
from runtime.actions.context import Context, find_context
from runtime.actions.create import make
from runtime.actions.delete import delete
from runtime.actions.inspect import state
from runtime.cli.report import message_of, one_line
from runtime.errors import Fault
from runtime.kernel import mount, process
from runtime.kernel.process import AT_FDCWD, AT_RECURSIVE
from tests.support.session import CGROUPS, unique_name

if TYPE_CHECKING:
    from typing import NoReturn, TextIO

CONTAINER = "trial"


class Trials:
    """The process, as the test sees it."""

    def __init__(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="runf-"))
        self.cgroup = unique_name()
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            _serve(self.place, theirs)
        theirs.close()
        self.stream = ours.makefile("rw")
        ours.close()

    def create(self, config: Any) -> dict[str, Any]:
        """Try to create a container of ``config``, and delete it again."""
        self.stream.write(json.dumps({"config": self._confined(config)}) + "\n")
        self.stream.flush()
        answer = self.stream.readline()
        assert answer, f"the process of the trials ended: wait status {os.waitpid(self.pid, 0)[1]}"
        found: dict[str, Any] = json.loads(answer)
        return found

    def _confined(self, config: Any) -> Any:
        """The same with a cgroup of our own: those of the machine are not for trials."""
        linux = config.get("linux") if isinstance(config, dict) else None
        if isinstance(linux, dict) and isinstance(linux.get("cgroupsPath", ""), str):
            climbs = ".." in linux.get("cgroupsPath", "")
            return {**config, "linux": {**linux, "cgroupsPath": f"/{self.cgroup}" + ("/../x" if climbs else "")}}
        return config

    def close(self) -> None:
        """End it."""
        self.stream.close()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        shutil.rmtree(self.place)


def _serve(place: Path, connection: socket.socket) -> NoReturn:
    try:
        process.set_pdeathsig(signal.SIGKILL)
        process.set_child_subreaper(True)
        _seclude(place)
        with connection.makefile("rw") as stream:
            _answer(place, stream)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _seclude(place: Path) -> None:
    """The place is bound onto itself, so that it stays writable when all else becomes read-only."""
    process.unshare(process.CLONE_NEWNS)
    mount.mount(None, "/", None, mount.MS_REC | mount.MS_PRIVATE)
    mount.mount(str(place), str(place), None, mount.MS_BIND)
    mount.mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, attr_set=mount.MOUNT_ATTR_RDONLY)
    for writable in (str(place), "/proc", str(CGROUPS)):
        mount.mount_setattr(AT_FDCWD, writable, AT_RECURSIVE, attr_clr=mount.MOUNT_ATTR_RDONLY)
    (place / "bundle" / "rootfs").mkdir(parents=True)


def _answer(place: Path, stream: TextIO) -> None:
    context = find_context({"XDG_RUNTIME_DIR": str(place)}, root=str(place / "root"))
    for line in stream:
        (place / "bundle" / "config.json").write_text(json.dumps(json.loads(line)["config"]))
        before = _there(place)
        try:
            fault = _try(context, place)
        except BaseException:  # whatever it is, it is no answer to a user: the test shows it
            fault = f"no fault:\n{traceback.format_exc()}"
        answer = {"fault": fault, "left": [*_orphans(), *sorted(_there(place) - before), *_cgroups(place)]}
        for name in os.listdir(place / "bundle" / "rootfs"):
            shutil.rmtree(place / "bundle" / "rootfs" / name, ignore_errors=True)
        stream.write(json.dumps(answer) + "\n")
        stream.flush()


def _try(context: Context, place: Path) -> str | None:
    try:
        made = make(context, CONTAINER, Request(bundle=str(place / "bundle")))
    except (Fault, OSError) as fault:
        return one_line(message_of(fault))
    os.close(made.pidfd)
    found = state(context, CONTAINER)
    assert (found["status"], found["pid"]) == ("created", made.record["pid"])
    delete(context, CONTAINER, force=True)  # hooks that fail then are warned of
    return None


def _there(place: Path) -> set[str]:
    """What a create may not leave: files of the root that aren't last records, mounts, open files."""
    files = {str(path) for path in (place / "root").rglob("*") if ".deleted" not in path.parts}
    mounts = set(Path("/proc/self/mountinfo").read_text().splitlines())
    fds = {f"fd {fd}" for fd in os.listdir("/proc/self/fd")}
    return files - {str(place / "root" / name) for name in (".staging", ".staging/.sweep")} | mounts | fds


def _cgroups(place: Path) -> list[str]:
    """The cgroups that the last records name and that are still there."""
    found = []
    for path in (place / "root" / ".deleted").glob("*/state.json"):
        cgroup = json.loads(path.read_text())["linux"]["cgroup"]
        found += [each for each in (cgroup["paths"].values() if cgroup else ()) if os.path.exists(each)]
        shutil.rmtree(path.parent)
    return found


def _orphans() -> list[str]:
    """The processes that are left, reaped where they have ended."""
    left = []
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return left
        if pid == 0:
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            for child in children:
                left.append(f"process {child}")
                os.kill(int(child), signal.SIGKILL)
                os.waitpid(int(child), 0)
