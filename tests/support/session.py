"""One run of the tests has a place and a name of its own, a reaper above it, and leaves nothing behind.

    pytest           is the reaper: it reaps whatever the tests orphan at once, as PID 1 does on a good machine
      the session    collects and reports; with xdist its workers run the tests

Temporary files lie in the session's place, cgroups bear its name, and orphans become the reaper's children.  So what is
still there at the end belongs to this session, whatever else runs on the machine: it is told, removed, and a failure.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import NoReturn

from runtime.kernel import mount, process, procfs

NAME = "RUNF_TEST_SESSION"  # the environment variable that tells xdist's workers
NAMES = "names"  # the file in the place that has each unique name and the test that asked for it
TEST = "PYTEST_CURRENT_TEST"  # pytest keeps it up to date
CGROUPS = Path("/sys/fs/cgroup")
ANNOUNCED = Path("/run/opencontainer/roots")  # root's; an ordinary user's lie in the place
GRACE_S = 10
FAILED = 1


def unique_name() -> str:
    """A name for a cgroup that nobody else has, and that tells whose it is."""
    name = f"runf-test-{os.environ[NAME]}-{secrets.token_hex(4)}"
    with open(Path(os.environ["TMPDIR"], NAMES), "a") as names:
        names.write(f"{name} {os.environ.get(TEST)}\n")
    return name


def begin() -> None:
    """Fork: the child goes on as the session, with its place as TMPDIR; the parent is the reaper, and ends with it."""
    name = secrets.token_hex(4)
    place = Path(tempfile.gettempdir(), f"runf-{name}")
    place.mkdir(mode=0o755)
    place.chmod(0o755)
    os.environ.update({NAME: name, "TMPDIR": str(place)})
    tempfile.tempdir = None
    process.set_child_subreaper(True)
    sys.stdout.flush()
    sys.stderr.flush()
    session = os.fork()
    if session:
        _reap(session, name, place)
    process.set_pdeathsig(signal.SIGTERM)


def _reap(session: int, name: str, place: Path) -> NoReturn:
    status = FAILED
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the session too
        signal.signal(signal.SIGTERM, lambda number, _: os.kill(session, number))
        ending = _exit_status_of(session)
        found = [*_end_processes(), *_unmount(place), *_remove_cgroups(name, place)]
        _withdraw(place)
        if found:
            print("\nthe tests left behind, and it is gone now:", *found, sep="\n  ", file=sys.stderr)
        status = ending or (FAILED if found else 0)
        if status == 0:
            shutil.rmtree(place)
        else:
            print(f"\nthe tests' files are kept in {place}", file=sys.stderr)
    except BaseException:
        status = FAILED
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _exit_status_of(session: int) -> int:
    """Reap until the session has ended."""
    while True:
        pid, status = os.wait()
        if pid == session:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _end_processes() -> list[str]:
    """End what is still alive once everything that is about to end has had time for it."""
    found = []
    deadline = time.monotonic() + GRACE_S
    while children := _children():
        if time.monotonic() < deadline and not found:
            time.sleep(0.05)
        for pid in children:
            if os.waitpid(pid, os.WNOHANG)[0] == 0 and (found or time.monotonic() >= deadline):
                found.append(f"process {pid}: {_command_line(pid)}")
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
    return found


def _children() -> list[int]:
    own = os.getpid()
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    return [pid for pid in pids if (found := procfs.stat("/proc", pid)) is not None and found.ppid == own]


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "?"  # it has ended


def _unmount(place: Path) -> list[str]:
    points = [each.mount_point for each in procfs.mounts("/proc") if Path(each.mount_point).is_relative_to(place)]
    for point in reversed(points):
        mount.umount2(point, mount.MNT_DETACH)
    return [f"mount {point}" for point in points]


def _remove_cgroups(name: str, place: Path) -> list[str]:
    # os.walk, since others' cgroups vanish meanwhile, which it passes over
    prefix = f"runf-test-{name}-"
    tops = [Path(above) / each for above, below, _ in os.walk(CGROUPS) for each in below if each.startswith(prefix)]
    for top in tops:
        for directory, _, _ in os.walk(top, topdown=False):
            os.rmdir(directory)
    asked = dict(line.split(" ", 1) for line in (place / NAMES).read_text().splitlines()) if tops else {}
    return [f"cgroup {path}: {asked.get(path.name)}" for path in tops]


def _withdraw(place: Path) -> None:
    """Remove the announcements of the tests' roots: ``delete`` leaves them, and nobody may come by for long."""
    for link in ANNOUNCED.glob("*"):
        if os.access(link, os.R_OK, follow_symlinks=False) and Path(os.readlink(link)).is_relative_to(place):
            link.unlink(missing_ok=True)
