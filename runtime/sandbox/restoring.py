"""criu, executed: for a dump beside the container, for a restore in the container's cgroup and in mounts of its own.

A restore's process is forked by us, and criu hangs what it brings back beside itself: so we are its parent.

    cgroup   it enters by the same entry as the first process of a new container
    mounts   a private copy of ours, in which the rootfs is a mount, as criu wants it; it is gone with criu
    points   places to mount on are made where the rootfs lacks them, as `create` does
    criu     whose stdin, stdout and stderr become the container's
    word     before anything runs criu's script tells the first process's pid, and waits: criu 3.17 brings some mounts
             back without their attributes, a read-only root for one, so these are set again, by config.json
"""

from __future__ import annotations

import os
import select

from runtime.errors import Fault, InitFault
from runtime.kernel import mount, process
from runtime.sandbox import criu
from runtime.sandbox.cgroup_mounts import READ_ONLY
from runtime.sandbox.mounts import set_attributes
from runtime.sandbox.resolve import make_directory, make_file, open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import NoReturn

    from runtime.sandbox.cgroup_entry import CgroupEntry
    from runtime.sandbox.mounts import MountStep

PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/bin", "/sbin", "/bin")
NOT_BEGUN = 125
STANDARD_FDS = (0, 1, 2)
_IGNORED_BY_PYTHON = (13, 25)  # SIGPIPE, SIGXFSZ
_LOG_TAIL_BYTES = 1 << 20
_WORDS_BYTES = 4000
_GO = b"go\n"
SIGKILL = 9


def find_criu(environ: Mapping[str, str], named: str = "") -> str:
    """The path of criu, or of the program ``named`` in its place.  Fault: there is none that could be executed."""
    if "/" in named:
        if os.access(named, os.X_OK):
            return os.path.abspath(named)
        raise Fault(f"--criu {named} can't be executed", hint="name a program, or leave the option out")
    name = named or "criu"
    for directory in (*environ.get("PATH", "").split(":"), *PLACES):
        path = f"{directory}/{name}"
        if directory.startswith("/") and os.access(path, os.X_OK):
            return path
    raise Fault(f"{name} is not installed, and checkpoint and restore need it", hint="apt install criu")


def run_dump(path: str, words: Sequence[str], log: str) -> None:
    """Have criu write the images.  Fault with its reason."""
    actions = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1)]
    pid = os.posix_spawn(path, ["criu", *words], os.environ, file_actions=actions, setsigdef=_IGNORED_BY_PYTHON)
    demand_success(pid, words[0], log)


def demand_success(pid: int, action: str, log: str) -> None:
    """Wait for criu's end.  Fault with the reason that its log gives."""
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        raise Fault(f"criu {action} failed: {criu.last_error(_tail(log))}", hint=f"its whole log is {log}")


def _tail(path: str) -> str:
    try:
        with open(path, "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _LOG_TAIL_BYTES))
            return log.read().decode("utf-8", "replace")
    except OSError:
        return ""


def write_script(path: str, text: str) -> None:
    """In the directory of criu's log: the one of the container may lie where nothing can be executed, as /run does."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o700)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def stdio_of(proc: str, pid: int) -> list[str]:
    """What the three standard fds of the process are, in the words of --inherit-fd; other files by mount and inode."""
    found = []
    for fd in STANDARD_FDS:
        try:
            target = os.readlink(f"{proc}/{pid}/fd/{fd}")
        except OSError:
            target = ""  # closed
        found.append(target if target.startswith(("pipe:", "socket:")) else _file_key(proc, pid, fd))
    return found


def _file_key(proc: str, pid: int, fd: int) -> str:
    """``file[MOUNT:INODE]`` for a file outside of the container's mounts; empty for one inside, which criu finds."""
    try:
        with open(f"{proc}/{pid}/fdinfo/{fd}", encoding="ascii") as lines:
            told = dict(line.split(":", 1) for line in lines if ":" in line)
        with open(f"{proc}/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
            inside = {line.split(" ", 1)[0] for line in mounts}
        mount_id = told["mnt_id"].strip()
        inode = os.stat(f"{proc}/{pid}/fd/{fd}").st_ino
    except (OSError, KeyError):
        return ""
    return "" if mount_id in inside else f"file[{int(mount_id):x}:{inode:x}]"


class Launched:
    """A process that becomes criu once it is told to, and ends where nobody will tell it.

    ``gate_fd`` and ``told_fd`` are of its pipes, closed with it; the FIFOs of criu's script lie in ``directory_fd``.
    """

    def __init__(self, pid: int, gate_fd: int, told_fd: int, directory_fd: int) -> None:
        self.pid = pid
        self._pidfd = process.pidfd_open(pid)
        self._fds = [gate_fd, told_fd, self._pidfd]
        self._gate_fd, self._told_fd = gate_fd, told_fd
        self._script_told, self._script_gate = (self._open(name, directory_fd) for name in (criu.TOLD, criu.GATE))
        self._is_reaped = False

    def _open(self, name: str, directory_fd: int) -> int:
        # for both, so that opening waits for nobody
        fd = os.open(name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=directory_fd)
        self._fds.append(fd)
        return fd

    def __enter__(self) -> Launched:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._fds:
            os.close(fd)
        if not self._is_reaped:
            process.kill_if_alive(self.pid, SIGKILL)
            os.waitpid(self.pid, 0)

    def bring_back(self, log: str, *, on_namespaces: Callable[[int], None]) -> int:
        """Let it become criu; the pid of the first process, which doesn't run yet.  InitFault, Fault.

        ``on_namespaces`` gets it when there is nothing but that process in its namespaces, if criu's script tells.
        """
        try:
            os.write(self._gate_fd, _GO)
        except BrokenPipeError:
            pass  # it has ended: how, is asked next
        told = os.read(self._told_fd, _WORDS_BYTES).decode("utf-8", "replace")
        if told:
            raise InitFault("restore", None, told)
        poll = select.poll()
        for fd in (self._script_told, self._pidfd):
            poll.register(fd, select.POLLIN)
        while self._script_told in dict(poll.poll()):
            stage, pid = os.read(self._script_told, _WORDS_BYTES).split()
            if stage == criu.RESTORED.encode():
                return int(pid)
            on_namespaces(int(pid))
            self._let_go_on()
        self._demand_success(log)
        raise Fault("criu restore ended without a word", hint=f"its whole log is {log}")

    def let_run(self, log: str) -> None:
        """Have criu let the processes go, and wait until it has.  Fault."""
        self._let_go_on()
        self._demand_success(log)

    def _let_go_on(self) -> None:
        os.write(self._script_gate, f"{criu.GO}\n".encode())

    def _demand_success(self, log: str) -> None:
        self._is_reaped = True
        demand_success(self.pid, "restore", log)


def launch_restore(
    path: str,
    words: Sequence[str],
    *,
    rootfs: str,
    steps: Iterable[MountStep],
    entry: CgroupEntry,
    directory_fd: int,
    close_fds: Iterable[int],
    keep_fds: Iterable[int],
) -> Launched:
    """The process that will become criu, in the container's cgroup; it waits for ``go``."""
    gate, opening = os.pipe()
    told, telling = os.pipe()
    pid = process.clone3(0, cgroup_fd=entry.cgroup_fd)
    if pid == 0:
        _become_criu(path, words, rootfs, steps, entry, (*close_fds, opening, told), keep_fds, gate, telling)
    os.close(gate)
    os.close(telling)
    return Launched(pid, opening, told, directory_fd)


def _become_criu(
    path: str,
    words: Sequence[str],
    rootfs: str,
    steps: Iterable[MountStep],
    entry: CgroupEntry,
    close_fds: Iterable[int],
    keep_fds: Iterable[int],
    gate: int,
    telling: int,
) -> NoReturn:
    try:
        for fd in close_fds:
            os.close(fd)
        for fd in entry.join_fds:
            os.write(fd, b"0")
        if os.read(gate, len(_GO)) != _GO:
            os._exit(NOT_BEGUN)  # whoever would say go is dead
        process.unshare(process.CLONE_NEWNS)
        mount.mount(None, "/", None, mount.MS_REC | mount.MS_SLAVE)
        _make_places(rootfs, steps)
        mount.mount(rootfs, rootfs, None, mount.MS_BIND | mount.MS_REC)
        for number in _IGNORED_BY_PYTHON:
            process.reset_signal(number)
        for fd in keep_fds:
            os.set_inheritable(fd, True)
        os.execve(path, ["criu", *words], os.environ)
    except BaseException as fault:  # told to the parent, whatever it is: this process has no other way to speak
        os.write(telling, str(fault).encode()[:_WORDS_BYTES] or b"criu can't be executed")
    finally:
        os._exit(NOT_BEGUN)


def _make_places(rootfs: str, steps: Iterable[MountStep]) -> None:
    """Directories and files to mount on; what lies in another mount is in that one's image."""
    root_fd = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    covered: list[str] = []
    try:
        for step in steps:
            if step.destination == "/" or any(step.destination.startswith(f"{each}/") for each in covered):
                continue
            covered.append(step.destination)
            if step.kind == "bind" and not os.path.isdir(step.source):
                os.close(make_file(root_fd, step.destination))
            else:
                os.close(make_directory(root_fd, step.destination))
    finally:
        os.close(root_fd)


def protect_again(pidfd: int, steps: Sequence[MountStep], *, is_readonly: bool) -> None:
    """Give the mounts of the restored process's namespace the attributes that config.json asks for.  InitFault."""
    told, telling = os.pipe()
    worker = os.fork()
    if worker == 0:
        _set_attributes(pidfd, steps, is_readonly, telling)
    os.close(telling)
    with os.fdopen(told, "rb") as reading:
        words = reading.read()
    os.waitpid(worker, 0)
    if words != _GO:
        raise InitFault("restore", None, words.decode("utf-8", "replace") or "the mounts can't be protected again")


def _set_attributes(pidfd: int, steps: Sequence[MountStep], is_readonly: bool, telling: int) -> NoReturn:
    """Nothing is imported once it is in the container's mount namespace."""
    step: MountStep | None = None
    try:
        process.set_dumpable(False)
        process.setns(pidfd, process.CLONE_NEWNS)
        root_fd = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        for step in steps:
            if step.kind == "propagation":
                continue
            fd = open_in_root(root_fd, step.destination)
            set_attributes(fd, step.options.own)
            set_attributes(fd, step.options.tree, recursive=True)
            os.close(fd)
        if is_readonly:
            set_attributes(root_fd, READ_ONLY)
        os.write(telling, _GO)
    except BaseException as fault:  # told to the parent, whatever it is: this process has no other way to speak
        os.write(telling, f"{step.describe() if step else 'mounts'}: {fault}".encode()[:_WORDS_BYTES])
    finally:
        os._exit(0)
