"""Other limits in real cgroups, and back: what several devices share a file for, what can't be committed."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from runtime.actions import update as action
from runtime.cgroups import manager, updating
from runtime.errors import CgroupFault, WrongStatus
from runtime.store.record import ended
from runtime.store.store import Held
from tests.support.boxes import Box
from tests.support.cgroups import REAL, Groups, read
from tests.support.needs import needs
from tests.support.records import LATER, NOW, exit_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = needs("root", "cgroup1")
OLD = {"pids": {"limit": 50}}
ASKED = {"pids": {"limit": 7}}


def block_device() -> tuple[int, int]:
    for name in sorted(os.listdir("/sys/block")):
        with open(f"/sys/block/{name}/dev") as device:
            major, minor = device.read().split(":")
        return int(major), int(minor)
    pytest.skip("needs a block device")


def apply(plan: manager.CgroupPlan, asked: dict[str, Any], old: dict[str, Any] | None = None) -> updating.Applied:
    return updating.apply_update(asked, old or {}, manager.record_cgroup(plan), REAL, rootless=False)


def test_a_limit_of_one_device_is_taken_back_without_the_others(groups: Groups) -> None:
    major, minor = block_device()
    plan = groups.made()
    rates = {"throttleReadBpsDevice": [{"major": major, "minor": minor, "rate": 4096}]}
    applied = apply(plan, {"blockIO": rates})
    file = "blkio.throttle.read_bps_device"
    assert read(plan.paths["blkio"], file) == f"{major}:{minor} 4096"
    fault = RuntimeError()
    with applied:
        applied.take_back(fault)
    assert read(plan.paths["blkio"], file) == ""
    assert not getattr(fault, "__notes__", [])


def test_a_weight_goes_to_the_scheduler_that_weighs(groups: Groups) -> None:
    plan = groups.made()
    with apply(plan, {"blockIO": {"weight": 300}}):
        names = [
            name for name in ("blkio.weight", "blkio.bfq.weight") if os.path.exists(f"{plan.paths['blkio']}/{name}")
        ]
        if not names:
            pytest.skip("no scheduler of this kernel weighs")
        assert read(plan.paths["blkio"], names[0]) == "300"


def test_quota_burst_and_period_are_changed_together_in_any_direction(groups: Groups) -> None:
    plan = groups.made(cpu={"quota": 10000, "burst": 5000})
    names = ("cpu.cfs_quota_us", "cpu.cfs_burst_us", "cpu.cfs_period_us")
    for quota, burst, period in ((50000, 40000, 200000), (5000, 1000, 10000), (20000, 0, 100000)):
        with apply(plan, {"cpu": {"quota": quota, "burst": burst, "period": period}}):
            assert [int(read(plan.paths["cpu"], name)) for name in names] == [quota, burst, period]


def test_a_cgroup_that_is_gone_is_told_and_nothing_stays_limited(groups: Groups) -> None:
    plan = groups.made()
    os.rmdir(plan.paths["pids"])
    with pytest.raises(CgroupFault, match="is gone"):
        apply(plan, {"cpu": {"shares": 99}, **ASKED})
    assert read(plan.paths["cpu"], "cpu.shares") == "1024"


def limit_of(box: Box) -> str:
    return read(box.plan.paths["pids"], "pids.max")


@pytest.fixture
def box(tmp_path: Path, groups: Groups) -> Iterator[Box]:
    made = Box(tmp_path, groups, **OLD)
    yield made
    made.store.close()


def test_the_frozen_config_follows_and_keeps_the_rest(box: Box) -> None:
    action.update(box.context, "web", ASKED)
    assert limit_of(box) == "7"
    assert json.loads(box.frozen_config()) == {"linux": {"resources": ASKED}, "x-kept": [1.5, 1 << 63]}
    assert os.stat(f"{box.store.root}/web/config.json").st_mode & 0o777 == 0o600
    assert os.listdir(f"{box.store.root}/.staging") == [".sweep"]


@pytest.mark.parametrize("step", ["replace", "commit"])
def test_what_cannot_be_committed_is_taken_back(box: Box, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    before = box.store.read("web")
    whole = getattr(Held, step)
    calls: list[object] = []

    def fail_once(held: Held, *arguments: Any) -> None:
        calls.append(held)
        if len(calls) == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        whole(held, *arguments)

    monkeypatch.setattr(Held, step, fail_once)
    with pytest.raises(OSError, match="No space left"):
        action.update(box.context, "web", ASKED)
    assert (limit_of(box), box.frozen_config(), box.store.read("web")) == ("50", box.config, before)


def test_a_container_that_ends_meanwhile_is_not_updated(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    apply_update = updating.apply_update

    def apply_and_end(*arguments: Any, **named: Any) -> updating.Applied:
        with box.store.locked("web") as held:
            held.commit(ended(held.record, exit=exit_of(0), finished=NOW, precision="exact", now=LATER) or held.record)
        return apply_update(*arguments, **named)

    monkeypatch.setattr(updating, "apply_update", apply_and_end)
    with pytest.raises(WrongStatus, match="it is stopped"):
        action.update(box.context, "web", ASKED)
    assert (limit_of(box), box.frozen_config()) == ("50", box.config)
    assert box.store.read("web")["transitions"][-1]["type"] == "stopped"
