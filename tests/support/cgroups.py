"""Cgroups for tests: made-up hierarchies in a directory, and real ones with processes in them."""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING, Any

from runtime.cgroups import claims, manager
from runtime.kernel import mount, process
from runtime.roots import Roots
from tests.support.children import wait_readable
from tests.support.forked import exit_status_of
from tests.support.session import unique_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from runtime.cgroups.hierarchy import CgroupPlan

CGROUPS = "/sys/fs/cgroup"
REAL = Roots("/nowhere")


def made_up_roots(place: Path, mountinfo: str, own: str = "") -> Roots:
    """Roots whose /proc/self has ``mountinfo``, with @ for the cgroup root, and ``own`` as its cgroup file."""
    cgroup = place / "cgroup"
    cgroup.mkdir(exist_ok=True)
    seen = place / "proc" / "self"
    seen.mkdir(parents=True, exist_ok=True)
    (seen / "mountinfo").write_text(mountinfo.replace("@", str(cgroup)))
    (seen / "cgroup").write_text(own)
    return Roots("/nowhere", proc=str(place / "proc"), cgroup=str(cgroup))


def mount_line(name: str, options: str, root: str = "/", fstype: str = "cgroup") -> str:
    """A line of mountinfo for a hierarchy at ``name`` below the cgroup root."""
    return f"32 31 0:29 {root} @/{name} rw,relatime shared:1 - {fstype} {fstype} rw,{options}\n"


def config(path: str | None = None, **resources: Any) -> dict[str, Any]:
    """A config with a cgroupsPath, and limits under their names in linux.resources."""
    linux: dict[str, Any] = {"resources": resources}
    if path is not None:
        linux["cgroupsPath"] = path
    return {"linux": linux}


def wait_forever() -> None:
    """Until a signal ends us."""
    while True:
        signal.pause()


class Member:
    """A process in a container's cgroup: it does ``before``, is ready, and then does ``then``."""

    def __init__(
        self,
        plan: CgroupPlan,
        *,
        before: Callable[[], object] = lambda: None,
        then: Callable[[], object] = wait_forever,
    ) -> None:
        entry = manager.open_entry(plan)
        ready, telling = os.pipe()
        try:
            self.pid = process.clone3(0, cgroup_fd=entry.cgroup_fd)
            if self.pid == 0:
                _be_member(entry.join_fds, before, then, telling)
        finally:
            for fd in (*entry.join_fds, telling, *([] if entry.cgroup_fd is None else [entry.cgroup_fd])):
                os.close(fd)
        assert wait_readable(ready), "the member does not join"
        assert os.read(ready, 1) == b"y", "the member could not join"
        os.close(ready)
        self._is_reaped = False

    def status(self) -> int:
        """Wait for its end: its exit code, negative the signal that ended it."""
        pidfd = process.pidfd_open(self.pid)
        try:
            assert wait_readable(pidfd), f"member {self.pid} does not end"
        finally:
            os.close(pidfd)
        self._is_reaped = True
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def clean_up(self) -> None:
        """Nothing stays, whatever the test did."""
        if not self._is_reaped:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def _be_member(join_fds: Iterable[int], before: Callable[[], object], then: Callable[[], object], telling: int) -> None:
    try:
        for fd in join_fds:
            os.write(fd, b"0")
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        before()
        os.write(telling, b"y")
        then()
    finally:
        os._exit(99)


class Groups:
    """The cgroups of one test, of both versions, with what runs in them."""

    def __init__(self) -> None:
        self.name = unique_name()
        self.members: list[Member] = []
        self.records: list[Mapping[str, Any]] = []

    def plan(self, path: str | None = None, **resources: Any) -> CgroupPlan:
        """A plan below the test's own name, which is cleaned up."""
        asked = config(f"/{self.name}{path or ''}", **resources)
        plan = manager.plan_cgroup(asked, container_id="unused", roots=REAL, rootless=False)
        self.records.insert(0, manager.record_cgroup(plan))
        return plan

    def made(self, path: str | None = None, **resources: Any) -> CgroupPlan:
        """The same, made and limited."""
        plan = self.plan(path, **resources)
        manager.make(plan)
        manager.apply(plan)
        return plan

    def join(
        self,
        plan: CgroupPlan,
        *,
        before: Callable[[], object] = lambda: None,
        then: Callable[[], object] = wait_forever,
    ) -> Member:
        """A process in it."""
        member = Member(plan, before=before, then=then)
        self.members.append(member)
        return member

    def clean_up(self) -> None:
        """Kill and remove everything; cgroups that a plan has only named as well as their parents."""
        for record in self.records:
            manager.kill_all(record)
        for member in self.members:
            member.clean_up()
        for record in self.records:
            tops = {path: path[: path.index(self.name) + len(self.name)] for path in record["paths"].values()}
            manager.remove({"paths": tops})


def enter(plan: CgroupPlan) -> None:
    """Move this very process into the cgroup."""
    if plan.version == 2:
        with open(f"{plan.paths['unified']}/cgroup.procs", "w") as procs:
            procs.write("0")
    for fd in manager.open_entry(plan).join_fds:
        os.write(fd, b"0")


def ended_in(plan: CgroupPlan, action: Callable[[], object]) -> int:
    """How a process ended that did ``action`` in the cgroup: its exit code, negative the signal."""
    pid = os.fork()
    if pid == 0:
        try:
            enter(plan)
            action()
        finally:
            os._exit(99)
    return exit_status_of(pid)


def fork_until_refused() -> None:
    """Exit with the number of children that could be forked before the limit, which end with their parent."""
    children, parent = 0, os.getpid()
    try:
        while True:
            if os.fork() == 0:
                process.set_pdeathsig(signal.SIGKILL)
                while os.getppid() == parent:
                    signal.pause()
                os._exit(0)
            children += 1
    except OSError as error:
        os._exit(children if error.errno == errno.EAGAIN else 98)


def eat_memory() -> None:
    """Touch 64 MiB."""
    bytearray(64 << 20)


def errno_of_open(path: str, flags: int) -> int:
    """0 where it can be opened."""
    try:
        os.close(os.open(path, flags))
    except OSError as error:
        return error.errno or -1
    return 0


def directories(plan: CgroupPlan) -> list[str]:
    """Those of the plan that exist."""
    return [path for path in dict.fromkeys(plan.paths.values()) if os.path.isdir(path)]


def read(path: str, name: str) -> str:
    """A file of a cgroup."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return claims.read_file(fd, name).strip()
    finally:
        os.close(fd)


def enter_v2() -> None:
    """See cgroup v2, and only that, on the usual place; in a process of its own."""
    process.unshare(process.CLONE_NEWNS)
    mount.mount(None, "/", None, mount.MS_REC | mount.MS_PRIVATE)
    mount.umount2(CGROUPS, mount.MNT_DETACH)
    mount.mount("cgroup2", CGROUPS, "cgroup2", 0, None)
