"""Real cgroups of version 2, in a mount namespace that shows nothing else.

Where v1 holds most controllers, few are left for it: tests that need one say so.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from runtime.cgroups import events, hierarchy, manager, processes
from runtime.errors import CgroupFault
from runtime.kernel import process, procfs
from tests.support.cgroups import (
    CGROUPS,
    REAL,
    Groups,
    directories,
    eat_memory,
    ended_in,
    enter,
    enter_v2,
    errno_of_open,
    fork_until_refused,
    read,
)
from tests.support.forked import in_child, in_namespaces
from tests.support.needs import needs, why_missing

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20
DENY_ALL = {"allow": False, "access": "rwm"}

pytestmark = needs("root", "cgroup2")


def on_v2(action: Callable[[Groups], object]) -> Any:
    """What ``action`` returns where version 2 is mounted; its cgroups go afterwards, and what they switched on."""

    def act() -> object:
        enter_v2()
        fcntl.flock(os.open(CGROUPS, os.O_RDONLY), fcntl.LOCK_EX)  # what the root offers is everybody's
        offered = read(CGROUPS, "cgroup.subtree_control").split()
        groups = Groups()
        try:
            return action(groups)
        finally:
            groups.clean_up()
            for controller in set(read(CGROUPS, "cgroup.subtree_control").split()) - set(offered):
                _withdraw(controller)

    return in_child(act)


def _withdraw(controller: str) -> None:
    try:
        with open(f"{CGROUPS}/cgroup.subtree_control", "wb", buffering=0) as offers:
            offers.write(f"-{controller}".encode())
    except OSError as error:
        if error.errno != errno.EBUSY:  # somebody else uses it by now
            raise


def test_the_machine_counts_as_v2_where_the_root_is_cgroup2() -> None:
    assert on_v2(lambda _: hierarchy.find_version(REAL)) == 2


def test_a_cgroup_is_made_entered_by_clone_and_removed() -> None:
    def act(groups: Groups) -> None:
        plan = groups.made("/a/b")
        assert plan.paths == {"unified": f"{CGROUPS}/{groups.name}/a/b"}
        member = groups.join(plan)
        own = next(each.path for each in procfs.cgroup_paths("/proc", member.pid) if each.hierarchy == 0)
        assert own.endswith(f"/{groups.name}/a/b")
        record = manager.record_cgroup(plan)
        assert manager.pids(record) == [member.pid]
        manager.kill_all(record)
        assert member.status() == -signal.SIGKILL
        manager.remove(record)
        assert directories(plan) == []
        assert os.path.isdir(f"{CGROUPS}/{groups.name}/a")

    on_v2(act)


def test_a_taken_cgroup_is_refused_and_an_empty_one_used() -> None:
    def act(groups: Groups) -> None:
        plan = groups.made()
        manager.make(plan)
        groups.join(plan)
        with pytest.raises(CgroupFault, match="is in use: other processes are in it"):
            manager.make(plan)

    on_v2(act)


def test_subgroups_are_killed_frozen_and_removed_with_it() -> None:
    def act(groups: Groups) -> None:
        outer = groups.made("/outer")
        members = [groups.join(outer)]
        inner = groups.made("/outer/inner")
        members.append(groups.join(inner))
        record = manager.record_cgroup(outer)
        manager.freeze(record)
        assert manager.is_frozen(record)
        assert manager.is_frozen(manager.record_cgroup(inner))
        manager.thaw(record)
        assert not manager.is_frozen(record)
        assert manager.pids(record, recursive=False) == [members[0].pid]
        manager.freeze(record)
        manager.kill_all(record)
        assert [member.status() for member in members] == [-signal.SIGKILL] * 2
        manager.remove(record)
        assert directories(outer) == []

    on_v2(act)


def test_a_kernel_without_cgroup_kill_ends_them_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_kill_at_once", lambda _: False)

    def act(groups: Groups) -> None:
        plan = groups.made()
        member = groups.join(plan)
        manager.kill_all(manager.record_cgroup(plan))
        assert member.status() == -signal.SIGKILL

    on_v2(act)


def test_another_signal_is_for_all_and_ends_no_pause() -> None:
    def act(groups: Groups) -> None:
        plan = groups.made()
        member = groups.join(plan)
        record = manager.record_cgroup(plan)
        manager.freeze(record)
        manager.kill_all(record, signal.SIGTERM)
        assert read(plan.paths["unified"], "cgroup.freeze") == "1"
        manager.thaw(record)
        assert member.status() == -signal.SIGTERM

    on_v2(act)


def test_processes_of_another_pid_namespace_are_in_the_way_but_have_no_pid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_kill_at_once", lambda _: False)

    def act(groups: Groups) -> None:
        plan = groups.made()
        member = groups.join(plan)
        record = manager.record_cgroup(plan)

        def from_another() -> object:
            assert processes.has_processes(record)
            assert manager.pids(record) == []
            with pytest.raises(CgroupFault, match="they lie outside of this pid namespace"):
                manager.kill_all(record)
            return "told"

        assert in_namespaces(process.CLONE_NEWPID, from_another) == "told"
        assert manager.pids(record) == [member.pid]

    on_v2(act)


def test_cgroup_kill_reaches_other_pid_namespaces() -> None:
    def act(groups: Groups) -> None:
        plan = groups.made()
        member = groups.join(plan)
        record = manager.record_cgroup(plan)
        in_namespaces(process.CLONE_NEWPID, lambda: manager.kill_all(record))
        assert member.status() == -signal.SIGKILL

    on_v2(act)


def test_device_rules_decide_what_is_opened() -> None:
    def act(groups: Groups) -> list[int]:
        asked = [DENY_ALL, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}]
        plan = groups.made(devices=asked)

        def opened() -> object:
            enter(plan)
            null = errno_of_open("/dev/null", os.O_RDWR)
            return [null, errno_of_open("/dev/kmsg", os.O_RDONLY), errno_of_open("/dev/kmsg", os.O_WRONLY)]

        found: list[int] = in_child(opened)
        return found

    assert on_v2(act) == [0, 0, 1]


def test_a_cgroup_that_is_frozen_takes_no_container() -> None:
    def act(groups: Groups) -> str:
        frozen = groups.made("/a")
        with open(f"{frozen.paths['unified']}/cgroup.freeze", "w") as freeze:
            freeze.write("1")
        with pytest.raises(CgroupFault) as caught:
            manager.make(groups.plan("/a/b"))
        assert directories(groups.plan("/a/b")) == []
        return str(caught.value).replace(groups.name, "$")

    assert on_v2(act) == (
        "the cgroup /sys/fs/cgroup/$/a/b is frozen; thaw it and those above it, or name another in linux.cgroupsPath"
    )


def test_the_containers_user_owns_what_the_kernel_lets_be_given_away() -> None:
    def act(groups: Groups) -> list[object]:
        config = {
            "process": {"user": {"uid": 77, "gid": 77}},
            "mounts": [{"destination": CGROUPS, "source": "cgroup"}],
            "linux": {"cgroupsPath": f"/{groups.name}/a", "namespaces": [{"type": "cgroup"}]},
        }
        plan = manager.plan_cgroup(config, container_id="unused", roots=REAL, rootless=False)
        groups.records.insert(0, manager.record_cgroup(plan))
        manager.make(plan)
        directory = plan.paths["unified"]
        owners = {name: os.stat(f"{directory}/{name}").st_uid for name in (".", *os.listdir(directory))}
        given = [name for name, uid in owners.items() if uid == 77]
        return [
            given,
            [name for name in given if name not in (".", *plan.given)],
            os.stat(os.path.dirname(directory)).st_uid,
        ]

    given, others, above = on_v2(act)
    assert {".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"} <= set(given)
    assert (others, above) == ([], 0)


def test_a_limit_whose_controller_is_elsewhere_is_told_with_file_value_and_pointer() -> None:
    if why_missing("cgroup2 controller:pids") is None:
        pytest.skip("needs a machine whose pids controller is bound to v1")

    def act(groups: Groups) -> str:
        plan = groups.plan(pids={"limit": 5})
        with pytest.raises(CgroupFault) as caught:
            manager.make(plan)
        assert directories(plan) == []
        return str(caught.value)

    assert on_v2(act) == (
        "config.json#/linux/resources/pids/limit: +pids can't be written to /sys/fs/cgroup/cgroup.subtree_control: "
        "No such file or directory; the cgroup above lacks the controller"
    )


def test_a_file_of_unified_that_does_not_exist_is_told_with_its_pointer() -> None:
    def act(groups: Groups) -> str:
        plan = groups.plan(unified={"cgroup.nothing": "1"})
        manager.make(plan)
        with pytest.raises(CgroupFault) as caught:
            manager.apply(plan)
        return str(caught.value).replace(groups.name, "$")

    assert on_v2(act) == (
        "config.json#/linux/resources/unified/cgroup.nothing: 1 can't be written to "
        "/sys/fs/cgroup/$/cgroup.nothing: No such file or directory; the cgroup has no cgroup.nothing"
    )


@needs("cgroup2 controller:hugetlb")
def test_a_limit_has_its_controller_offered_all_the_way_down() -> None:
    def act(groups: Groups) -> list[object]:
        plan = groups.made("/a/b", hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MIB}])
        above = os.path.dirname(plan.paths["unified"])
        offered = [read(path, "cgroup.subtree_control").split() for path in (os.path.dirname(above), above)]
        return [["hugetlb" in each for each in offered], read(plan.paths["unified"], "hugetlb.2MB.max")]

    assert on_v2(act) == [[True, True], str(4 * MIB)]


@needs("cgroup2 controller:hugetlb")
def test_what_can_be_counted_is_counted_without_any_limit() -> None:
    assert "hugetlb" in on_v2(lambda groups: read(groups.made("/a").paths["unified"], "cgroup.controllers").split())


@needs("cgroup2 controller:hugetlb")
def test_a_parent_that_stayed_behind_takes_a_container_of_its_own() -> None:
    def act(groups: Groups) -> str:
        inner = groups.made("/a/inner")
        groups.made("/a/inner/deeper")
        # the first one that those beneath use
        used = read(os.path.dirname(inner.paths["unified"]), "cgroup.subtree_control").split()[0]
        with pytest.raises(CgroupFault) as caught:
            manager.make(groups.plan("/a"))
        manager.remove(manager.record_cgroup(inner))
        member = groups.join(groups.made("/a"))
        assert manager.pids(groups.records[0]) == [member.pid]
        return str(caught.value).replace(groups.name, "$").replace(f"the {used} controller", "the first controller")

    assert on_v2(act) == (
        "the cgroup /sys/fs/cgroup/$/a can't be entered: those beneath it use the first controller; "
        "name another in linux.cgroupsPath, or remove them"
    )


@needs("cgroup2 controller:hugetlb")
def test_an_ancestor_with_processes_cannot_pass_a_controller_on() -> None:
    def act(groups: Groups) -> str:
        groups.join(groups.made())
        plan = groups.plan("/inner", hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MIB}])
        with pytest.raises(CgroupFault) as caught:
            manager.make(plan)
        assert directories(plan) == []
        # without a limit nothing depends on it
        manager.make(groups.plan("/other"))
        return str(caught.value).replace(groups.name, "$")

    assert on_v2(act) == (
        "config.json#/linux/resources/hugepageLimits/0: +hugetlb can't be written to "
        "/sys/fs/cgroup/$/cgroup.subtree_control: Device or resource busy; "
        "a cgroup with processes in it can't pass this controller on: name an absolute path in cgroupsPath"
    )


@needs("cgroup2 controller:pids")
def test_beneath_an_ancestor_with_processes_a_cgroup_without_limits_is_like_any_other() -> None:
    def act(groups: Groups) -> list[object]:
        outer = groups.made()
        groups.join(outer)
        inner = groups.made("/inner/deeper")
        groups.join(inner)
        offered = read(outer.paths["unified"], "cgroup.subtree_control")
        return [offered, *(read(plan.paths["unified"], "cgroup.type") for plan in (outer, inner))]

    assert on_v2(act) == ["", "domain", "domain"]


@needs("cgroup2 controller:pids")
def test_beneath_an_ancestor_with_processes_the_controllers_of_threads_limit_a_threaded_cgroup() -> None:
    def act(groups: Groups) -> None:
        groups.join(groups.made())
        plan = groups.made("/inner/deeper", pids={"limit": 3})
        assert read(plan.paths["unified"], "cgroup.type") == "threaded"
        members = [groups.join(plan), groups.join(plan)]
        assert ended_in(plan, fork_until_refused) == 0  # itself is the third
        record = manager.record_cgroup(plan)
        assert manager.pids(record) == sorted(member.pid for member in members)
        with pytest.raises(CgroupFault, match="is in use: other processes are in it"):
            manager.make(plan)
        manager.freeze(record)
        assert manager.is_frozen(record)
        manager.thaw(record)
        manager.kill_all(record)
        assert [member.status() for member in members] == [-signal.SIGKILL] * 2
        manager.remove(record)
        assert directories(plan) == []

    on_v2(act)


@needs("cgroup2 controller:pids", "cgroup2 controller:hugetlb")
@pytest.mark.parametrize("is_head", [False, True])
def test_beneath_an_ancestor_with_processes_another_limit_is_refused_and_changes_nothing(is_head: bool) -> None:
    def act(groups: Groups) -> list[str]:
        outer = groups.made()
        groups.join(outer)
        if is_head:
            groups.made("/first", pids={"limit": 3})
        before = read(outer.paths["unified"], "cgroup.type")
        plan = groups.plan("/inner", pids={"limit": 3}, hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MIB}])
        with pytest.raises(CgroupFault) as caught:
            manager.make(plan)
        assert directories(plan) == []
        assert read(outer.paths["unified"], "cgroup.type") == before
        return [before, str(caught.value).replace(groups.name, "$")]

    kind, reason = ("domain threaded", "Operation not supported") if is_head else ("domain", "Device or resource busy")
    assert on_v2(act) == [
        kind,
        "config.json#/linux/resources/hugepageLimits/0: +hugetlb can't be written to "
        f"/sys/fs/cgroup/$/cgroup.subtree_control: {reason}; "
        "a cgroup with processes in it can't pass this controller on: name an absolute path in cgroupsPath",
    ]


@needs("cgroup2 controller:pids")
def test_beneath_a_head_of_threads_a_cgroup_without_limits_is_threaded_too() -> None:
    def act(groups: Groups) -> str:
        groups.join(groups.made())
        groups.made("/first", pids={"limit": 3})
        plan = groups.made("/second")
        groups.join(plan)
        return read(plan.paths["unified"], "cgroup.type")

    assert on_v2(act) == "threaded"


@needs("cgroup2 controller:pids")
def test_the_number_of_processes_is_limited() -> None:
    assert on_v2(lambda groups: ended_in(groups.made("/a", pids={"limit": 2}), fork_until_refused)) == 1


@needs("cgroup2 controller:memory")
def test_memory_is_limited_and_its_kills_are_counted_with_those_beneath() -> None:
    def act(groups: Groups) -> list[object]:
        outer = groups.made("/a", memory={"limit": 16 * MIB, "swap": 16 * MIB})
        inner = groups.made("/a/inner")
        before = events.oom_kills(manager.record_cgroup(outer))
        return [before, ended_in(inner, eat_memory), events.oom_kills(manager.record_cgroup(outer))]

    assert on_v2(act) == [0, -signal.SIGKILL, 1]
