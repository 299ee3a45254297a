"""What criu(8) is asked, to write a container's processes into a directory and to bring them back.  Pure.

criu is started as ``criu swrk FD``: a service for the one who holds the other end of a socket, see service.py.  What
it is asked, and what it answers, are messages of Protocol Buffers:

    outside the container's mounts      what criu needs to know of it
    the source of a bind                external: mnt[DESTINATION], by which restore finds it again
    what covers a masked file           the same, with /dev/null
    stdin, stdout, stderr               pipes and files of the caller: descriptors.json keeps what they were, and
                                        restore puts its own in their place (inherit_fd)
    a joined network namespace          external: net[INODE]; restore gives the one of its own config.json
    the other end of a terminal         criu leaves it out (orphan_pts_master); restore hands over a new one

Source: criu.org/RPC and images/rpc.proto of criu 3.17; runc-checkpoint(8), runc-restore(8) for the options that
callers give.
"""

from __future__ import annotations

from runtime.errors import UsageFault
from runtime.kernel.process import CLONE_NEWNET
from runtime.sandbox import protobuf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import NamedTuple

    from runtime.sandbox.mounts import MountStep
    from runtime.sandbox.protobuf import Value

    Fields = list[tuple[int, Value]]
else:
    from runtime.values import NamedTuple

DESCRIPTORS = "descriptors.json"
DUMP_LOG, RESTORE_LOG = "dump.log", "restore.log"
NETWORK = "runf-network"

# criu_req_type
DUMP, RESTORE, PRE_DUMP, NOTIFY, VERSION = 1, 2, 4, 6, 10
# criu_req
REQ_TYPE, REQ_OPTS, REQ_NOTIFY_SUCCESS = 1, 2, 3
# criu_resp, and what is in it: criu_notify, criu_version
RESP_TYPE, RESP_SUCCESS, RESP_NOTIFY, RESP_ERRNO, RESP_ERRMSG, RESP_VERSION = 1, 2, 5, 7, 9, 10
NOTIFY_SCRIPT, NOTIFY_PID = 1, 2
VERSION_MAJOR, VERSION_MINOR = 1, 2
# criu_opts
IMAGES_DIR_FD, PID, LEAVE_RUNNING, LOG_LEVEL, LOG_FILE, PAGE_SERVER, NOTIFY_SCRIPTS = 1, 2, 3, 9, 10, 11, 12
ROOT, PARENT_IMG, TRACK_MEM, WORK_DIR_FD, CG_ROOT, RST_SIBLING, INHERIT_FD = 13, 14, 15, 17, 25, 26, 27
MANAGE_CGROUPS_MODE, EXTERNAL, EMPTY_NS, FREEZE_CGROUP, ORPHAN_PTS_MASTER = 34, 37, 38, 44, 50
LSM_PROFILE, LSM_MOUNT_CONTEXT, NETWORK_LOCK = 53, 63, 64
# criu_page_server_info; cgroup_root; inherit_fd
PS_ADDRESS, PS_PORT = 1, 2
CG_CTRL, CG_PATH = 1, 2
INHERIT_KEY, INHERIT_FD_NUMBER = 1, 2

# what criu calls its stages: the first process is in its namespaces, and is all that there is; a terminal is there, and
# its master comes along; everything is back, and nothing of it runs; lazy pages can be asked for
NAMESPACES_MADE, TERMINAL, RESTORED, READY = "setup-namespaces", "orphan-pts-master", "post-restore", "status-ready"

CGROUP_MODES = {"soft": 3, "full": 4, "strict": 5, "ignore": 0}
NETWORK_LOCKS = {"iptables": 1, "nftables": 2, "skip": 3}
# by the name of our option: its field in criu_opts
FLAGS = {
    "tcp-established": 5,
    "tcp-skip-in-flight": 46,
    "tcp-close": 52,
    "link-remap": 18,
    "ext-unix-sk": 4,
    "shell-job": 7,
    "file-locks": 8,
    "auto-dedup": 16,
    "lazy-pages": 48,
}
EMPTY_NAMESPACES = {"network": CLONE_NEWNET}
_MUCH = 4  # of what criu logs: why something failed stands beside what it looked at before


class CriuOptions(NamedTuple):
    """``images`` and ``work`` are absolute paths, ``parent`` is relative to ``images``; ``flags`` are keys of FLAGS.

    ``program`` is executed in criu's place, where it is given: a path, or a name that PATH knows.
    """

    images: str
    work: str
    flags: tuple[str, ...] = ()
    parent: str = ""
    pre_dump: bool = False
    leave_running: bool = False
    manage_cgroups: str = "soft"
    empty_namespaces: tuple[str, ...] = ()
    network_lock: str = ""
    page_server: str = ""
    status_fd: int | None = None
    lsm_profile: str = ""
    lsm_mount_context: str = ""
    program: str = ""


class Directories(NamedTuple):
    """Open directories, fds of the process that made criu's socket, among whose criu looks for them."""

    images_fd: int
    work_fd: int


class Answer(NamedTuple):
    """``stage`` and ``pid`` are those of a NOTIFY, ``version`` the major and the minor number where they were asked."""

    kind: int
    is_success: bool
    stage: str = ""
    pid: int | None = None
    error: str = ""
    version: tuple[int, int] | None = None


def check_options(options: CriuOptions) -> None:
    """UsageFault for what criu would refuse in other words, or not understand."""
    for name in options.empty_namespaces:
        if name not in EMPTY_NAMESPACES:
            raise UsageFault(f"--empty-ns {name}: criu can leave only the network namespace empty", hint="name network")
    if options.manage_cgroups not in CGROUP_MODES:
        raise UsageFault(
            f"--manage-cgroups-mode {options.manage_cgroups}: there is no such mode", hint=", ".join(CGROUP_MODES)
        )
    if options.network_lock and options.network_lock not in NETWORK_LOCKS:
        raise UsageFault(
            f"--network-lock {options.network_lock}: there is no such method", hint=", ".join(NETWORK_LOCKS)
        )
    address, colon, port = options.page_server.rpartition(":")
    if options.page_server and not (colon and address and port.isascii() and port.isdigit()):
        raise UsageFault(f"--page-server {options.page_server} is no ADDRESS:PORT", hint="write it as in 10.0.0.2:27")
    if options.pre_dump and "lazy-pages" in options.flags:
        raise UsageFault("--pre-dump and --lazy-pages exclude each other", hint="leave one out")


def words(options: CriuOptions, fd: int) -> list[str]:
    """How criu is started, to serve whoever holds the other end of the socket ``fd``."""
    # where it hands memory out itself, criu takes the port from its request, and the address from here only
    address = options.page_server.rpartition(":")[0] if "lazy-pages" in options.flags else ""
    return ["criu", *(("--address", address) if address else ()), "swrk", str(fd)]


def external_mounts(steps: Iterable[MountStep], masked_files: Iterable[str]) -> dict[str, str]:
    """What lies on the host, by where the container has it."""
    found = {step.destination: step.source for step in steps if step.kind == "bind"}
    return {**found, **dict.fromkeys(masked_files, "/dev/null")}


def mounts_of_dump(externals: Iterable[str]) -> list[str]:
    """For a dump: a mount is called by its place."""
    return [f"mnt[{destination}]:{destination}" for destination in externals]


def dump_request(
    options: CriuOptions,
    directories: Directories,
    pid: int,
    externals: Iterable[str],
    *,
    freezer: str | None,
    network_inode: int | None,
    has_terminal: bool,
) -> bytes:
    """Write the processes of ``pid`` and below; ``externals`` are mounts, or stdio."""
    fields = _common(options, directories, DUMP_LOG, has_terminal=has_terminal)
    fields.append((PID, pid))
    if freezer:
        fields.append((FREEZE_CGROUP, freezer))
    fields += [(EXTERNAL, external) for external in externals]
    if network_inode is not None:
        fields.append((EXTERNAL, f"net[{network_inode}]:{NETWORK}"))
    if options.parent:
        fields.append((PARENT_IMG, options.parent))
    if options.parent or options.pre_dump:
        fields.append((TRACK_MEM, True))
    if options.leave_running and not options.pre_dump:
        fields.append((LEAVE_RUNNING, True))
    if options.page_server:
        address, _, port = options.page_server.rpartition(":")
        fields.append((PAGE_SERVER, protobuf.encode([(PS_ADDRESS, address), (PS_PORT, int(port))])))
    return _request(PRE_DUMP if options.pre_dump else DUMP, fields)


def restore_request(
    options: CriuOptions,
    directories: Directories,
    *,
    root: str,
    externals: Mapping[str, str],
    cgroup_roots: Sequence[tuple[str, str]],
    inherited: Mapping[int, str],
    has_terminal: bool,
) -> bytes:
    """Bring the processes back, as children of whoever executes criu; ``inherited`` is by criu's fd."""
    fields = _common(options, directories, RESTORE_LOG, has_terminal=has_terminal)
    fields += [(RST_SIBLING, True), (ROOT, root)]
    fields += [(EXTERNAL, f"mnt[{destination}]:{source}") for destination, source in externals.items()]
    for controller, path in cgroup_roots:
        of_one: Fields = [(CG_CTRL, controller)] if controller else []
        fields.append((CG_ROOT, protobuf.encode([*of_one, (CG_PATH, path)])))
    for fd, what in inherited.items():
        fields.append((INHERIT_FD, protobuf.encode([(INHERIT_KEY, what), (INHERIT_FD_NUMBER, fd)])))
    if options.lsm_profile:
        fields.append((LSM_PROFILE, options.lsm_profile))
    if options.lsm_mount_context:
        fields.append((LSM_MOUNT_CONTEXT, options.lsm_mount_context))
    return _request(RESTORE, fields)


def version_request() -> bytes:
    """Which criu it is."""
    return protobuf.encode([(REQ_TYPE, VERSION)])


def consent() -> bytes:
    """The word that criu waits for after each NOTIFY."""
    return protobuf.encode([(REQ_TYPE, NOTIFY), (REQ_NOTIFY_SUCCESS, True)])


def read_answer(message: bytes) -> Answer:
    """What criu says.  BadMessage."""
    fields = protobuf.decode(message)
    kind, is_success = (protobuf.integer(fields, number) for number in (RESP_TYPE, RESP_SUCCESS))
    if kind is None or is_success is None:
        raise protobuf.BadMessage("an answer without a type, or without success")
    notify = protobuf.decode(protobuf.content(fields, RESP_NOTIFY) or b"")
    version = protobuf.decode(protobuf.content(fields, RESP_VERSION) or b"")
    major, minor = (protobuf.integer(version, number) for number in (VERSION_MAJOR, VERSION_MINOR))
    return Answer(
        kind,
        bool(is_success),
        stage=protobuf.text(notify, NOTIFY_SCRIPT),
        pid=protobuf.integer(notify, NOTIFY_PID),
        error=protobuf.text(fields, RESP_ERRMSG),
        version=None if major is None or minor is None else (major, minor),
    )


def _request(kind: int, fields: Fields) -> bytes:
    return protobuf.encode([(REQ_TYPE, kind), (REQ_OPTS, protobuf.encode(fields))])


def _common(options: CriuOptions, directories: Directories, log: str, *, has_terminal: bool) -> Fields:
    fields: Fields = [(IMAGES_DIR_FD, directories.images_fd), (WORK_DIR_FD, directories.work_fd)]
    fields += [(LOG_LEVEL, _MUCH), (LOG_FILE, log), (NOTIFY_SCRIPTS, True)]
    fields.append((MANAGE_CGROUPS_MODE, CGROUP_MODES[options.manage_cgroups]))
    fields += [(FLAGS[name], True) for name in options.flags]
    if options.empty_namespaces:
        fields.append((EMPTY_NS, sum({EMPTY_NAMESPACES[name] for name in options.empty_namespaces})))
    if options.network_lock:
        fields.append((NETWORK_LOCK, NETWORK_LOCKS[options.network_lock]))
    if has_terminal:
        fields.append((ORPHAN_PTS_MASTER, True))
    return fields


def last_error(log: str) -> str:
    """The line of criu's log that says why: the first error, since those after it follow from it."""
    lines = [line.strip() for line in log.split("\n") if line.strip()]
    errors = [line.partition("Error ")[2] for line in lines if "Error " in line]
    told = errors[0] if errors else lines[-1] if lines else "it wrote no log"
    return told.partition("): ")[2] or told


def cgroup_roots(cgroup: Mapping[str, object] | None, mount_points: Mapping[str, str]) -> list[tuple[str, str]]:
    """Where criu puts the cgroups again: a controller, none on v2, and a path of its hierarchy, the container's own."""
    if not cgroup:
        return []
    paths: Mapping[str, str] = cgroup["paths"]  # type: ignore[assignment]
    roots = {name: path.removeprefix(mount_points.get(name, "")) or "/" for name, path in paths.items()}
    return [("" if name == "unified" else name, path) for name, path in roots.items()]
