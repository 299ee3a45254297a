"""What criu(8) is told, to write a container's processes into a directory and to bring them back.  Pure.

    outside the container's mounts      what criu needs to know of it
    the source of a bind                --external mnt[DESTINATION], by which restore finds it again
    what covers a masked file           the same, with /dev/null
    stdin, stdout, stderr               pipes and files of the caller: descriptors.json keeps what they were, and
                                        restore puts its own in their place (--inherit-fd)
    a joined network namespace          --external net[INODE]; restore gives the one of its own config.json

Before it lets restored processes go, criu asks a shell script: that tells us their first one's pid and waits for our
word, since the mounts lack attributes then that criu has not kept (see restoring.py).  Where hooks are to be run once
the namespaces are there, it does so at that stage too.

Source: criu(8); runc-checkpoint(8), runc-restore(8) for the options that callers give.
"""

from __future__ import annotations

from runtime.errors import UsageFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import NamedTuple

    from runtime.sandbox.mounts import MountStep
else:
    from runtime.values import NamedTuple

DESCRIPTORS = "descriptors.json"
DUMP_LOG, RESTORE_LOG = "dump.log", "restore.log"
NETWORK = "runf-network"
SCRIPT_NAME = "restore.sh"
# FIFOs in the container's directory: what the script tells, and what it waits for
TOLD, GATE = "restored", "resume"
GO = "go"
# what criu calls its stages: the first process is in its namespaces, and is all that there is; everything is back
NAMESPACES_MADE, RESTORED = "setup-namespaces", "post-restore"
CGROUP_MODES = ("soft", "full", "strict", "ignore")
# by the name of our option: criu's own word for it
FLAGS = {
    "tcp-established": "--tcp-established",
    "tcp-skip-in-flight": "--skip-in-flight",
    "tcp-close": "--tcp-close",
    "link-remap": "--link-remap",
    "ext-unix-sk": "--ext-unix-sk",
    "shell-job": "--shell-job",
    "file-locks": "--file-locks",
    "auto-dedup": "--auto-dedup",
    "lazy-pages": "--lazy-pages",
}
EMPTY_NAMESPACES = {"network": "net"}
_LOG_LEVEL = "-v4"


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


def check_options(options: CriuOptions) -> None:
    """UsageFault for what criu would refuse in other words, or not understand."""
    for name in options.empty_namespaces:
        if name not in EMPTY_NAMESPACES:
            raise UsageFault(f"--empty-ns {name}: criu can leave only the network namespace empty", hint="name network")
    if options.manage_cgroups not in CGROUP_MODES:
        raise UsageFault(
            f"--manage-cgroups-mode {options.manage_cgroups}: there is no such mode", hint=", ".join(CGROUP_MODES)
        )
    address, colon, port = options.page_server.rpartition(":")
    if options.page_server and not (colon and address and port.isascii() and port.isdigit()):
        raise UsageFault(f"--page-server {options.page_server} is no ADDRESS:PORT", hint="write it as in 10.0.0.2:27")
    if options.pre_dump and "lazy-pages" in options.flags:
        raise UsageFault("--pre-dump and --lazy-pages exclude each other", hint="leave one out")


def external_mounts(steps: Iterable[MountStep], masked_files: Iterable[str]) -> dict[str, str]:
    """What lies on the host, by where the container has it."""
    found = {step.destination: step.source for step in steps if step.kind == "bind"}
    return {**found, **dict.fromkeys(masked_files, "/dev/null")}


def dump_words(
    options: CriuOptions, pid: int, externals: Iterable[str], *, freezer: str | None, network_inode: int | None
) -> list[str]:
    """The words after ``criu`` that write the processes of ``pid`` and below; ``externals`` are mounts, or stdio."""
    words = ["pre-dump" if options.pre_dump else "dump", "--tree", str(pid), *_common(options, DUMP_LOG)]
    if freezer:
        words += ["--freeze-cgroup", freezer]
    for external in externals:
        words += ["--external", external]
    if network_inode is not None:
        words += ["--external", f"net[{network_inode}]:{NETWORK}"]
    if options.parent:
        words += ["--prev-images-dir", options.parent]
    if options.parent or options.pre_dump:
        words.append("--track-mem")
    if options.leave_running and not options.pre_dump:
        words.append("--leave-running")
    if options.page_server:
        address, _, port = options.page_server.rpartition(":")
        # with lazy pages criu is the server itself, and waits there for its daemon
        words += [] if "lazy-pages" in options.flags else ["--page-server"]
        words += ["--address", address, "--port", port]
    return words


def mounts_of_dump(externals: Iterable[str]) -> list[str]:
    """For --external at dump: a mount is called by its place."""
    return [f"mnt[{destination}]:{destination}" for destination in externals]


def restore_words(
    options: CriuOptions,
    *,
    root: str,
    externals: Mapping[str, str],
    cgroup_roots: Sequence[str],
    inherited: Mapping[int, str],
    script: str,
) -> list[str]:
    """The words that bring the processes back, as children of whoever executes criu; ``inherited`` is by our fd."""
    words = ["restore", "--restore-detached", "--restore-sibling", "--root", root]
    words += ["--action-script", script]
    words += _common(options, RESTORE_LOG)
    for destination, source in externals.items():
        words += ["--external", f"mnt[{destination}]:{source}"]
    for place in cgroup_roots:
        words += ["--cgroup-root", place]
    for fd, what in inherited.items():
        words += ["--inherit-fd", f"fd[{fd}]:{what}"]
    if options.lsm_profile:
        words += ["--lsm-profile", options.lsm_profile]
    if options.lsm_mount_context:
        words += ["--lsm-mount-context", options.lsm_mount_context]
    return words


def script_text(directory: str, *, has_hooks: bool) -> str:
    """What criu executes at each of its stages; ``directory`` is the container's, with the FIFOs."""
    told, gate = (_quoted(f"{directory}/{name}") for name in (TOLD, GATE))
    stages = f"{NAMESPACES_MADE}|{RESTORED}" if has_hooks else RESTORED
    return f"""#!/bin/sh
case $CRTOOLS_SCRIPT_ACTION in {stages}) ;; *) exit 0 ;; esac
echo "$CRTOOLS_SCRIPT_ACTION $CRTOOLS_INIT_PID" >{told} && read -r word <{gate} && [ "$word" = {GO} ]
"""


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "'\\''") + "'"


def _common(options: CriuOptions, log: str) -> list[str]:
    words = ["--images-dir", options.images, "--work-dir", options.work, "--log-file", log, _LOG_LEVEL]
    words.append(f"--manage-cgroups={options.manage_cgroups}")
    words += [FLAGS[name] for name in options.flags]
    for name in options.empty_namespaces:
        words += ["--empty-ns", EMPTY_NAMESPACES[name]]
    if options.network_lock:
        words += ["--network-lock", options.network_lock]
    if options.status_fd is not None:
        words += ["--status-fd", str(options.status_fd)]
    return words


def last_error(log: str) -> str:
    """The line of criu's log that says why: the first error, since those after it follow from it."""
    lines = [line.strip() for line in log.split("\n") if line.strip()]
    errors = [line.partition("Error ")[2] for line in lines if "Error " in line]
    told = errors[0] if errors else lines[-1] if lines else "it wrote no log"
    return told.partition("): ")[2] or told


def cgroup_roots(cgroup: Mapping[str, object] | None, mount_points: Mapping[str, str]) -> list[str]:
    """Where criu puts the cgroups again: the container's own, as paths of their hierarchy."""
    if not cgroup:
        return []
    paths: Mapping[str, str] = cgroup["paths"]  # type: ignore[assignment]
    roots = {name: path.removeprefix(mount_points.get(name, "")) or "/" for name, path in paths.items()}
    return [path if name == "unified" else f"{name}:{path}" for name, path in roots.items()]
