"""What few configurations ask for: modules that a plan loads only then, and how a checked config asks.

The first process of a container and what exec adds find in them what their plans have loaded (runtime/late.py).
"""

from __future__ import annotations

from runtime.late import Late, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from runtime.sandbox import console, copyup, hooks, netdevices, scheduling, seccomp, sources
    from runtime.sandbox.hooks import Hook
    from runtime.sandbox.mounts import MountStep
    from runtime.sandbox.netdevices import NetDevice
    from runtime.sandbox.program import ProgramPlan
    from runtime.sandbox.scheduling import SchedulingPlan
    from runtime.sandbox.seccomp import SeccompRules
else:
    console, copyup, hooks, netdevices, scheduling, seccomp, sources = (
        Late(f"runtime.sandbox.{name}")
        for name in ("console", "copyup", "hooks", "netdevices", "scheduling", "seccomp", "sources")
    )

__all__ = ["console", "copyup", "hooks", "netdevices", "scheduling", "seccomp", "sources"]
_SCHEDULING = {"process": ("scheduler", "ioPriority", "execCPUAffinity"), "linux": ("memoryPolicy", "personality")}


def plan_console(program: ProgramPlan) -> ProgramPlan:
    """The same plan; what a terminal takes is loaded where it asks for one."""
    if program.has_terminal:
        load(console)
    return program


def plan_copies(steps: tuple[MountStep, ...]) -> tuple[MountStep, ...]:
    """The same steps; what a tmpfs is filled by is loaded where one asks for it."""
    if any(step.options.copies_up for step in steps):
        load(copyup)
    return steps


def plan_net_devices(config: Mapping[str, Any], *, rootless: bool) -> tuple[NetDevice, ...]:
    """The devices that move into the container.  Unsupported."""
    asked = config.get("linux", {}).get("netDevices")
    return netdevices.plan_net_devices(config, rootless=rootless) if asked else ()


def plan_hooks(config: Mapping[str, Any]) -> Mapping[str, tuple[Hook, ...]]:
    """The hooks by kind; a kind may be missing.  SpecFault."""
    return hooks.plan_hooks(config) if config.get("hooks") else {}


def plan_scheduling(config: Mapping[str, Any], *, rootless: bool, place: str) -> SchedulingPlan | None:
    """None where the program shares the machine as everybody does."""
    if not any(name in config.get(section, {}) for section, names in _SCHEDULING.items() for name in names):
        return None
    return scheduling.plan_scheduling(config, rootless=rootless, place=place)


def plan_seccomp(config: Mapping[str, Any]) -> SeccompRules | None:
    """None where no filter is asked for."""
    return seccomp.plan_seccomp(config) if config.get("linux", {}).get("seccomp") else None
