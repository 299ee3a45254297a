"""seccomp profiles as engines keep them, turned into what they write into config.json."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

PODMANS = "/usr/share/containers/seccomp.json"
DOCKERS = "/usr/share/gocode/src/github.com/docker/docker/profiles/seccomp/default.json"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
ARCHITECTURES = {
    "amd64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "arm64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
}


def engine_profile(path: str, capabilities: set[str]) -> dict[str, Any]:
    """The profile at ``path`` for this machine and a container with ``capabilities``."""
    kept = json.loads(Path(path).read_text())
    machine = MACHINES[os.uname().machine]
    profile: dict[str, Any] = {
        "defaultAction": kept["defaultAction"],
        "architectures": ARCHITECTURES[machine],
        "syscalls": [
            {name: entry[name] for name in ("names", "action", "args", "errnoRet") if entry.get(name)}
            for entry in kept["syscalls"]
            if _holds(entry, machine, capabilities)
        ],
    }
    if kept.get("defaultErrnoRet") is not None:
        profile["defaultErrnoRet"] = kept["defaultErrnoRet"]
    return profile


def _holds(entry: dict[str, Any], machine: str, capabilities: set[str]) -> bool:
    includes, excludes = entry.get("includes") or {}, entry.get("excludes") or {}
    return (
        (not includes.get("arches") or machine in includes["arches"])
        and machine not in (excludes.get("arches") or ())
        and capabilities.issuperset(includes.get("caps") or ())
        and capabilities.isdisjoint(excludes.get("caps") or ())
    )
