"""What is true of a container, at a glance: read off its record's text and a few files of the kernel, undecoded.

    the record   a valid text as it is written (schemas/texts.py)
    in hand      nobody's: no maker, no starter
    the process  of this boot and these namespaces, alive, and started when the record says
    created      its gate waits
    the cgroup   frozen where the record says paused, and nowhere else

Where all that holds, the record is the truth.  It is where it says stopped, too; and where the process has gone, that
is stopped.  Of whatever else is met a glance says nothing, and the table of ``actions/status.py`` decides; tests hold
the two equal.  This needs nothing of the runtime, and of Python what is built in: ``cli/quick.py`` says why.
"""

from __future__ import annotations

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from re import Match

    Matcher = Callable[[str], Match[str] | None]
    Glance = tuple[str, ...]  # in the order of WANTED

# groups of schemas/generated/state_text.py: what `list` prints, and what tells whether it is so
WANTED = (
    *("id", "pid", "status", "bundle", "created", "owner", "runtime", "maker", "starter", "linux/cgroup", "execs"),
    *("process/pid", "process/startTime", "process/bootId", "process/pidNamespace", "process/timeNamespace"),
)
_EXECS = WANTED.index("execs")
PROC = "/proc"  # the processes that kill(2) knows too
CGROUPS = "/sys/fs/cgroup/"  # where only root mounts and makes anything
_UNICODE = 32  # re.UNICODE
_NOTHING = "null"
_FLAGS = posix.O_RDONLY | posix.O_NONBLOCK | posix.O_NOCTTY | posix.O_NOFOLLOW | posix.O_CLOEXEC
_READ_BYTES = 4096
_START = 19  # of the fields behind a process's name
_DEAD_STATES = (b"Z", b"X", b"x")


def matcher(code: bytes, groups: tuple[str, ...]) -> Matcher | None:
    """What matches a whole text; None where only ``re`` could make it, whose import costs as much as the command."""
    if not code:
        return None
    import _sre  # type: ignore[import-not-found]  # few commands come here, and no stub knows it

    words = memoryview(code).cast("I").tolist()
    found: Matcher = _sre.compile(None, _UNICODE, words, len(groups), {}, (None,) * (len(groups) + 1)).fullmatch
    return found


def places(groups: tuple[str, ...]) -> list[int]:
    """The numbers of the groups that a glance takes."""
    return [groups.index(name) + 1 for name in WANTED]


def glance(match: Matcher, wanted: list[int], data: bytes) -> Glance | None:
    """What the text tells, those of the process None where there is none; None where it must be decoded."""
    if not data.isascii():
        return None
    found = match(str(data, "ascii"))
    return None if found is None else found.group(*wanted)


def status_of(found: Glance, here: tuple[str, str, int | None, int | None], root_fd: int) -> str | None:
    """The container's true status; None where a glance can't tell.

    ``here`` is where we look from: /proc, and the boot's id, the pid and the time namespace that it tells, as
    runtime.actions.evidence.Observer has them.
    """
    name, _, status, _, _, _, runtime, maker, starter, cgroup, _, pid, started, boot, pid_space, time_space = found
    proc, own_boot, own_pid_space, own_time_space = here
    if status == "stopped":
        return status
    if pid is None or maker != _NOTHING or starter != _NOTHING or status == "creating" or not own_boot:
        return None
    if boot != own_boot:
        return "stopped"
    # where the kernel has no time namespaces (before 5.6) there is one clock for all
    if pid_space != str(own_pid_space) or (own_time_space is not None and time_space != str(own_time_space)):
        return None
    try:
        # the gate before the process: what ends closes its gate first, and must not look as if it had passed it
        is_settled = status != "created" or ('"name": "runf"' in runtime and _waits(root_fd, name))
        if proc == PROC and _has_gone(int(pid)):
            return "stopped"
        is_so = is_settled and _lives(f"{proc}/{pid}/stat", started)
        return status if is_so and _is_frozen(cgroup) in (None, status == "paused") else None
    except OSError:
        return None


def is_done(found: Glance) -> bool:
    """Whether the record has the end of each process that exec added."""
    return '"ended": null' not in found[_EXECS]


def open_in(dir_fd: int, directory: str, name: str, flags: int) -> int:
    """open(2) of a file in a directory of ``dir_fd``: no symbolic link is followed."""
    fd = posix.open(directory, posix.O_PATH | posix.O_DIRECTORY | posix.O_NOFOLLOW | posix.O_CLOEXEC, dir_fd=dir_fd)
    try:
        return posix.open(name, flags | posix.O_NOFOLLOW | posix.O_CLOEXEC, dir_fd=fd)
    finally:
        posix.close(fd)


def _waits(root_fd: int, container_id: str) -> bool:
    """Whether its process waits at the gate: it alone holds the FIFO open for reading."""
    try:
        posix.close(open_in(root_fd, container_id, "gate", posix.O_WRONLY | posix.O_NONBLOCK))
    except OSError:
        return False
    return True


def _has_gone(pid: int) -> bool:
    """kill(2) takes a third of the time that /proc takes."""
    try:
        posix.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it is another user's
    return False


def _lives(path: str, started: str) -> bool:
    """Whether a /proc/<pid>/stat (proc_pid_stat(5)) is that of a process which started then, and no zombie's."""
    fields = _content(posix.open(path, _FLAGS)).rpartition(b") ")[2].split()
    return fields[_START : _START + 1] == [started.encode()] and fields[0] not in _DEAD_STATES


def _is_frozen(cgroup: str) -> bool | None:
    """Whether the kernel has stopped all of the record's ``linux.cgroup``; None where nothing there could.

    OSError where it isn't at its usual place.
    """
    for controller, name, text in ("unified", "cgroup.events", b"frozen 1"), ("freezer", "freezer.state", b"FROZEN"):
        _, is_there, rest = cgroup.partition(f'"{controller}": "')
        if is_there:
            path = rest[: rest.index('"')] + f"/{name}"
            if not path.startswith(CGROUPS):
                raise OSError
            fd = posix.open(path, _FLAGS)
            is_led_elsewhere = posix.readlink(f"/proc/self/fd/{fd}") != path
            found = _content(fd)
            if is_led_elsewhere:
                raise OSError
            return text in found.split(b"\n")
    return None


def _content(fd: int) -> bytes:
    """The beginning of a file; closes it."""
    try:
        return posix.read(fd, _READ_BYTES)
    finally:
        posix.close(fd)
