"""Intel RDT against a directory that looks like resctrl; a real one makes the files of each group by itself."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.cgroups import resctrl
from runtime.errors import CgroupFault, SpecFault, Unsupported
from runtime.roots import Roots

PID = 4321


@pytest.fixture
def top(tmp_path: Path) -> Path:
    path = tmp_path / "fs" / "resctrl"
    (path / "info").mkdir(parents=True)
    (path / "info" / "last_cmd_status").write_text("ok\n")
    group(path)
    return path


def group(path: Path, schemata: str = "    L3:0=fff;1=0ff\n    MB:0=100;1=50\n") -> Path:
    (path / "mon_groups").mkdir(parents=True)
    (path / "schemata").write_text(schemata)
    (path / "tasks").touch()
    return path


@pytest.fixture(autouse=True)
def _kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel puts into a new directory and takes along when it goes; each write counts by itself."""

    def mkdir(path: str, mode: int) -> None:
        os.mkdir(path, mode)
        (Path(path) / "tasks").touch()
        if "mon_groups" not in path:
            (Path(path) / "schemata").touch()
            os.mkdir(f"{path}/mon_groups")

    def rmdir(path: str) -> None:
        for name in ("tasks", "schemata"):
            Path(path, name).unlink(missing_ok=True)
        if Path(path, "mon_groups").is_dir():
            os.rmdir(f"{path}/mon_groups")
        os.rmdir(path)

    def write(path: str, text: str) -> None:
        with open(path, "a") as file:
            file.write(text)

    monkeypatch.setattr(resctrl, "os", SimpleNamespace(**{**vars(os), "mkdir": mkdir, "rmdir": rmdir}))
    monkeypatch.setattr(resctrl, "_write", write)


def plan(top: Path, **asked: Any) -> resctrl.RdtPlan:
    made = resctrl.plan_rdt({"linux": {"intelRdt": asked}}, "box", roots(top))
    assert made is not None
    return made


def roots(top: Path) -> Roots:
    return Roots("/nowhere", sys=str(top.parents[1]))


def test_nothing_is_touched_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert resctrl.plan_rdt({"linux": {}}, "box", Roots("/nowhere", sys=str(tmp_path))) is None


def test_without_resctrl_one_line_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"#/linux/intelRdt: no resctrl file system is mounted on .*; mount it"):
        resctrl.plan_rdt({"linux": {"intelRdt": {}}}, "box", Roots("/nowhere", sys=str(tmp_path)))


def test_without_a_class_the_container_has_a_group_of_its_own(top: Path) -> None:
    asked = plan(top, l3CacheSchema="L3:0=f", memBwSchema="MB:0=20", schemata=["L2:0=3"], enableMonitoring=True)
    assert asked == resctrl.RdtPlan(
        f"{top}/box", f"{top}/box/mon_groups/box", ("L3:0=f", "MB:0=20", "L2:0=3"), is_own=True
    )
    resctrl.begin_rdt(asked, PID)
    assert (top / "box" / "schemata").read_text() == "L3:0=f\nMB:0=20\nL2:0=3\n"
    assert (top / "box" / "tasks").read_text() == f"{PID}\n"
    assert (top / "box" / "mon_groups" / "box" / "tasks").read_text() == f"{PID}\n"
    resctrl.end_rdt(asked)
    assert not (top / "box").exists()
    resctrl.end_rdt(asked)


def test_an_own_group_that_is_there_already_is_somebody_elses(top: Path) -> None:
    group(top / "box")
    with pytest.raises(CgroupFault, match=r"box is there already; remove it, or name one in linux.intelRdt.closID"):
        resctrl.begin_rdt(plan(top), PID)
    assert (top / "box" / "tasks").read_text() == ""


def test_a_class_with_schemata_is_made_and_stays(top: Path) -> None:
    asked = plan(top, closID="gold", schemata=["MB:0=20"])
    resctrl.begin_rdt(asked, PID)
    assert (top / "gold" / "schemata").read_text() == "MB:0=20\n"
    resctrl.end_rdt(asked)
    assert (top / "gold").is_dir()


def test_a_class_that_is_there_must_have_what_is_asked_for(top: Path) -> None:
    group(top / "gold")
    before = (top / "gold" / "schemata").read_text()
    resctrl.begin_rdt(plan(top, closID="gold", l3CacheSchema="L3:1=ff", memBwSchema="MB:0=100"), PID)
    assert (top / "gold" / "tasks").read_text() == f"{PID}\n"
    with pytest.raises(CgroupFault, match=r"L3:0=f;1=ff is not what the group .*gold has"):
        resctrl.begin_rdt(plan(top, closID="gold", l3CacheSchema="L3:0=f;1=ff"), PID)
    assert (top / "gold" / "schemata").read_text() == before


def test_a_class_without_schemata_must_be_there(top: Path) -> None:
    with pytest.raises(SpecFault, match='there is no group "gold"') as caught:
        plan(top, closID="gold")
    assert caught.value.pointer == "/linux/intelRdt/closID"
    group(top / "gold")
    resctrl.begin_rdt(plan(top, closID="gold"), PID)
    assert (top / "gold" / "tasks").read_text() == f"{PID}\n"


def test_a_slash_is_the_group_of_everybody(top: Path) -> None:
    asked = plan(top, closID="/", enableMonitoring=True)
    assert asked == resctrl.RdtPlan(str(top), f"{top}/mon_groups/box", (), is_own=False)
    resctrl.begin_rdt(asked, PID)
    resctrl.end_rdt(asked)
    assert (top / "tasks").read_text() == f"{PID}\n"
    assert not (top / "mon_groups" / "box").exists()


@pytest.mark.parametrize("name", ["a/b", "..", ".", "info", "mon_groups", "mon_data"])
def test_a_class_is_one_name(top: Path, name: str) -> None:
    with pytest.raises(SpecFault) as caught:
        plan(top, closID=name, schemata=["MB:0=1"])
    assert caught.value.pointer == "/linux/intelRdt/closID"


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"l3CacheSchema": "MB:0=1"}, "/linux/intelRdt/l3CacheSchema"),
        ({"memBwSchema": "L3:0=1"}, "/linux/intelRdt/memBwSchema"),
        ({"memBwSchema": "MB:0=1\nMB:1=2"}, "/linux/intelRdt/memBwSchema"),
        ({"schemata": ["MB:0=1", "L3:0=1\n"]}, "/linux/intelRdt/schemata/1"),
    ],
)
def test_a_schema_is_one_line_of_its_kind(top: Path, asked: dict[str, Any], pointer: str) -> None:
    with pytest.raises(SpecFault) as caught:
        plan(top, **asked)
    assert caught.value.pointer == pointer


def test_what_the_kernel_refuses_is_told_in_its_words_and_nothing_stays(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, _: str) -> None:
        (top / "info" / "last_cmd_status").write_text("Mask out of range\n")
        raise OSError(22, "Invalid argument", path)

    monkeypatch.setattr(resctrl, "_write", refuse)
    with pytest.raises(CgroupFault) as caught:
        resctrl.begin_rdt(plan(top, schemata=["L3:0=fffff"]), PID)
    assert str(caught.value) == (
        f"config.json#/linux/intelRdt: L3:0=fffff can't be written to {top}/box/schemata: "
        "Invalid argument (Mask out of range)"
    )
    assert not (top / "box").exists()
