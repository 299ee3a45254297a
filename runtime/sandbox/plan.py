"""All that crosses the fork of a new container: plain values, put together before anything is touched.

``plan_init`` reads a checked config.json (runtime-spec: config.md, config-linux.md) and calls the pure half of each
subject.  What only exists later, the cgroup, the compiled filter, and the fds, is put in with ``_replace``.
"""

from __future__ import annotations

import os

from runtime.sandbox import features
from runtime.sandbox.capabilities import plan_capabilities
from runtime.sandbox.cgroup_entry import CgroupEntry
from runtime.sandbox.devices import plan_devices
from runtime.sandbox.identity import plan_identity
from runtime.sandbox.lsm import plan_lsm
from runtime.sandbox.mounts import has_device_directory, plan_mounts
from runtime.sandbox.namespaces import plan_namespaces
from runtime.sandbox.program import CONFIG_PLACE, plan_program
from runtime.sandbox.rootfs import plan_root
from runtime.sandbox.settings import plan_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NamedTuple

    from runtime.sandbox.capabilities import CapabilityPlan
    from runtime.sandbox.devices import DevicePlan
    from runtime.sandbox.hooks import Hook
    from runtime.sandbox.identity import IdentityPlan
    from runtime.sandbox.lsm import LsmPlan
    from runtime.sandbox.mounts import MountStep
    from runtime.sandbox.namespaces import NamespacePlan
    from runtime.sandbox.netdevices import NetDevice
    from runtime.sandbox.program import ProgramPlan
    from runtime.sandbox.rootfs import RootPlan
    from runtime.sandbox.scheduling import SchedulingPlan
    from runtime.sandbox.seccomp import Filter, SeccompRules
    from runtime.sandbox.settings import SettingsPlan
else:
    from runtime.values import NamedTuple

HOST_CGROUPS = "/sys/fs/cgroup"


class InitPlan(NamedTuple):
    """What the first process of a container does, in the terms of each subject's own plan."""

    container_id: str
    namespaces: NamespacePlan
    root: RootPlan
    mounts: tuple[MountStep, ...]
    devices: DevicePlan
    net_devices: tuple[NetDevice, ...]
    settings: SettingsPlan
    scheduling: SchedulingPlan | None
    identity: IdentityPlan
    capabilities: CapabilityPlan
    program: ProgramPlan
    lsm: LsmPlan
    seccomp: SeccompRules | None
    create_hooks: tuple[Hook, ...]
    start_hooks: tuple[Hook, ...]
    announces_mounts: bool
    opens_sources: bool
    no_pivot: bool
    joins_keyring: bool
    preserve_fds: int
    host_has_v2: bool
    in_userns: bool
    cgroup: CgroupEntry = CgroupEntry()
    gate_fd: int = -1
    outcome_fd: int = -1
    mounts_fd: int | None = None
    devices_fd: int | None = None
    filter: Filter | None = None
    listener_fd: int | None = None

    @property
    def session_keyring(self) -> str:
        """Its name, where the container gets one."""
        return f"_ses.{self.container_id}"

    @property
    def waits_at_once(self) -> bool:
        """Whether the first process can do nothing before its maker's ``go``.

        Its id maps, cgroups or network devices come before that, or where it mounts others live, or ``go`` brings what
        it needs right away.
        """
        return bool(
            self.namespaces.has_user
            or self.net_devices
            or self.cgroup.is_entered_later
            or self.root.shares_mounts
            or (self.filter and self.filter.listener)
        )


def plan_init(
    config: Mapping[str, Any],
    *,
    bundle: str,
    rootfs: str,
    container_id: str,
    rootless: bool,
    in_userns: bool,
    denies_setgroups: bool,  # as our own user namespace does, which hands that down (user_namespaces(7))
    no_pivot: bool = False,
    no_new_keyring: bool = False,
    preserve_fds: int = 0,
    listen_fds: int = 0,
) -> InitPlan:
    """The plan for a checked ``config``; touches nothing.  Raises the faults of the subjects' plans."""
    namespaces = plan_namespaces(config, rootless=rootless)
    mounts = features.plan_copies(plan_mounts(config, bundle=bundle, namespaces=namespaces))
    planned_hooks = features.plan_hooks(config)
    binds = in_userns or namespaces.has_user
    return InitPlan(
        container_id=container_id,
        namespaces=namespaces,
        root=plan_root(config, rootfs=rootfs, shares_mounts=namespaces.shares_mounts),
        mounts=mounts,
        devices=plan_devices(config, fills_dev=has_device_directory(mounts), binds=binds, makes=not rootless),
        net_devices=features.plan_net_devices(config, rootless=rootless),
        settings=plan_settings(config, rootless=rootless),
        scheduling=features.plan_scheduling(config, rootless=rootless, place=CONFIG_PLACE),
        identity=plan_identity(config, denies_setgroups=denies_setgroups or namespaces.denies_setgroups),
        capabilities=plan_capabilities(config),
        program=features.plan_console(plan_program(config, listen_fds=listen_fds)),
        lsm=plan_lsm(config),
        seccomp=features.plan_seccomp(config),
        create_hooks=planned_hooks.get("createContainer", ()),
        start_hooks=planned_hooks.get("startContainer", ()),
        announces_mounts=bool(planned_hooks.get("prestart") or planned_hooks.get("createRuntime")),
        opens_sources=namespaces.has_user and os.geteuid() == 0,
        no_pivot=no_pivot,
        joins_keyring=not no_new_keyring,
        preserve_fds=listen_fds + preserve_fds,
        host_has_v2=os.path.exists(f"{HOST_CGROUPS}/cgroup.controllers"),
        in_userns=in_userns,
    )
