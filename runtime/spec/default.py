"""The configuration that ``runf spec`` writes, in three forms that can be combined.

default         what a root user starts with: all namespaces but user and time, a read-only root with a shell
rootless        the same for an ordinary user: a user namespace that maps one id, the host's network
host_userland   needs no image: the root directory may be empty, the host's /usr is bound into it read-only
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.spec.config import Config, Linux, Mount, Namespace, NamespaceType, Process

# the oldest version that it follows, since runtimes of that time refuse a newer number (crun 1.8: all but 1.0.x)
OCI_VERSION = "1.0.2"
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CAPABILITIES = ("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE")
OPEN_FILES = 1024

# what tells about the host, or lets the hardware be driven, and is not namespaced
MASKED_PATHS = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

# distributions differ in which of these are symbolic links into /usr; each becomes a bind of what it really is
USERLAND_DIRECTORIES = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# what programs of /usr look up in /etc and nobody minds being read; no accounts, no keys, no host names
USERLAND_SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs")


def default_config(
    *,
    rootless: bool,
    uid: int,
    gid: int,
    host_userland: bool,
    args: Sequence[str] = ("sh",),
    terminal: bool = True,
    root_path: str = "rootfs",
    readonly: bool = True,
) -> Config:
    """A configuration that runs ``args``; ``uid`` and ``gid`` are the user's whom a rootless container maps to root."""
    return {
        "ociVersion": OCI_VERSION,
        "root": {"path": root_path, "readonly": readonly},
        "hostname": "runf",
        "process": _process(list(args), terminal=terminal),
        "mounts": [*_kernel_mounts(rootless=rootless), *(_userland_mounts() if host_userland else ())],
        "linux": _rootless_linux(uid, gid) if rootless else _root_linux(),
    }


def _process(args: list[str], *, terminal: bool) -> Process:
    return {
        "terminal": terminal,
        "user": {"uid": 0, "gid": 0},
        "args": args,
        "env": [f"PATH={SEARCH_PATH}", "TERM=xterm"],
        "cwd": "/",
        "capabilities": {
            "bounding": list(CAPABILITIES),
            "effective": list(CAPABILITIES),
            "permitted": list(CAPABILITIES),
        },
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": OPEN_FILES, "hard": OPEN_FILES}],
        "noNewPrivileges": True,
    }


def _kernel_mounts(*, rootless: bool) -> list[Mount]:
    terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    sysfs: Mount = {
        "destination": "/sys",
        "type": "sysfs",
        "source": "sysfs",
        "options": ["nosuid", "noexec", "nodev", "ro"],
    }
    if rootless:
        # sysfs shows a network namespace and is mounted only by its owner, so the host's is shown
        sysfs = {
            "destination": "/sys",
            "type": "none",
            "source": "/sys",
            "options": ["rbind", "nosuid", "noexec", "nodev", "ro"],
        }
    else:
        terminals.append("gid=5")  # the group tty; a rootless container maps one group only
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        _tmpfs("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": terminals},
        _tmpfs("/dev/shm", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),  # noqa: S108 - in the container
        {
            "destination": "/dev/mqueue",
            "type": "mqueue",
            "source": "mqueue",
            "options": ["nosuid", "noexec", "nodev"],
        },
        sysfs,
        {
            "destination": "/sys/fs/cgroup",
            "type": "cgroup",
            "source": "cgroup",
            "options": ["nosuid", "noexec", "nodev", "relatime", "ro"],
        },
    ]


def _tmpfs(destination: str, name: str, *options: str) -> Mount:
    return {"destination": destination, "type": "tmpfs", "source": name, "options": list(options)}


def _userland_mounts() -> list[Mount]:
    """Binds of what lies on this machine, and a /tmp, since a read-only root has no place for scratch files."""
    shown = [path for path in (*USERLAND_DIRECTORIES, *USERLAND_SETTINGS) if os.path.exists(path)]
    scratch = _tmpfs("/tmp", "tmpfs", "nosuid", "nodev", "mode=1777", "size=65536k")  # noqa: S108 - in the container
    return [*map(_readonly_bind, shown), scratch]


def _readonly_bind(path: str) -> Mount:
    # rbind: in a user namespace a mount point can't be bound without what is mounted beneath it
    return {
        "destination": path,
        "type": "none",
        "source": os.path.realpath(path),
        "options": ["rbind", "rro", "nosuid", "nodev"],
    }


def _root_linux() -> Linux:
    return {
        "namespaces": _namespaces("pid", "network", "ipc", "uts", "mount", "cgroup"),
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        "maskedPaths": list(MASKED_PATHS),
        "readonlyPaths": list(READONLY_PATHS),
    }


def _rootless_linux(uid: int, gid: int) -> Linux:
    return {
        "namespaces": _namespaces("user", "pid", "ipc", "uts", "mount", "cgroup"),
        "uidMappings": [{"containerID": 0, "hostID": uid, "size": 1}],
        "gidMappings": [{"containerID": 0, "hostID": gid, "size": 1}],
        "maskedPaths": list(MASKED_PATHS),
        "readonlyPaths": list(READONLY_PATHS),
    }


def _namespaces(*types: NamespaceType) -> list[Namespace]:
    return [{"type": kind} for kind in types]
