"""What the first process of a container has to wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runtime.sandbox.cgroup_entry import CgroupEntry
from runtime.sandbox.plan import InitPlan, plan_init
from runtime.sandbox.seccomp import Filter, Listener
from runtime.spec.default import default_config

if TYPE_CHECKING:
    from collections.abc import Callable


def plan_of(change: Callable[[dict[str, Any]], object] | None = None) -> InitPlan:
    config: Any = default_config(rootless=False, uid=0, gid=0, host_userland=False)
    if change:
        change(config)
    return plan_init(
        config,
        bundle="/bundle",
        rootfs="/bundle/rootfs",
        container_id="one",
        rootless=False,
        in_userns=False,
        denies_setgroups=False,
    )


def add_user_namespace(config: dict[str, Any]) -> None:
    line = {"containerID": 0, "hostID": 1000, "size": 1}
    config["linux"]["namespaces"].append({"type": "user"})
    config["linux"].update(uidMappings=[line], gidMappings=[line])


def share_mounts(config: dict[str, Any]) -> None:
    config["linux"]["namespaces"] = [each for each in config["linux"]["namespaces"] if each["type"] != "mount"]


def move_a_device(config: dict[str, Any]) -> None:
    config["linux"]["netDevices"] = {"eth0": {}}


def test_it_sets_itself_up_while_its_maker_is_busy() -> None:
    assert not plan_of().waits_at_once


@pytest.mark.parametrize("change", [add_user_namespace, share_mounts, move_a_device])
def test_it_waits_first_where_its_maker_has_to_do_something_before(change: Callable[[dict[str, Any]], object]) -> None:
    assert plan_of(change).waits_at_once


@pytest.mark.parametrize(
    ("entry", "waits"),
    [
        (CgroupEntry(), False),
        (CgroupEntry(2, (), 7), False),
        (CgroupEntry(1, (7, 8)), False),
        (CgroupEntry(2), True),
        (CgroupEntry(1), True),
    ],
)
def test_it_waits_first_where_somebody_else_moves_it_into_its_cgroup(entry: CgroupEntry, *, waits: bool) -> None:
    assert plan_of()._replace(cgroup=entry).waits_at_once == waits


@pytest.mark.parametrize(("listener", "waits"), [(None, False), (Listener("/run/listener", ""), True)])
def test_it_waits_first_where_a_listener_is_to_get_its_state(listener: Listener | None, *, waits: bool) -> None:
    assert plan_of()._replace(filter=Filter(b"", 0, listener)).waits_at_once == waits
