"""A machine within the machine, for programs that change all of one: daemons, networks, firewalls, storage.

It has namespaces of its own, and mounts what such programs write to as file systems in memory:

    /mnt               where tests put their files; /mnt/runf is the installed runf
    /run, /dev/shm     sockets, locks and state directories
    /sys/fs/cgroup     the machine's hierarchies, of which it sees only its own part
    /etc/passwd ...    with one more user, who may map ids
    /dev/net/tun       for everybody, as udev makes it

Its first process reaps orphans, and ends when its stdin does: then the kernel ends all that runs in it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.cgroups import hierarchy
from tests.support.cgroups import CGROUPS, REAL
from tests.support.session import unique_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REPOSITORY = Path(__file__).parents[2]
INSTALLED = REPOSITORY / ".venv"
RUNF = "/mnt/runf/bin/runf"
USER = "rfclient"
USER_ID = 4321
USER_ENVIRON = {"HOME": f"/mnt/{USER}", "XDG_RUNTIME_DIR": f"/run/user/{USER_ID}", "USER": USER}
DEADLINE_S = 300
_NAMESPACES = ("--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRON = {"PATH": _PATH, "HOME": "/mnt/root", "TMPDIR": "/mnt/tmp", "LANG": "C.UTF-8"}
_JOIN = 'for file in {files}; do echo $$ >"$file"; done; exec "$@"'
_SET_UP = """set -e
mount -t proc proc /proc
mount -t sysfs sysfs /sys
{cgroups}
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir -p /run/lock /mnt/root /mnt/etc /mnt/runf
mkdir -m 1777 /mnt/tmp
mkdir -p {home} {runtime_dir}
chown {user_id}:{user_id} {home} {runtime_dir}
chmod 700 {runtime_dir}
mount --bind {installed} /mnt/runf
for name in passwd group subuid subgid; do
    touch /mnt/etc/$name
    test ! -e /etc/$name || cat /etc/$name > /mnt/etc/$name
done
echo '{user}:x:{user_id}:{user_id}::{home}:/bin/sh' >> /mnt/etc/passwd
echo '{user}:x:{user_id}:' >> /mnt/etc/group
echo '{user}:1000000:65536' >> /mnt/etc/subuid
echo '{user}:1000000:65536' >> /mnt/etc/subgid
for name in passwd group subuid subgid; do
    test ! -e /etc/$name || mount --bind /mnt/etc/$name /etc/$name
done
if test -c /dev/net/tun; then
    mount -t tmpfs -o mode=755 tmpfs /dev/net
    mknod -m 666 /dev/net/tun c 10 200
fi
ip link set lo up
mount --make-rshared /
cd /mnt
exec {python} -IS -c '{init}'
"""
_INIT = """
import os, select, signal
reading, writing = os.pipe()
os.set_blocking(writing, False)
signal.set_wakeup_fd(writing)
signal.signal(signal.SIGCHLD, lambda *_: None)
os.write(1, b"ready")
while 0 not in select.select([0, reading], [], [])[0]:
    os.read(reading, 4096)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
"""


class Machine:
    """One such machine; ``close`` ends all of it."""

    def __init__(self) -> None:
        self.name = unique_name()
        self.version = hierarchy.find_version(REAL)
        tops = self._cgroup_tops()
        for top in tops:
            top.mkdir()
            _inherit_cpuset(top)
        self._tops = tops
        self._process = subprocess.Popen(
            [
                *("sh", "-c", _JOIN.format(files=" ".join(f"{top}/{self._tasks}" for top in tops)), "sh"),
                *("unshare", *_NAMESPACES, "--fork", "--kill-child", "--propagation", "private"),
                *("sh", "-c", self._set_up()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_ENVIRON,
        )
        assert self._process.stdout is not None
        is_ready = self._process.stdout.read(5) == b"ready"
        self._started: list[subprocess.Popen[str]] = []
        if not is_ready:
            self.close()
        assert is_ready, "the machine can't be set up; its complaint is on stderr"
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        self.pid = int(children.read_text())
        if self.version != 1:
            self._delegate()

    def _delegate(self) -> None:
        """On v2 controllers go on to children only where no process is left in the parent (cgroups(7))."""
        top = self._tops[0]
        (top / "init").mkdir()
        for pid in (top / "cgroup.procs").read_text().split():
            (top / "init" / "cgroup.procs").write_text(pid)
        names = (top / "cgroup.controllers").read_text().split()
        (top / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in names))

    @property
    def _tasks(self) -> str:
        # on v1 a write of a single thread to `tasks` doesn't wait for a grace period of RCU
        return "tasks" if self.version == 1 else "cgroup.procs"

    def _cgroup_tops(self) -> list[Path]:
        if self.version == 1:
            return [Path(each.mount_point, self.name) for each in hierarchy.find_hierarchies(REAL)]
        return [Path(CGROUPS, self.name)]

    def _set_up(self) -> str:
        return _SET_UP.format(
            cgroups=self._mount_cgroups(),
            home=USER_ENVIRON["HOME"],
            runtime_dir=USER_ENVIRON["XDG_RUNTIME_DIR"],
            user=USER,
            user_id=USER_ID,
            installed=INSTALLED,
            python=sys.executable,
            init=_INIT,
        )

    def _mount_cgroups(self) -> str:
        if self.version != 1:
            return f"mount -t cgroup2 cgroup2 {CGROUPS}"
        lines = [f"mount -t tmpfs -o mode=755 tmpfs {CGROUPS}"]
        seen = {each.options: each for each in hierarchy.find_hierarchies(REAL)}
        for options in _hierarchies_of_the_kernel():
            name, aliases = (seen[options].name, seen[options].aliases) if options in seen else (options, ())
            lines.append(f"mkdir {CGROUPS}/{name} && mount -t cgroup -o {options} cgroup {CGROUPS}/{name}")
            lines.extend(f"ln -s {name} {CGROUPS}/{alias}" for alias in aliases)
        return "\n".join(lines)

    def path(self, inside: str) -> Path:
        """A file of the machine, seen from outside."""
        return Path(f"/proc/{self.pid}/root{inside}")

    def argv(self, *words: str, is_user: bool = False) -> list[str]:
        """A command line that runs ``words`` in the machine."""
        places = [top if self.version == 1 else top / "init" for top in self._tops]
        join = _JOIN.format(files=" ".join(f"{place}/{self._tasks}" for place in places))
        as_user = ("--reuid", str(USER_ID), "--regid", str(USER_ID), "--clear-groups") if is_user else ()
        return [
            *("sh", "-c", join, "sh", "nsenter", "--target", str(self.pid), *_NAMESPACES, "--wd", "--"),
            *(("setpriv", *as_user, "--") if is_user else ()),
            *words,
        ]

    def start(self, *words: str, is_user: bool = False, env: Mapping[str, str] | None = None, **options: Any) -> Any:
        """A process in the machine that goes on; it ends with it at the latest."""
        environ = {**_ENVIRON, **(USER_ENVIRON if is_user else {}), **(env or {})}
        started = subprocess.Popen(self.argv(*words, is_user=is_user), env=environ, text=True, **options)
        self._started.append(started)
        return started

    def end(self, started: subprocess.Popen[str], number: int = signal.SIGTERM) -> None:
        """End a process that goes on: what was started is nsenter, which passes no signal on to its child."""
        for pid in Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split():
            os.kill(int(pid), number)
        started.wait(DEADLINE_S)
        self._started.remove(started)

    def __call__(
        self,
        *words: str,
        is_user: bool = False,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        deadline_s: float = DEADLINE_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; its output goes to files, which nobody holds a reader of back."""
        with (
            tempfile.TemporaryFile("w+") as given,
            tempfile.TemporaryFile("w+") as out,
            tempfile.TemporaryFile("w+") as err,
        ):
            given.write(stdin)
            given.seek(0)
            started = self.start(*words, is_user=is_user, env=env, stdin=given, stdout=out, stderr=err)
            try:
                started.wait(deadline_s)
                self._started.remove(started)
            except subprocess.TimeoutExpired:
                self.end(started, signal.SIGKILL)
                err.write(f"\n(ended by the test after {deadline_s} s)\n")
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(words, started.returncode, out.read(), err.read())

    def ok(self, *words: str, **options: Any) -> str:
        """Run a command that must succeed; what it printed."""
        done = self(*words, **options)
        assert done.returncode == 0, f"{' '.join(words)}: status {done.returncode}: {done.stderr}"
        return done.stdout

    def write(self, inside: str, text: str) -> str:
        """A file in the machine; its path there."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return inside

    def close(self) -> None:
        """End it, and remove its cgroups."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()
        for started in self._started:
            started.wait()
        for top in self._tops:
            for directory, _, _ in os.walk(top, topdown=False):
                _remove(directory)


def _hierarchies_of_the_kernel() -> list[str]:
    """The mount options of each v1 hierarchy: containerd's library wants to find all that a process is in."""
    lines = [line.split(":") for line in Path("/proc/self/cgroup").read_text().splitlines()]
    return [f"none,{names}" if "=" in names else names for _, names, _ in lines if names]


def _inherit_cpuset(top: Path) -> None:
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (top / name).exists() and (top.parent / name).exists():
            (top / name).write_text((top.parent / name).read_text())


def _remove(directory: str) -> None:
    """A cgroup whose last process is on its way out is busy for a moment."""
    end = time.monotonic() + 20
    while True:
        try:
            os.rmdir(directory)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def wait_for(machine: Machine, is_so: Callable[[], bool], what: str) -> None:
    """Look again and again; the machine's end is a failure at once."""
    end = time.monotonic() + DEADLINE_S
    while not is_so():
        assert machine.path("/").exists(), "the machine has ended"
        assert time.monotonic() < end, f"not within {DEADLINE_S} s: {what}"
        time.sleep(0.02)


def has_installed_runf() -> bool:
    """Whether ``make install`` was run; clients call the installed form only."""
    return shutil.which("runf", path=INSTALLED / "bin") is not None
