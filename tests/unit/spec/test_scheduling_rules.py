"""Rules for scheduler, memory policy, affinity and execution domain: what breaks them is named with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.errors import SpecFault
from runtime.spec.bundle import parse_config
from tests.support.bundles import make_config


def refusal(**changes: Any) -> str:
    with pytest.raises(SpecFault) as caught:
        parse_config(json.dumps(make_config(rootless=False, **changes)).encode(), "/bundle")
    return caught.value.pointer


def accept(**changes: Any) -> None:
    assert parse_config(json.dumps(make_config(rootless=False, **changes)).encode(), "/bundle")


@pytest.mark.parametrize(
    ("scheduler", "member"),
    [
        ({"policy": "SCHED_FAIR"}, "policy"),
        ({"policy": "SCHED_OTHER", "nice": 20}, "nice"),
        ({"policy": "SCHED_BATCH", "nice": -21}, "nice"),
        ({"policy": "SCHED_OTHER", "priority": 1}, "priority"),
        ({"policy": "SCHED_FIFO"}, "priority"),
        ({"policy": "SCHED_RR", "priority": 100}, "priority"),
        ({"policy": "SCHED_DEADLINE", "priority": 1}, "priority"),
        ({"policy": "SCHED_IDLE", "runtime": 1}, "runtime"),
        ({"policy": "SCHED_OTHER", "deadline": 1}, "deadline"),
        ({"policy": "SCHED_FIFO", "priority": 1, "period": 1}, "period"),
        ({"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_NONE"]}, "flags/0"),
    ],
)
def test_a_scheduler_has_the_numbers_of_its_policy(scheduler: dict[str, Any], member: str) -> None:
    assert refusal(process={"scheduler": scheduler}) == f"/process/scheduler/{member}"


@pytest.mark.parametrize(
    "scheduler",
    [
        {"policy": "SCHED_OTHER", "nice": -20, "priority": 0, "runtime": 0},
        {"policy": "SCHED_FIFO", "priority": 99, "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
        {"policy": "SCHED_DEADLINE", "runtime": 10**6, "deadline": 10**7, "period": 10**7},
    ],
)
def test_a_scheduler_that_fits_is_accepted(scheduler: dict[str, Any]) -> None:
    accept(process={"scheduler": scheduler})


@pytest.mark.parametrize(
    ("priority", "member"),
    [
        ({"class": "IOPRIO_CLASS_NONE", "priority": 0}, "/class"),
        ({"class": "IOPRIO_CLASS_BE", "priority": 8}, "/priority"),
        ({"class": "IOPRIO_CLASS_BE"}, ""),
    ],
)
def test_an_io_priority_has_a_class_and_a_level(priority: dict[str, Any], member: str) -> None:
    assert refusal(process={"ioPriority": priority}) == f"/process/ioPriority{member}"


def test_the_idle_class_needs_no_level() -> None:
    accept(process={"ioPriority": {"class": "IOPRIO_CLASS_IDLE"}})


@pytest.mark.parametrize(
    ("policy", "member"),
    [
        ({"mode": "MPOL_NONE"}, "mode"),
        ({"mode": "MPOL_BIND"}, "nodes"),
        ({"mode": "MPOL_INTERLEAVE", "nodes": ""}, "nodes"),
        ({"mode": "MPOL_DEFAULT", "nodes": "0"}, "nodes"),
        ({"mode": "MPOL_LOCAL", "nodes": "0"}, "nodes"),
        ({"mode": "MPOL_BIND", "nodes": "0-"}, "nodes"),
        ({"mode": "MPOL_BIND", "nodes": "1024"}, "nodes"),
        ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]}, "flags"),
    ],
)
def test_a_memory_policy_fits_its_mode(policy: dict[str, Any], member: str) -> None:
    assert refusal(linux={"memoryPolicy": policy}) == f"/linux/memoryPolicy/{member}"


@pytest.mark.parametrize("policy", [{"mode": "MPOL_PREFERRED"}, {"mode": "MPOL_BIND", "nodes": "0-1023"}])
def test_a_memory_policy_that_fits_is_accepted(policy: dict[str, Any]) -> None:
    accept(linux={"memoryPolicy": policy})


def test_the_specification_has_no_flags_for_personality() -> None:
    asked = {"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]}
    assert refusal(linux={"personality": asked}) == "/linux/personality/flags/0"


@pytest.mark.parametrize("member", ["initial", "final"])
def test_an_affinity_is_a_list_of_cpus(member: str) -> None:
    assert refusal(process={"execCPUAffinity": {member: "0:1"}}) == f"/process/execCPUAffinity/{member}"
