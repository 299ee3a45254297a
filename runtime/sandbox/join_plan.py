"""All that crosses the fork of exec: plain values, put together before anything is touched.

The halves that plan are those of a new container's process; what a container has already is in none of them.
"""

from __future__ import annotations

from runtime.sandbox import features
from runtime.sandbox.capabilities import plan_capabilities
from runtime.sandbox.cgroup_entry import CgroupEntry
from runtime.sandbox.identity import plan_identity
from runtime.sandbox.lsm import plan_lsm
from runtime.sandbox.program import plan_program
from runtime.sandbox.settings import plan_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NamedTuple

    from runtime.sandbox.capabilities import CapabilityPlan
    from runtime.sandbox.identity import IdentityPlan
    from runtime.sandbox.lsm import LsmPlan
    from runtime.sandbox.program import ProgramPlan
    from runtime.sandbox.scheduling import SchedulingPlan
    from runtime.sandbox.seccomp import Filter, SeccompRules
    from runtime.sandbox.settings import SettingsPlan
else:
    from runtime.values import NamedTuple


class JoinPlan(NamedTuple):
    """What adds a process to a container: ``namespaces`` are CLONE_NEW* of those to enter, ``target_fd`` is a pidfd
    of the container's first process, whose they are.  ``root_fd`` is that one's root, where it isn't the mount
    namespace's.
    """

    container_id: str
    namespaces: int
    settings: SettingsPlan
    scheduling: SchedulingPlan | None
    identity: IdentityPlan
    capabilities: CapabilityPlan
    program: ProgramPlan
    lsm: LsmPlan
    seccomp: SeccompRules | None
    joins_keyring: bool
    preserve_fds: int
    target_fd: int
    root_fd: int | None = None
    cgroup: CgroupEntry = CgroupEntry()
    outcome_fd: int = -1
    filter: Filter | None = None


def plan_join(
    config: Mapping[str, Any],
    *,
    container_id: str,
    place: str,
    namespaces: int,
    target_fd: int,
    rootless: bool,
    denies_setgroups: bool,
    joins_keyring: bool = True,
    preserve_fds: int = 0,
) -> JoinPlan:
    """The plan for a checked ``config`` whose ``process`` is the added one, and was found at ``place``.

    Raises the faults of the subjects' plans.
    """
    return JoinPlan(
        container_id=container_id,
        namespaces=namespaces,
        settings=plan_settings(config, rootless=rootless, place=place),
        scheduling=features.plan_scheduling(config, rootless=rootless, place=place),
        identity=plan_identity(config, denies_setgroups=denies_setgroups),
        capabilities=plan_capabilities(config),
        program=features.plan_console(plan_program(config, place=place)),
        lsm=plan_lsm(config, place=place),
        seccomp=features.plan_seccomp(config),
        joins_keyring=joins_keyring,
        preserve_fds=preserve_fds,
        target_fd=target_fd,
    )
