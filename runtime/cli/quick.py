"""``state`` and ``list`` as monitors call them, answered before anything else of the runtime is loaded.

    runf [--root PATH] [--log FILE] [--log-format text|json] [--systemd-cgroup] state ID
    runf [the same] list [--quiet]

Most of such a command's time is the interpreter's start, and nearly all of the rest is what the runtime takes to load.
So the launcher asks here first (``runtime/begin.py``).  Whatever is unusual, a mistake, an error, a container that has
to be judged or put right, is left to ``cli/entry.py`` as if nobody had asked; tests hold the two equal.
"""

from __future__ import annotations

import posix
import sys

from runtime.glance import PROC, glance, is_done, matcher, open_in, places, status_of
from schemas.generated.state_text import CODE, GROUPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.glance import Matcher

INTERRUPTED = 130
FAILED = 1
STDOUT, STDERR = 1, 2
SYSTEM_ROOT = "/run/opencontainer/containers"
USER_ROOT = "opencontainer/containers"
INITIAL_USER_NAMESPACE = 0xEFFFFFFD  # PROC_USER_INIT_INO in linux/proc_ns.h
S_IFMT, S_IFREG = 0o170000, 0o100000
RECORD_LIMIT_BYTES = 1 << 20
LOG_MODE = 0o644
QUIET = ("--quiet", "-q")
HEAD = ("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER")
PADDING = 3
END = "\n}\n"
BOOT_ID_BYTES = 36
_DIRECTORY = posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC


def answer(words: Sequence[str]) -> None:
    """End the process with the answer to the command line ``words``; return where that takes more than a glance."""
    try:
        text = None if sys.stdout is None else text_for(words)
        if text is not None:
            posix._exit(_print(text.encode("ascii")))
    except KeyboardInterrupt:
        posix._exit(INTERRUPTED)
    except Exception:  # whatever it is, the usual way answers, or tells it
        return


def text_for(words: Sequence[str]) -> str | None:
    """What the command prints; None where that takes more than a glance.  OSError, LookupError: so it does."""
    named, log, place = read_globals(words)
    command, *arguments = words[place:]
    if command == "list":
        is_simple = not arguments or (len(arguments) == 1 and arguments[0] in QUIET)
    else:
        is_simple = command == "state" and len(arguments) == 1 and arguments[0][:1] not in "-."
    path = (named or _default_root()) if is_simple else None
    if path is None or path[:1] != "/" or "/.." in path:  # which os.path.abspath takes for another
        return None
    match = matcher(CODE, GROUPS)
    if match is None:
        return None
    if log:
        posix.close(posix.open(log, posix.O_WRONLY | posix.O_CREAT | posix.O_APPEND | posix.O_CLOEXEC, LOG_MODE))
    root = _open_root(path)
    if command == "list":
        return _list(root, match, is_quiet=bool(arguments))
    return _state(root, match, arguments[0])


def _state(root: int, match: Matcher, container_id: str) -> str | None:
    """The record as it stands, and that this is so."""
    data = _record(root, posix.fstat(root).st_uid, container_id)
    found = glance(match, places(GROUPS), data)
    if found is None:
        return None
    name, _, recorded, *_ = found
    # another status is an end that nobody has written down yet
    if name != container_id or status_of(found, _here(), root) != recorded or not is_done(found):
        return None
    return f'{str(data, "ascii")[: -len(END)]},\n  "verified": true{END}'


def _list(root: int, match: Matcher, *, is_quiet: bool) -> str | None:
    """All containers, by id."""
    owner, here, wanted = posix.fstat(root).st_uid, _here(), places(GROUPS)
    rows: list[Sequence[str]] = [HEAD]
    for name in sorted(posix.listdir(root)):
        if name[0] == ".":
            continue
        try:
            data = _record(root, owner, name)
        except FileNotFoundError:
            if _is_there(root, name):
                return None
            continue  # deleted since it was listed
        found = glance(match, wanted, data)
        status = status_of(found, here, root) if found else None
        if found is None or status is None or name != found[0]:
            return None
        _, pid, recorded, *others = found[: len(HEAD)]
        rows.append((name, pid if status == recorded else "0", status, *others))
    return "".join([f"{row[0]}\n" for row in rows[1:]]) if is_quiet else table(rows)


def read_globals(words: Sequence[str]) -> tuple[str, str, int]:
    """--root, --log and the command's place.  LookupError: something else stands before that."""
    values = {"--root": "", "--log": "", "--log-format": "text"}
    place = 0
    while words[place][:1] == "-":
        name, is_given, value = words[place].partition("=")
        place += 1
        if name == "--systemd-cgroup" and not is_given:
            continue
        if not is_given:
            value = words[place]
            place += 1
        if name not in values:
            raise LookupError(name)
        values[name] = value
    if values["--log-format"] not in ("text", "json"):
        raise LookupError("--log-format")
    return values["--root"], values["--log"], place


def table(rows: Sequence[Sequence[str]]) -> str:
    """The rows as lines, a column as wide as its widest cell and some space."""
    widths = [max(map(len, column)) + PADDING for column in zip(*rows, strict=True)]
    return "".join(["".join(map(str.ljust, row, widths)).rstrip() + "\n" for row in rows])


def _default_root() -> str | None:
    """runtime.store.layout.default_root, for whoever is in the first user namespace."""
    named = posix.environ.get(b"RUNF_ROOT")
    if named:
        return named.decode("utf-8", "surrogateescape")
    if posix.stat("/proc/self/ns/user").st_ino != INITIAL_USER_NAMESPACE:
        return None
    uid = posix.geteuid()
    if not uid:
        return SYSTEM_ROOT
    base = posix.environ.get(b"XDG_RUNTIME_DIR", b"").decode("utf-8", "surrogateescape") or f"/run/user/{uid}"
    return f"{base.removesuffix('/')}/{USER_ROOT}"


def _open_root(path: str) -> int:
    """The root's fd; OSError unless it has all that a root has."""
    root = posix.open(path, _DIRECTORY)
    for name in (".staging", ".deleted"):
        posix.close(posix.open(name, _DIRECTORY | posix.O_NOFOLLOW, dir_fd=root))
    return root


def _here() -> tuple[str, str, int | None, int | None]:
    """This process as runtime.actions.evidence.Observer."""
    fd = posix.open("/proc/sys/kernel/random/boot_id", posix.O_RDONLY | posix.O_CLOEXEC)
    boot = str(posix.read(fd, BOOT_ID_BYTES), "ascii")
    posix.close(fd)
    return PROC, boot, posix.stat("/proc/self/ns/pid").st_ino, posix.stat("/proc/self/ns/time").st_ino


def _record(root: int, owner: int, name: str) -> bytes:
    """The container's record, if it is a file of the root's owner; else nothing, which is no record."""
    fd = open_in(root, name, "state.json", posix.O_RDONLY | posix.O_NONBLOCK)
    try:
        found = posix.fstat(fd)
        if found.st_mode & S_IFMT != S_IFREG or found.st_uid != owner or found.st_size > RECORD_LIMIT_BYTES:
            return b""
        return posix.read(fd, found.st_size + 1)
    finally:
        posix.close(fd)


def _is_there(root: int, name: str) -> bool:
    try:
        posix.stat(name, dir_fd=root, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _print(data: bytes) -> int:
    """Write all of it; the exit status.  OSError: nothing was written, and the usual way will say why."""
    written = posix.write(STDOUT, data)
    while written < len(data):
        try:
            written += posix.write(STDOUT, data[written:])
        except BrokenPipeError:
            return FAILED
        except OSError as error:
            posix.write(STDERR, f"runf: the answer can't be printed: {error.strerror}\n".encode())
            return FAILED
    return 0
