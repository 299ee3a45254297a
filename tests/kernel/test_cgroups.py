"""Real cgroups of version 1, with real processes in them."""

from __future__ import annotations

import errno
import os
import resource
import signal
from typing import TYPE_CHECKING, Any

import pytest

from runtime.cgroups import events, hierarchy, manager, processes
from runtime.errors import CgroupFault
from runtime.kernel import process, procfs
from tests.support.cgroups import (
    REAL,
    Groups,
    directories,
    eat_memory,
    ended_in,
    enter,
    errno_of_open,
    fork_until_refused,
    read,
    wait_forever,
)
from tests.support.forked import in_child, in_namespaces

if TYPE_CHECKING:
    pass

MIB = 1 << 20


pytestmark = pytest.mark.needs("root", "cgroup1")


def nest(path: str, depth: int) -> None:
    """A chain of ``depth`` cgroups below ``path``, deeper than any path can say."""
    here = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def paths_in(groups: Groups) -> set[str]:
    """Where the first member is in the hierarchies that are mounted; another one may hold a cgroup that nobody sees."""
    mounted = {each.options.removeprefix("none,") for each in hierarchy.find_hierarchies(REAL)}
    lines = procfs.cgroup_paths("/proc", groups.members[0].pid)
    return {each.path for each in lines if ",".join(each.controllers) in mounted}


# made, entered, removed


def test_a_cgroup_is_made_in_each_hierarchy_entered_and_removed(groups: Groups) -> None:
    plan = groups.made("/inner")
    assert directories(plan) == list(dict.fromkeys(plan.paths.values()))
    member = groups.join(plan)
    assert paths_in(groups) == {f"/{groups.name}/inner"}
    assert manager.pids(manager.record_cgroup(plan)) == [member.pid]
    manager.kill_all(manager.record_cgroup(plan))
    manager.remove(manager.record_cgroup(plan))
    assert directories(plan) == []
    # those above may be shared with others, and stay
    assert os.path.isdir(os.path.dirname(plan.paths["pids"]))


def test_each_fd_to_enter_by_is_closed_at_exec(groups: Groups) -> None:
    entry = manager.open_entry(groups.made())
    try:
        assert len(entry.join_fds) == len(entry.hierarchies) == len(hierarchy.find_hierarchies(REAL))
        assert not any(os.get_inheritable(fd) for fd in entry.join_fds)
        assert all(
            os.path.samefile(f"/proc/self/fd/{fd}", f"{each.path}/tasks")
            for fd, each in zip(entry.join_fds, entry.hierarchies, strict=True)
        )
    finally:
        for fd in entry.join_fds:
            os.close(fd)


def test_what_cannot_be_entered_is_named_and_no_fd_leaks(groups: Groups) -> None:
    plan = groups.made()
    os.rmdir(plan.hierarchies[-1].path)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(CgroupFault, match=f"the cgroup {plan.hierarchies[-1].path}/tasks can't be entered: No such"):
        manager.open_entry(plan)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_new_cpuset_has_its_parents_processors_and_nodes_at_every_level(groups: Groups) -> None:
    plan = groups.made("/a/b")
    path = plan.paths["cpuset"]
    for name in ("cpuset.cpus", "cpuset.mems"):
        wanted = read("/sys/fs/cgroup/cpuset", name)
        assert wanted
        assert read(path, name) == read(os.path.dirname(path), name) == wanted


def test_a_cgroup_with_a_process_in_it_is_refused_and_nothing_new_stays(groups: Groups) -> None:
    taken = groups.made("/shared")
    groups.join(taken)
    others = {path for path in directories(taken) if path != taken.paths["pids"]}
    emptied = taken._replace(paths={"pids": taken.paths["pids"]})
    beneath = groups.plan("/shared/free")
    mixed = emptied._replace(paths={"cpu": beneath.paths["cpu"], "pids": taken.paths["pids"]})
    with pytest.raises(CgroupFault) as caught:
        manager.make(mixed)
    assert caught.value.message == f"the cgroup {taken.paths['pids']} is in use: other processes are in it"
    assert not os.path.exists(beneath.paths["cpu"])
    assert others <= set(directories(taken))


def test_a_process_further_down_refuses_it_too(groups: Groups) -> None:
    groups.join(groups.made("/outer/inner"))
    with pytest.raises(CgroupFault, match="is in use: other processes are in it"):
        manager.make(groups.plan("/outer"))


def test_an_existing_empty_cgroup_is_used(groups: Groups) -> None:
    groups.made()
    plan = groups.made()
    groups.join(plan)
    assert paths_in(groups) == {f"/{groups.name}"}


def test_subgroups_are_removed_however_deep_they_are(groups: Groups) -> None:
    plan = groups.made()
    nest(plan.paths["pids"], 1100)
    os.mkdir(f"{plan.paths['pids']}/beside")
    assert manager.pids(manager.record_cgroup(plan)) == []
    manager.remove(manager.record_cgroup(plan))
    assert directories(plan) == []


def test_a_cgroup_that_is_gone_is_removed_already(groups: Groups) -> None:
    plan = groups.made()
    for _ in range(2):
        manager.remove(manager.record_cgroup(plan))
    assert directories(plan) == []
    manager.kill_all(manager.record_cgroup(plan))
    manager.thaw(manager.record_cgroup(plan))
    assert not manager.is_frozen(manager.record_cgroup(plan))


def test_remove_gives_up_on_a_living_process_and_leaves_its_subgroups(
    groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "REMOVE_WAIT_S", 0.05)
    plan = groups.made()
    member = groups.join(plan)
    os.mkdir(f"{plan.paths['pids']}/inner")
    with pytest.raises(CgroupFault) as caught:
        manager.remove({"paths": {"pids": plan.paths["pids"]}})
    assert str(caught.value) == f"the cgroup {plan.paths['pids']} can't be removed: processes [{member.pid}] are in it"
    assert os.path.isdir(f"{plan.paths['pids']}/inner")


# limited


def test_the_number_of_processes_is_limited(groups: Groups) -> None:
    plan = groups.made(pids={"limit": 2})

    assert ended_in(plan, fork_until_refused) == 1
    assert read(plan.paths["pids"], "pids.max") == "2"


def test_memory_is_limited_and_its_kills_are_counted_with_those_beneath(groups: Groups) -> None:
    plan = groups.made(memory={"limit": 16 * MIB, "swap": 16 * MIB})
    record = manager.record_cgroup(plan)
    assert events.oom_kills(record) == 0
    inner = plan._replace(
        hierarchies=tuple(
            each._replace(path=f"{each.path}/inner") if each.name == "memory" else each for each in plan.hierarchies
        )
    )
    os.mkdir(f"{plan.paths['memory']}/inner")
    assert ended_in(plan, eat_memory) == -signal.SIGKILL
    assert events.oom_kills(record) == 1
    assert ended_in(inner, eat_memory) == -signal.SIGKILL
    assert events.oom_kills(record) == 2


def test_device_rules_decide_what_is_opened(groups: Groups) -> None:
    plan = groups.made(
        devices=[
            {"allow": False, "access": "rwm"},
            {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"},
        ]
    )

    def opened() -> object:
        enter(plan)
        return [
            errno_of_open(path, flags)
            for path, flags in (
                ("/dev/null", os.O_RDWR),
                ("/dev/kmsg", os.O_RDONLY),
                ("/dev/kmsg", os.O_WRONLY),
                ("/dev/fuse", os.O_RDWR),
            )
        ]

    null, kmsg, kmsg_written, fuse = in_child(opened)
    assert (null, kmsg, kmsg_written) == (0, 0, errno.EPERM)
    assert fuse in (errno.EPERM, errno.ENOENT)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            {"memory": {"swap": MIB, "limit": 2 * MIB}},
            "config.json#/linux/resources/memory/swap: 1048576 can't be written to "
            "@memory/$/memory.memsw.limit_in_bytes: Invalid argument; "
            "choose a value that this machine and the cgroups above allow",
        ),
        (
            {"cpu": {"cpus": "4000"}},
            "config.json#/linux/resources/cpu/cpus: 4000 can't be written to @cpuset/$/cpuset.cpus: "
            "Numerical result out of range; choose a value that this machine and the cgroups above allow",
        ),
        (
            {"blockIO": {"leafWeight": 10}},
            "config.json#/linux/resources/blockIO/leafWeight: 10 can't be written to @blkio/$/blkio.leaf_weight: "
            "No such file or directory; the cgroup has no blkio.leaf_weight",
        ),
    ],
)
def test_a_limit_that_the_kernel_refuses_is_told_with_file_value_and_pointer(
    groups: Groups, asked: dict[str, Any], told: str
) -> None:
    plan = groups.plan(**asked)
    manager.make(plan)
    with pytest.raises(CgroupFault) as caught:
        manager.apply(plan)
    assert str(caught.value) == told.replace("@", "/sys/fs/cgroup/").replace("$", groups.name)


# signalled and frozen


def test_kill_all_ends_what_is_in_subgroups_and_what_is_frozen(groups: Groups) -> None:
    outer, inner = groups.made("/outer"), groups.made("/outer/inner")
    members = [groups.join(outer), groups.join(inner)]
    record = manager.record_cgroup(outer)
    assert manager.pids(record) == sorted(member.pid for member in members)
    assert manager.pids(record, recursive=False) == [members[0].pid]
    manager.freeze(record)
    manager.kill_all(record)
    assert [member.status() for member in members] == [-signal.SIGKILL] * 2
    assert not manager.is_frozen(record)


def test_kill_all_ends_more_processes_than_there_are_fds(groups: Groups, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PIDFDS_AT_ONCE", 10)
    plan = groups.made()

    def fork_many() -> None:
        for _ in range(79):
            if os.fork() == 0:
                wait_forever()

    member = groups.join(plan, before=fork_many)
    record = manager.record_cgroup(plan)
    assert len(manager.pids(record)) == 80
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 30, limits[1]))
    try:
        manager.kill_all(record)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert member.status() == -signal.SIGKILL
    assert manager.pids(record) == []


def test_kill_all_ends_what_forks_all_the_time(groups: Groups) -> None:
    plan = groups.made(pids={"limit": 60})

    def bomb() -> None:
        if os.fork() == 0:
            while True:
                try:
                    os.fork()
                except OSError:
                    continue

    groups.join(plan, before=bomb)
    manager.kill_all(manager.record_cgroup(plan))
    assert manager.pids(manager.record_cgroup(plan)) == []


def test_a_failing_kill_leaves_nothing_frozen(groups: Groups, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = groups.made()
    groups.join(plan)

    def refuse(pid: int, flags: int = 0) -> int:
        raise OSError(errno.EMFILE, f"pidfd_open({pid}, {flags}): Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(processes, "pidfd_open", refuse)
        with pytest.raises(OSError, match="Too many open files"):
            manager.kill_all(manager.record_cgroup(plan))
    assert read(plan.paths["freezer"], "freezer.state") == "THAWED"


def test_another_signal_reaches_each_process_once(groups: Groups) -> None:
    plan = groups.made()
    telling, told = os.pipe()

    def fork_deaf() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        if os.fork() == 0:
            count()

    def count() -> None:
        while signal.sigwait({signal.SIGUSR1}):
            os.write(told, b"1")

    groups.join(plan, before=fork_deaf, then=count)
    record = manager.record_cgroup(plan)
    assert len(manager.pids(record)) == 2
    manager.kill_all(record, signal.SIGUSR1)
    assert os.read(telling, 1) + os.read(telling, 1) == b"11"
    manager.kill_all(record)
    os.close(told)
    assert os.read(telling, 1) == b""
    os.close(telling)


def test_another_signal_thaws_only_what_it_froze(groups: Groups) -> None:
    plan = groups.made()
    member = groups.join(plan)
    record = manager.record_cgroup(plan)
    manager.freeze(record)
    manager.kill_all(record, signal.SIGTERM)
    assert manager.is_frozen(record)
    manager.thaw(record)
    assert member.status() == -signal.SIGTERM


def test_freezing_stops_and_thawing_lets_go_on(groups: Groups) -> None:
    plan = groups.made()
    member = groups.join(plan)
    record = manager.record_cgroup(plan)
    assert not manager.is_frozen(record)
    manager.freeze(record)
    assert manager.is_frozen(record)
    stopped = procfs.stat("/proc", member.pid)
    assert stopped
    assert stopped.state == "D"
    manager.thaw(record)
    assert not manager.is_frozen(record)


def test_a_process_of_another_pid_namespace_is_not_listed_but_keeps_the_cgroup(
    groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "REMOVE_WAIT_S", 0.05)
    plan = groups.made()
    member = groups.join(plan)
    record = manager.record_cgroup(plan)

    def from_another() -> object:
        assert manager.pids(record) == []
        manager.kill_all(record)
        with pytest.raises(CgroupFault, match="can't be removed: Device or resource busy"):
            manager.remove({"paths": {"pids": plan.paths["pids"]}})
        return "told"

    assert in_namespaces(process.CLONE_NEWPID, from_another) == "told"
    assert manager.pids(record) == [member.pid]


def test_a_container_without_cgroups_has_no_processes_and_no_freezer() -> None:
    assert manager.pids(None) == []
    manager.kill_all(None)
    manager.remove(None)
    manager.thaw(None)
    assert not manager.is_frozen(None)
    assert events.oom_kills(None) is None
    with pytest.raises(CgroupFault, match="the container has no freezer cgroup"):
        manager.freeze(None)
