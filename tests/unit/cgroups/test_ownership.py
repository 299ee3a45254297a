"""Whom a container's cgroup is given to, by runtime-spec: config-linux.md#cgroup-ownership."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from runtime.cgroups import ownership
from runtime.errors import CgroupFault
from tests.support.needs import needs

if TYPE_CHECKING:
    from pathlib import Path

WRITABLE = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "rw"]}
OWN_CGROUPS = [{"type": "cgroup"}]
USERS = {"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}, {"containerID": 1, "hostID": 70000, "size": 9}]}


def owner(
    uid: int | None = 5,
    namespaces: list[dict[str, str]] = OWN_CGROUPS,
    mount: dict[str, Any] | None = None,
    **linux: Any,
) -> int | None:
    user = {} if uid is None else {"user": {"uid": uid, "gid": 0}}
    mounts = [{"destination": "/sys", "source": "cgroup"}, {**WRITABLE, **(mount or {})}]
    return ownership.plan_owner({"process": user, "mounts": mounts, "linux": {"namespaces": namespaces, **linux}})


def test_it_is_the_containers_user_as_the_host_sees_it() -> None:
    in_users = [*OWN_CGROUPS, {"type": "user"}]
    assert owner() == 5
    assert owner(None) == 0
    assert owner(0, in_users, **USERS) == 1000
    assert owner(3, in_users, **USERS) == 70002


def test_a_user_that_has_no_id_on_the_host_gets_nothing() -> None:
    assert owner(10, [*OWN_CGROUPS, {"type": "user"}], **USERS) is None


def test_the_maps_of_a_joined_user_namespace_are_not_guessed() -> None:
    assert owner(0, [*OWN_CGROUPS, {"type": "user", "path": "/proc/1/ns/user"}]) is None


@pytest.mark.parametrize("namespaces", [[], [{"type": "pid"}], [{"type": "cgroup", "path": "/proc/1/ns/cgroup"}]])
def test_without_a_cgroup_namespace_of_its_own_nothing_is_given(namespaces: list[dict[str, str]]) -> None:
    assert owner(namespaces=namespaces) is None


@pytest.mark.parametrize("mount", [{"options": ["ro"]}, {"source": "tmpfs"}, {"destination": "/sys/fs/cgroup/unified"}])
def test_unless_cgroup_is_mounted_for_writing_nothing_is_given(mount: dict[str, Any]) -> None:
    assert owner(mount=mount) is None


def test_a_mount_without_options_is_one_for_writing() -> None:
    mounts = [{"destination": "/sys/fs/cgroup/", "source": "cgroup"}]
    assert ownership.plan_owner({"mounts": mounts, "linux": {"namespaces": OWN_CGROUPS}}) == 0


def test_the_kernel_names_the_files_and_the_specification_where_it_does_not(tmp_path: Path) -> None:
    assert ownership.delegated_files(str(tmp_path)) == ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads")
    (tmp_path / "kernel" / "cgroup").mkdir(parents=True)
    (tmp_path / "kernel" / "cgroup" / "delegate").write_text("cgroup.procs\nmemory.oom.group\n")
    assert ownership.delegated_files(str(tmp_path)) == ("cgroup.procs", "memory.oom.group")


@needs("root")
def test_the_directory_and_the_files_that_are_there_are_given_and_no_others(tmp_path: Path) -> None:
    for name in ("cgroup.procs", "memory.max"):
        (tmp_path / name).touch()
    ownership.give(str(tmp_path), 77, ("cgroup.procs", "cgroup.threads"))
    found = {name: os.stat(tmp_path / name).st_uid for name in (".", "cgroup.procs", "memory.max")}
    assert found == {".": 77, "cgroup.procs": 77, "memory.max": 0}


def test_what_cannot_be_given_is_told(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may give everything away")
    with pytest.raises(CgroupFault, match=r"can't be given to uid 77: Operation not permitted; mount cgroup with"):
        ownership.give(str(tmp_path), 77, ())
