"""The hooks of config.json: programs that the specification lets a bundle run at six points of a container's life.

Source: runtime-spec: config.md#posix-platform-hooks.

    kind             run by                       a failure
    prestart         the parent                   is an error
    createRuntime    the parent                   is an error
    createContainer  the container's process      is an error
    startContainer   the container's process      is an error
    poststart        the parent                   is an error
    poststop         the parent                   is a warning, and the next hook runs

``run_hook`` also runs inside the container's namespaces, where any file may be the image's: it imports nothing, looks
up no codec and opens no path; only execve(2) resolves the hook's.  The hook gets the state on its standard input,
exactly its own environment, no other file descriptor, default signals and an empty mask.  One that the parent runs
and that has no ``env`` gets the parent's, as with other runtimes; the container's process hands on nothing of the
caller's.  What it prints on stdout and stderr goes into one pipe, whose tail becomes the fault's ``output``; or, where
the parent runs it and annotations say so, to the end of the files that these name.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import time

from runtime.errors import HookFault, SpecFault
from runtime.kernel.files import MFD_CLOEXEC, MFD_NOEXEC_SEAL, memfd_create
from runtime.kernel.process import (
    AT_FDCWD,
    CLOSE_RANGE_CLOEXEC,
    close_range,
    execveat,
    pidfd_open,
    pidfd_send_signal,
)
from runtime.kernel.signals import reset_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Mapping, Sequence
    from typing import Any, NamedTuple, NoReturn
else:
    import _signal

    from runtime.values import NamedTuple

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
# annotations of crun's: the files that stdout and stderr of hooks go to
OUTPUT_FILES = ("run.oci.hooks.stdout", "run.oci.hooks.stderr")
OUTPUT_MODE = 0o600
BY_THE_CONTAINER = ("createContainer", "startContainer")
OUTPUT_LIMIT_BYTES = 2048
_PIPE_BYTES = 65536  # what a pipe holds (pipe(7)), so one read of that size empties it
_FIRST_PRIVATE_FD = 3
_LAST_FD = 0xFFFFFFFF


class Hook(NamedTuple):
    """One hook as config.json has it; ``args`` are never empty, ``timeout_s`` is None for as long as it takes.

    ``env`` is None for the runtime's own, ``files`` are those of stdout and stderr, None for the pipe.
    """

    path: str
    args: tuple[str, ...]
    env: tuple[str, ...] | None
    timeout_s: float | None
    files: tuple[str | None, ...] = (None, None)


class _Ending(NamedTuple):
    """How a hook's process ended: wait status as os.waitid reports it, and the tail of its output."""

    code: int
    value: int
    output: bytes
    timed_out: bool
    exec_errno: int | None


def plan_hooks(config: Mapping[str, Any]) -> dict[str, tuple[Hook, ...]]:
    """The hooks of a checked config.json by kind; every kind is there.  SpecFault: a text that execve(2) can't take."""
    hooks = config.get("hooks") or {}
    annotations = config.get("annotations") or {}
    files = tuple(annotations.get(name) for name in OUTPUT_FILES)
    return {
        kind: tuple(
            _plan_hook(hook, f"/hooks/{kind}/{index}", None if kind in BY_THE_CONTAINER else files)
            for index, hook in enumerate(hooks.get(kind) or ())
        )
        for kind in KINDS
    }


def _plan_hook(hook: Mapping[str, Any], pointer: str, files: tuple[str | None, ...] | None) -> Hook:
    """With ``files`` for one that the parent runs, None for one of the container's process."""
    path: str = hook["path"]
    args = tuple(hook.get("args") or (path,))
    env = None if files and "env" not in hook else tuple(hook.get("env") or ())
    for text, member in ((path, "path"), *((text, "args") for text in args), *((text, "env") for text in env or ())):
        if "\0" in text or not _is_encodable(text):
            raise SpecFault(f"{pointer}/{member}", "a NUL or half of a surrogate pair can't be passed to a program")
    return Hook(path, args, env, hook.get("timeout"), files or (None, None))


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def run_hooks(hooks: Sequence[Hook], kind: str, state_json: bytes) -> None:
    """Run the hooks of one kind in their order; the first failure stops, as HookFault."""
    for index, hook in enumerate(hooks):
        run_hook(hook, state_json, pointer=f"/hooks/{kind}/{index}")


def run_poststop(hooks: Sequence[Hook], state_json: bytes) -> list[HookFault]:
    """Run every poststop hook, whatever the others did; the faults are for warnings."""
    faults = []
    for index, hook in enumerate(hooks):
        try:
            run_hook(hook, state_json, pointer=f"/hooks/poststop/{index}")
        except HookFault as fault:
            faults.append(fault)
    return faults


def run_hook(hook: Hook, state_json: bytes, *, pointer: str) -> None:
    """Run one hook to its end.  HookFault: it failed, could not be executed, or outlived its timeout and was killed."""
    try:
        ending = _run(hook, state_json)
    except OSError as error:
        raise HookFault(pointer, hook.path, f"could not be started: {error.strerror or error}") from error
    outcome = _outcome(hook, ending)
    if outcome:
        raise HookFault(pointer, hook.path, outcome, ending.output.decode("utf-8", "replace").strip())


def _outcome(hook: Hook, ending: _Ending) -> str | None:
    if ending.exec_errno is not None:
        return f"could not be executed: {os.strerror(ending.exec_errno)}"
    if ending.timed_out:
        return f"was killed: it had not ended after its timeout of {hook.timeout_s} s"
    if ending.code != os.CLD_EXITED:
        return f"was killed by signal {ending.value}"
    return f"exited with status {ending.value}" if ending.value else None


def _run(hook: Hook, state_json: bytes) -> _Ending:
    argv = [text.encode() for text in hook.args]
    if hook.env is None:
        env = [b"%s=%s" % pair for pair in os.environb.items()]
    else:
        env = [text.encode() for text in hook.env]
    if _signal.getsignal(_signal.SIGCHLD) == _signal.SIG_IGN:  # left so by our caller: the status would be lost
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    fds = _Fds()
    try:
        state = fds.own(_state_file(state_json))
        output, output_end = fds.own_both(os.pipe2(os.O_CLOEXEC))
        failure, failure_end = fds.own_both(os.pipe2(os.O_CLOEXEC))
        printed = (fds.own(_open_end(file)) if file else output_end for file in hook.files)
        given = (state, *printed, failure_end)
        pid = os.fork()
        if pid == 0:
            _execute(hook.path.encode(), argv, env, given)
        pidfd = -1
        try:
            pidfd = fds.own(pidfd_open(pid))
            fds.close(output_end)
            fds.close(failure_end)
            tail, timed_out = _collect(pidfd, output, hook.timeout_s)
        finally:
            # however this goes on, no hook may outlive its turn; one that has ended ignores the signal
            code, value = _end(pid, pidfd)
        return _Ending(code, value, tail, timed_out, _exec_errno(failure))
    finally:
        fds.close_all()


class _Fds:
    """The descriptors of one run, so that each is closed once."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def own(self, fd: int) -> int:
        self._open.add(fd)
        return fd

    def own_both(self, pair: tuple[int, int]) -> tuple[int, int]:
        self._open.update(pair)
        return pair

    def close(self, fd: int) -> None:
        self._open.discard(fd)
        os.close(fd)

    def close_all(self) -> None:
        for fd in tuple(self._open):
            self.close(fd)


def _open_end(path: str) -> int:
    """At the end of the file, which is made where there is none."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY, OUTPUT_MODE)


def _state_file(state_json: bytes) -> int:
    """A memfd, because a hook that doesn't read could block the writer of a pipe."""
    try:
        fd = memfd_create("state", MFD_CLOEXEC | MFD_NOEXEC_SEAL)
    except OSError as error:
        if error.errno != errno.EINVAL:  # before Linux 6.3 the flag is unknown
            raise
        fd = memfd_create("state", MFD_CLOEXEC)
    os.write(fd, state_json)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _collect(pidfd: int, output: int, timeout_s: float | None) -> tuple[bytes, bool]:
    """Read the output until the process ends, not until the pipe does: what it left in the background may hold that."""
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    poller.register(output, select.POLLIN)
    os.set_blocking(output, False)
    tail = b""
    while True:
        left_ms = None if deadline is None else max(0.0, (deadline - time.monotonic()) * 1000)
        ready = [fd for fd, _ in poller.poll(left_ms)]
        if output in ready or pidfd in ready:
            chunk = _read_now(output)
            tail = (tail + chunk)[-OUTPUT_LIMIT_BYTES:]
            if not chunk and pidfd not in ready:
                poller.unregister(output)
        if pidfd in ready:
            return tail, False
        if deadline is not None and time.monotonic() >= deadline:
            return tail, True


def _read_now(fd: int) -> bytes:
    try:
        return os.read(fd, _PIPE_BYTES)
    except BlockingIOError:
        return b""


def _end(pid: int, pidfd: int) -> tuple[int, int]:
    """Kill the process unless it has ended, and reap it."""
    if pidfd >= 0:
        pidfd_send_signal(pidfd, _signal.SIGKILL)
    else:
        os.kill(pid, _signal.SIGKILL)  # our child, not yet reaped: the pid can't be another's
    result = os.waitid(os.P_PID, pid, os.WEXITED)
    if result is None:
        raise ChildProcessError(errno.ECHILD, "waitid: no status")
    return result.si_code, result.si_status


def _exec_errno(failure: int) -> int | None:
    told = os.read(failure, 4)
    return int.from_bytes(told, "little") if told else None


def _execute(path: bytes, argv: list[bytes], env: list[bytes], fds: tuple[int, ...]) -> NoReturn:
    """The forked child: ``fds`` are the state, what to print to, and the end of the failure pipe to write to."""
    failure = fds[3]
    try:
        # copies above 2, because any of them is 0, 1 or 2 where those were closed
        state, output, errors, failure = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_PRIVATE_FD) for fd in fds)
        os.dup2(state, 0)
        os.dup2(output, 1)
        os.dup2(errors, 2)
        close_range(_FIRST_PRIVATE_FD, _LAST_FD, CLOSE_RANGE_CLOEXEC)
        reset_signals()
        execveat(AT_FDCWD, path, argv, env, 0)
    except OSError as error:
        os.write(failure, (error.errno or 0).to_bytes(4, "little"))
    finally:
        os._exit(127)
