"""features: what this runtime can do, whatever the machine (runtime-spec: features.md, features-linux.md).

Made from the tables that do the work: so it promises nothing else.
The same on every machine and for every user: callers ask once, and keep the answer.
"""

from __future__ import annotations

from runtime import SPEC_VERSION, VERSION
from runtime.kernel.capabilities import NAMES
from runtime.kernel.scheduling import MEMORY_FLAGS, MEMORY_MODES
from runtime.kernel.seccomp import ACTIONS, ARCHITECTURES, FLAGS, OPERATORS
from runtime.sandbox import namespaces
from runtime.sandbox.hooks import OUTPUT_FILES
from runtime.sandbox.identity import KEEPS_GROUPS
from runtime.sandbox.mount_options import ATTRIBUTES, MANNERS, PROPAGATION, SUPERBLOCK
from runtime.spec.rules import HOOK_KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OLDEST_SPEC_VERSION = "1.0.0"
UNIT_PROPERTIES = "org.systemd.property."  # cgroups/annotated.py reads them, and is only imported for systemd


def features() -> dict[str, Any]:
    """The document that schemas/features.schema.json describes."""
    return {
        "ociVersionMin": OLDEST_SPEC_VERSION,
        "ociVersionMax": SPEC_VERSION,
        "hooks": list(HOOK_KINDS),
        "mountOptions": _mount_options(),
        "annotations": {"org.runf.version": VERSION},
        "potentiallyUnsafeConfigAnnotations": [UNIT_PROPERTIES, KEEPS_GROUPS, *OUTPUT_FILES],
        "linux": _linux(),
    }


def _linux() -> dict[str, Any]:
    return {
        "namespaces": sorted(namespaces.FLAGS),
        "capabilities": list(NAMES),
        "cgroup": {"v1": True, "v2": True, "systemd": True, "systemdUser": True, "rdma": True},
        "seccomp": {
            "enabled": True,
            "actions": sorted(ACTIONS),
            "operators": sorted(OPERATORS),
            "archs": sorted(ARCHITECTURES),
            "knownFlags": sorted(FLAGS),
            "supportedFlags": sorted(FLAGS),
        },
        "apparmor": {"enabled": True},
        "selinux": {"enabled": True},
        "intelRdt": {"enabled": True, "schemata": True, "monitoring": True},
        "memoryPolicy": {"modes": sorted(MEMORY_MODES), "flags": sorted(MEMORY_FLAGS)},
        "mountExtensions": {"idmap": {"enabled": True}},
        "netDevices": {"enabled": True},
    }


def _mount_options() -> list[str]:
    """Those that we know by name; what else a mount asks for is its file system's own."""
    recursive = [f"r{name}" for name in (*ATTRIBUTES, *PROPAGATION)]
    return sorted({*ATTRIBUTES, *PROPAGATION, *recursive, *SUPERBLOCK, *MANNERS})
