"""Scheduler, I/O priority, memory policy and execution domain, as the kernel shows them; each in a forked child."""

from __future__ import annotations

import errno
import os

import pytest

from runtime.kernel import scheduling
from runtime.kernel.libc import syscall
from tests.support.forked import as_user, failure, in_child, needs_root

IOPRIO_GET = 252 if os.uname().machine == "x86_64" else 31
needs_numa = pytest.mark.needs("file:/proc/self/numa_maps", "file:/sys/devices/system/node/node0")


def asking(policy: str, **numbers: int) -> bytes:
    return scheduling.sched_attributes(scheduling.POLICIES[policy], **numbers)


def scheduled() -> list[int]:
    """Policy, priority and nice value of ourselves."""
    return [os.sched_getscheduler(0), os.sched_getparam(0).sched_priority, os.getpriority(os.PRIO_PROCESS, 0)]


def test_an_ordinary_user_may_be_nicer() -> None:
    def change() -> list[int]:
        scheduling.sched_setattr(0, asking("SCHED_BATCH", nice=19))
        return scheduled()

    assert in_child(as_user(change)) == [os.SCHED_BATCH, 0, 19]


@needs_root
def test_real_time_has_a_priority_and_leaves_it_to_no_child() -> None:
    def change() -> list[object]:
        flags = scheduling.SCHED_FLAGS["SCHED_FLAG_RESET_ON_FORK"]
        scheduling.sched_setattr(0, asking("SCHED_RR", flags=flags, priority=3))
        return [scheduled(), in_child(scheduled)]

    own_nice = os.getpriority(os.PRIO_PROCESS, 0)
    real_time = [os.SCHED_RR | os.SCHED_RESET_ON_FORK, 3, own_nice]
    assert in_child(change) == [real_time, [os.SCHED_OTHER, 0, 0]]


@needs_root
def test_a_deadline_is_three_times() -> None:
    def change() -> int:
        ms = 10**6
        scheduling.sched_setattr(0, asking("SCHED_DEADLINE", runtime=1 * ms, deadline=10 * ms, period=20 * ms))
        return os.sched_getscheduler(0)

    assert in_child(change) == scheduling.POLICIES["SCHED_DEADLINE"]


def test_what_only_root_may_have_is_refused_with_the_call() -> None:
    def ask() -> object:
        return failure(lambda: scheduling.sched_setattr(0, asking("SCHED_FIFO", priority=1)))

    assert in_child(as_user(ask)) == [errno.EPERM, "sched_setattr(0): Operation not permitted"]


def test_sched_iso_is_a_number_that_linux_refuses() -> None:
    assert in_child(lambda: failure(lambda: scheduling.sched_setattr(0, asking("SCHED_ISO"))))[0] == errno.EINVAL


def test_the_io_priority_is_that_of_children_too() -> None:
    def look() -> int:
        return syscall(IOPRIO_GET, scheduling.IOPRIO_WHO_PROCESS, 0, text="ioprio_get")

    def change() -> list[int]:
        scheduling.ioprio_set(0, scheduling.ioprio_value(scheduling.IO_CLASSES["IOPRIO_CLASS_BE"], 6))
        return [look(), in_child(look)]

    assert in_child(as_user(change)) == [2 << 13 | 6, 2 << 13 | 6]


@needs_numa
@pytest.mark.parametrize(
    ("mode", "flags", "nodes", "shown"),
    [
        ("MPOL_BIND", "MPOL_F_STATIC_NODES", (0,), "bind=static:0"),
        ("MPOL_INTERLEAVE", "", (0,), "interleave:0"),
        ("MPOL_PREFERRED", "", (0,), "prefer:0"),
        ("MPOL_LOCAL", "", (), "local"),
        ("MPOL_DEFAULT", "", (), "default"),
    ],
)
def test_a_memory_policy_shows_in_every_mapping(mode: str, flags: str, nodes: tuple[int, ...], shown: str) -> None:
    def change() -> str:
        scheduling.set_mempolicy(scheduling.MEMORY_MODES[mode] | scheduling.MEMORY_FLAGS.get(flags, 0), nodes)
        return open("/proc/self/numa_maps").readline().split()[1]

    assert in_child(change) == shown


@needs_numa
def test_a_node_that_is_not_there_is_refused() -> None:
    def ask() -> object:
        return failure(lambda: scheduling.set_mempolicy(scheduling.MEMORY_MODES["MPOL_BIND"], (1023,)))

    assert in_child(ask) == [errno.EINVAL, "set_mempolicy: Invalid argument"]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the name of the 32-bit machine is x86's here")
def test_a_personality_changes_the_name_of_the_machine() -> None:
    def change() -> str:
        scheduling.personality(scheduling.PERSONALITIES["LINUX32"])
        return os.uname().machine

    assert in_child(change) == "i686"
