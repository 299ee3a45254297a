"""criu's restore: in the container's cgroup, and in mounts of its own.

Its process is forked by us, and criu hangs what it brings back beside itself: so we are the parent of that.

    cgroup   it enters by the same entry as the first process of a new container
    mounts   a private copy of ours, in which the rootfs is a mount, as criu wants it; it is gone with criu
    points   places to mount on are made where the rootfs lacks them, as `create` does
    criu     whose stdin, stdout and stderr become the container's
    word     before anything runs criu tells the first process's pid, and waits: criu 3.17 brings some mounts back
             without their attributes, a read-only root for one, so these are set again, by config.json
"""

from __future__ import annotations

import _socket
import os

from runtime.errors import Fault, InitFault
from runtime.kernel import mount, process
from runtime.kernel.sockets import receive_fds, send_fds
from runtime.sandbox import criu, criu_service
from runtime.sandbox.cgroup_mounts import READ_ONLY
from runtime.sandbox.mounting import set_attributes
from runtime.sandbox.resolve import make_directory, make_file, open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import NoReturn

    from runtime.sandbox.cgroup_entry import CgroupEntry
    from runtime.sandbox.criu import Answer, CriuOptions, Directories
    from runtime.sandbox.criu_service import Service
    from runtime.sandbox.mounts import MountStep

NOT_BEGUN = 125
STANDARD_FDS = (0, 1, 2)
_WORDS_BYTES = 4000
_GO = b"go\n"


def stdio_of(proc: str, pid: int) -> list[str]:
    """What the three standard fds of the process are, as inherit_fd names them; other files by mount and inode."""
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

    What goes through ``gate_fd`` and ``told``, which are closed with it:

        go     >
               <   its end of criu's socket, once nothing is left to do but execve; what fails is told in words
               <   the end of file: it is criu
    """

    def __init__(self, pid: int, request: bytes, gate_fd: int, told: _socket.socket) -> None:
        self.pid = pid
        self._request = request
        self._gate_fd = gate_fd
        self._told = told
        self._service: Service | None = None

    def __enter__(self) -> Launched:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._gate_fd)
        self._told.close()
        if self._service:
            self._service.__exit__()
        else:
            os.waitpid(self.pid, 0)  # there is nobody now who could tell it to begin

    def bring_back(self, log: str, *, on_namespaces: Callable[[int], None], on_terminal: Callable[[int], None]) -> int:
        """Let it become criu; the pid of the first process, which doesn't run yet.  InitFault, Fault.

        ``on_namespaces`` gets it when there is nothing but that process in its namespaces, ``on_terminal`` the master
        of each terminal whose other end the processes have.
        """
        criu_service.forget_log(log)
        self._service = service = criu_service.Service(self._begin(), self.pid)

        def begin(answer: Answer, _: int | None) -> None:
            on_namespaces(_pid_of(answer))

        def give_terminal(_: Answer, fd: int | None) -> None:
            if fd is not None:
                on_terminal(fd)

        service.ask(self._request)
        answer = service.follow({criu.NAMESPACES_MADE: begin, criu.TERMINAL: give_terminal}, until=criu.RESTORED)
        if answer and answer.kind == criu.NOTIFY:
            return _pid_of(answer)
        service.conclude("restore", answer, log)
        raise Fault("criu restore ended without a word", hint=f"its whole log is {log}")

    def _begin(self) -> _socket.socket:
        try:
            os.write(self._gate_fd, _GO)
        except BrokenPipeError:
            pass  # it has ended, and tells nothing
        words, fds, _ = receive_fds(self._told, _WORDS_BYTES, 1)
        if not fds:
            raise InitFault("restore", None, words.decode("utf-8", "replace") or "criu's process has ended")
        connection = _socket.socket(fileno=fds[0])
        words = self._told.recv(_WORDS_BYTES)
        if words:
            connection.close()
            raise InitFault("restore", None, words.decode("utf-8", "replace"))
        return connection

    def let_run(self, log: str) -> None:
        """Have criu let the processes go, and wait until it has.  Fault."""
        assert self._service, "it has been brought back"
        self._service.ask(criu.consent())
        self._service.conclude("restore", self._service.follow({}), log)


def _pid_of(answer: Answer) -> int:
    if answer.pid is None:
        raise Fault(f"criu tells no pid at {answer.stage}", hint="name another with --criu")
    return answer.pid


def launch_restore(
    path: str,
    options: CriuOptions,
    directories: Directories,
    request: bytes,
    *,
    rootfs: str,
    steps: Iterable[MountStep],
    entry: CgroupEntry,
    close_fds: Iterable[int],
    keep_fds: Iterable[int],
) -> Launched:
    """The process that will become criu, in the container's cgroup; it waits for ``go``."""
    gate, opening = os.pipe()
    told, telling = criu_service.socket_pair()
    pid = process.clone3(0, cgroup_fd=entry.cgroup_fd)
    if pid == 0:
        close_fds = (*close_fds, opening, told.fileno())
        _become_criu(path, options, directories, rootfs, steps, entry, close_fds, keep_fds, gate, telling)
    os.close(gate)
    telling.close()
    return Launched(pid, request, opening, told)


def _become_criu(
    path: str,
    options: CriuOptions,
    directories: Directories,
    rootfs: str,
    steps: Iterable[MountStep],
    entry: CgroupEntry,
    close_fds: Iterable[int],
    keep_fds: Iterable[int],
    gate: int,
    telling: _socket.socket,
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
        _reopen(directories, options)
        for number in criu_service.IGNORED_BY_PYTHON:
            process.reset_signal(number)
        # criu looks for our fds in the process that made its socket: here, where the directories are of its own mounts
        caller, its = criu_service.socket_pair()
        for fd in (*keep_fds, *directories, its.fileno()):
            os.set_inheritable(fd, True)
        send_fds(telling, _GO, [caller.fileno()])
        os.execve(path, criu.words(options, its.fileno()), os.environ)
    except BaseException as fault:  # told to the parent, whatever it is: this process has no other way to speak
        telling.send(str(fault).encode()[:_WORDS_BYTES] or b"criu can't be executed")
    finally:
        os._exit(NOT_BEGUN)


def _reopen(directories: Directories, options: CriuOptions) -> None:
    """The same, in the mount namespace that we are in now: criu mounts something in its working directory."""
    for fd, path in zip(directories, (options.images, options.work), strict=True):
        opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        os.dup2(opened, fd)
        os.close(opened)


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
