"""What is planned of scheduler, I/O priority, memory policy and execution domain."""

from __future__ import annotations

from typing import Any

from runtime.kernel.scheduling import sched_attributes
from runtime.sandbox.scheduling import IoPriority, MemoryPolicy, Scheduler, plan_scheduling


def plan(process: dict[str, Any] | None = None, linux: dict[str, Any] | None = None) -> Any:
    return plan_scheduling({"process": process or {}, "linux": linux or {}}, rootless=False)


def test_what_is_not_asked_for_stays_as_it_is() -> None:
    found = plan()
    assert (found.scheduler, found.io_priority, found.memory_policy, found.persona) == (None, None, None, None)


def test_a_scheduler_is_its_numbers_with_zero_for_the_absent() -> None:
    asked = {"policy": "SCHED_RR", "priority": 7, "flags": ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_KEEP_PARAMS"]}
    assert plan({"scheduler": asked}).scheduler == Scheduler("SCHED_RR", 7, sched_attributes(2, flags=0x11, priority=7))


def test_an_io_priority_is_class_and_level() -> None:
    found = plan({"ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 4}}).io_priority
    assert found == IoPriority("IOPRIO_CLASS_IDLE 4", 3 << 13 | 4)


def test_the_idle_class_needs_no_level() -> None:
    found = plan({"ioPriority": {"class": "IOPRIO_CLASS_IDLE"}}).io_priority
    assert found == IoPriority("IOPRIO_CLASS_IDLE 0", 3 << 13)


def test_a_memory_policy_is_a_mode_with_its_flags_and_nodes() -> None:
    asked = {"mode": "MPOL_BIND", "nodes": "0-1,5", "flags": ["MPOL_F_STATIC_NODES"]}
    assert plan(linux={"memoryPolicy": asked}).memory_policy == MemoryPolicy("MPOL_BIND", 0x8002, (0, 1, 5))


def test_the_domain_linux_is_a_wish_too() -> None:
    assert plan(linux={"personality": {"domain": "LINUX"}}).persona == 0


def test_an_ordinary_user_sets_its_own_process() -> None:
    assert not plan_scheduling({"process": {}}, rootless=True).by_maker
