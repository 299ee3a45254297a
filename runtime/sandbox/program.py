"""The container's program: where it starts, what it gets, which file it is.

The file is looked up as the container's user, in the container's root, at create: so a missing one fails there.
Callers read the texts: podman exits 127 for "executable file not found in" and "no such file or directory", 126 for
"permission denied".  Source: runtime-spec: config.md#process.
"""

from __future__ import annotations

import errno
import os

from runtime.errors import InitFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, NamedTuple
else:
    from runtime.values import NamedTuple

STEP = "program"
CONFIG_PLACE = "config.json#/process"
FALLBACK_PATH = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PASSWD = "/etc/passwd"
PASSWD_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
PASSWD_LIMIT_BYTES = 1 << 20


class ProgramPlan(NamedTuple):
    """Arguments and environment as execve(2) takes them; ``console_size`` is (height, width).

    ``place`` is where all of it is written, for messages.
    """

    args: tuple[bytes, ...]
    env: tuple[bytes, ...]
    cwd: str
    has_terminal: bool
    console_size: tuple[int, int] | None
    no_new_privs: bool
    place: str
    listen_fds: int = 0


def plan_program(config: Mapping[str, Any], *, place: str = CONFIG_PLACE, listen_fds: int = 0) -> ProgramPlan:
    """What ``process``, which was found at ``place``, asks to be executed, with so many sockets of its caller."""
    process = config["process"]
    size = process.get("consoleSize")
    return ProgramPlan(
        args=tuple(map(_encode, process["args"])),
        env=tuple(map(_encode, process.get("env", ()))),
        cwd=process["cwd"],
        has_terminal=process.get("terminal", False),
        console_size=(size["height"], size["width"]) if size else None,
        no_new_privs=process.get("noNewPrivileges", False),
        place=place,
        listen_fds=listen_fds,
    )


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def change_directory(plan: ProgramPlan) -> bool:
    """Enter the working directory; False where that isn't permitted yet, or no longer.  InitFault otherwise."""
    try:
        os.chdir(plan.cwd)
    except PermissionError:
        return False
    except OSError as error:
        raise InitFault("cwd", error.errno, f"{plan.place}/cwd: {plan.cwd}: {error.strerror}") from error
    return True


def check_directory(plan: ProgramPlan) -> None:
    """Refuse a working directory outside of the root, which a leaked fd would lead to (CVE-2024-21626)."""
    try:
        is_inside = os.getcwd().startswith("/")
    except FileNotFoundError:
        is_inside = False  # what getcwd(3) makes of the kernel's "(unreachable)"
    if not is_inside:
        raise InitFault("cwd", errno.EPERM, f"{plan.place}/cwd: {plan.cwd} lies outside of the root file system")


def settle(plan: ProgramPlan, uid: int, *, in_directory: bool) -> tuple[bytes, tuple[bytes, ...]]:
    """As the program's user, in its root: be in its working directory; the path and environment to execute it with.

    ``in_directory`` tells that ``change_directory`` has succeeded already, for somebody who was permitted more.
    """
    if not in_directory and not change_directory(plan):
        denied = os.strerror(errno.EACCES).lower()
        raise InitFault("cwd", errno.EACCES, f"{plan.place}/cwd: {plan.cwd}: {denied}")
    check_directory(plan)
    env = with_home(with_sockets(plan.env, plan.listen_fds), uid)
    return find_program(plan.args, env), env


def with_sockets(env: Sequence[bytes], count: int) -> tuple[bytes, ...]:
    """The environment with what sd_listen_fds(3) looks for: how many there are, and that they are meant for us.

    What config.json says wins.  To be called in the program's process, whose pid that is inside.
    """
    if not count:
        return tuple(env)
    told = (b"LISTEN_FDS=%d" % count, b"LISTEN_PID=%d" % os.getpid())
    names = {entry.partition(b"=")[0] for entry in env}
    return (*env, *(entry for entry in told if entry.partition(b"=")[0] not in names))


def with_home(
    env: Sequence[bytes], uid: int, open_passwd: Callable[[], int] = lambda: os.open(PASSWD, PASSWD_FLAGS)
) -> tuple[bytes, ...]:
    """The environment with a HOME: the user's of the image's /etc/passwd, or ``/``."""
    if any(entry.startswith(b"HOME=") for entry in env):
        return tuple(env)
    try:
        fd = open_passwd()
    except OSError:
        return (*env, b"HOME=/")
    try:
        content = os.read(fd, PASSWD_LIMIT_BYTES)
    except OSError:
        content = b""
    finally:
        os.close(fd)
    return (*env, b"HOME=" + (_home_of(uid, content) or b"/"))


def _home_of(uid: int, content: bytes) -> bytes | None:
    """Field six of the user's line in passwd(5); the file is the image's, so it may hold anything."""
    wanted = b"%d" % uid
    for line in content.splitlines():
        fields = line.split(b":")
        if len(fields) >= 6 and fields[2] == wanted:
            return fields[5] or None
    return None


def find_program(args: Sequence[bytes], env: Sequence[bytes]) -> bytes:
    """The path of the program, as execve(2) will take it.  InitFault in the words that callers look for."""
    name = args[0]
    if b"/" in name:
        reason = _obstacle(name)
        if reason is not None:
            raise InitFault(STEP, reason, f'exec: "{_shown(name)}": {_words(reason)}')
        return name
    denied = False
    for candidate in candidates(name, env):
        reason = _obstacle(candidate) if name else errno.ENOENT
        if reason is None:
            return candidate
        denied = denied or reason == errno.EACCES
    if denied:
        raise InitFault(STEP, errno.EACCES, f'exec: "{_shown(name)}": permission denied')
    raise InitFault(STEP, errno.ENOENT, f'exec: "{_shown(name)}": executable file not found in $PATH')


def candidates(name: bytes, env: Sequence[bytes]) -> tuple[bytes, ...]:
    """The paths that the program may have, in their order."""
    if b"/" in name:
        return (name,)
    return tuple((directory or b".") + b"/" + name for directory in _search_path(env).split(b":"))


def _search_path(env: Sequence[bytes]) -> bytes:
    for entry in env:
        if entry.startswith(b"PATH="):
            return entry[5:]
    return FALLBACK_PATH


def _obstacle(path: bytes) -> int | None:
    """The errno that stands between us and executing the file; None where nothing does."""
    try:
        found = os.stat(path)
    except OSError as error:
        return error.errno
    if found.st_mode & 0o170000 == 0o040000:
        return errno.EACCES
    return None if os.access(path, os.X_OK, effective_ids=True) else errno.EACCES


def _words(reason: int) -> str:
    return os.strerror(reason).lower() if reason in (errno.ENOENT, errno.EACCES) else os.strerror(reason)


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "replace")
