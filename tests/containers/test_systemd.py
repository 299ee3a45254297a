"""Containers in systemd scopes, made over D-Bus by the systemd that is at work here: the system's, or the user's."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.containers import COMMAND, REPOSITORY, wait_until
from tests.support.frozen import COUNT, Frozen
from tests.support.needs import needs
from tests.support.systemd import LIMITS, MIB, shown, systemctl

if TYPE_CHECKING:
    from tests.support.systemd import Scoped


@needs("systemd")
def test_a_container_lives_in_its_scope_and_the_scope_ends_with_it(scoped: Scoped) -> None:
    scoped.ok("create", "-b", scoped.bundle("sleep", "600"), "one")
    cgroup = scoped.record("one")["linux"]["cgroup"]
    above = "" if os.geteuid() == 0 else f"/user.slice/user-{os.geteuid()}.slice/user@{os.geteuid()}.service"
    slice_name = "system.slice" if os.geteuid() == 0 else "user.slice"
    path = f"{above}/{slice_name}/{scoped.unit}"
    assert cgroup == {"version": 2, "paths": {"unified": f"/sys/fs/cgroup{path}"}, "scope": scoped.unit}
    pid = scoped.state("one")["pid"]
    assert Path(f"/proc/{pid}/cgroup").read_text() == f"0::{path}\n"
    properties = shown(scoped.unit, "ActiveState", "Slice", "Delegate", "Description")
    assert properties == {
        "ActiveState": "active",
        "Slice": slice_name,
        "Delegate": "yes",
        "Description": "container one",
    }
    scoped.ok("start", "one")
    scoped.ok("kill", "one", "KILL")
    wait_until(lambda: scoped.state("one")["status"] == "stopped", "stopped")
    scoped.ok("delete", "one")
    assert not Path(f"/sys/fs/cgroup{path}").exists()
    wait_until(lambda: shown(scoped.unit, "LoadState")["LoadState"] == "not-found", "the unit is gone")


@needs("systemd", "root")
def test_limits_are_in_the_files_and_in_systemds_own_words(scoped: Scoped) -> None:
    scoped.ok("run", "-d", "-b", scoped.bundle("sleep", "600", **LIMITS), "one")
    directory = scoped.directory()
    names = ("memory.max", "memory.swap.max", "pids.max", "cpu.weight", "cpu.max")

    def files() -> list[str]:
        return [(directory / name).read_text().strip() for name in names]

    expected = [str(64 * MIB), str(32 * MIB), "50", "174", "50500 100000"]
    assert files() == expected
    told = ("MemoryMax", "MemorySwapMax", "TasksMax", "CPUWeight", "CPUQuotaPerSecUSec", "DevicePolicy")
    assert shown(scoped.unit, *told) == {
        "MemoryMax": str(64 * MIB),
        "MemorySwapMax": str(32 * MIB),
        "TasksMax": "50",
        "CPUWeight": "174",
        "CPUQuotaPerSecUSec": "510ms",
        "DevicePolicy": "strict",
    }
    systemctl("daemon-reload")
    assert files()[:4] == expected[:4]


@needs("systemd", "root")
def test_an_update_reaches_systemd_too_and_one_that_fails_reaches_nobody(scoped: Scoped) -> None:
    scoped.ok("run", "-d", "-b", scoped.bundle("sleep", "600", **LIMITS), "one")
    directory = scoped.directory()
    scoped.ok("update", "--memory", str(80 * MIB), "--memory-swap", str(90 * MIB), "--pids-limit", "70", "one")
    assert (directory / "memory.max").read_text().strip() == str(80 * MIB)
    assert (directory / "memory.swap.max").read_text().strip() == str(10 * MIB)
    assert shown(scoped.unit, "MemoryMax", "TasksMax") == {"MemoryMax": str(80 * MIB), "TasksMax": "70"}
    refused = scoped("update", "--pids-limit", "90", "--cpuset-cpus", "4000", "one")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "--cpuset-cpus: 4000 can't be written to" in refused.stderr
    assert (directory / "pids.max").read_text().strip() == "70"
    assert shown(scoped.unit, "TasksMax", "AllowedCPUs") == {"TasksMax": "70", "AllowedCPUs": ""}


@needs("systemd")
def test_annotations_set_other_properties_of_the_scope_and_overrule_ours(scoped: Scoped) -> None:
    def annotate(config: dict[str, Any]) -> None:
        config["annotations"] = {
            "org.systemd.property.TimeoutStopSec": "7.5",
            "org.systemd.property.Description": "'mine'",
            "org.systemd.property.TasksMax": "uint64 40",
            "org.systemd.property.Documentation": "['man:sh(1)', 'man:bash(1)']",
        }

    scoped.ok("run", "-d", "-b", scoped.bundle("sleep", "600", change=annotate), "one")
    assert shown(scoped.unit, "TimeoutStopUSec", "Description", "TasksMax", "Documentation", "Delegate") == {
        "TimeoutStopUSec": "7.500000s",
        "Description": "mine",
        "TasksMax": "40",
        "Documentation": '"man:sh(1)" "man:bash(1)"',
        "Delegate": "yes",
    }
    assert (scoped.directory() / "pids.max").read_text() == "40\n"


@needs("systemd")
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("NoSuchThing", "1", "Cannot set property NoSuchThing, or unknown property."),
        ("TimeoutStopUSec", "'5s'", ""),
    ],
)
def test_a_property_that_systemd_refuses_is_told_in_its_words(scoped: Scoped, name: str, value: str, told: str) -> None:
    def annotate(config: dict[str, Any]) -> None:
        config["annotations"] = {f"org.systemd.property.{name}": value}

    refused = scoped("create", "-b", scoped.bundle("true", change=annotate), "one")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert f"doesn't make {scoped.unit}: {told}" in refused.stderr
    assert not (scoped.root / "one").exists()
    assert shown(scoped.unit, "LoadState") == {"LoadState": "not-found"}


def test_an_annotation_that_is_no_value_is_refused_with_its_pointer(scoped: Scoped) -> None:
    def annotate(config: dict[str, Any]) -> None:
        config["annotations"] = {"org.systemd.property.CollectMode": "inactive"}

    refused = scoped("create", "-b", scoped.bundle("true", change=annotate), "one")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "config.json#/annotations/org.systemd.property.CollectMode: a value is expected at character 1" in (
        refused.stderr
    )
    assert not (scoped.root / "one").exists()


@needs("systemd")
def test_it_is_paused_and_resumed_and_killed_whole(scoped: Scoped) -> None:
    scoped.ok("run", "-d", "-b", scoped.bundle("sh", "-c", "sleep 600 & sleep 600"), "one")
    scoped.ok("pause", "one")
    assert scoped.state("one")["status"] == "paused"
    scoped.ok("resume", "one")
    assert scoped.state("one")["status"] == "running"
    scoped.ok("delete", "--force", "one")
    wait_until(lambda: shown(scoped.unit, "LoadState")["LoadState"] == "not-found", "the unit is gone")


@needs("systemd")
def test_a_foreground_run_tells_the_exit_code_and_leaves_no_unit(scoped: Scoped) -> None:
    done = scoped("run", "-b", scoped.bundle("sh", "-c", "exit 9"), "one")
    assert (done.returncode, done.stderr) == (9, "")
    wait_until(lambda: shown(scoped.unit, "LoadState")["LoadState"] == "not-found", "the unit is gone")


@needs("systemd", "root", "criu")
def test_what_is_restored_has_a_scope_as_before(scoped: Scoped) -> None:
    frozen = Frozen(scoped, scoped.place / "bundle")
    frozen.begin(COUNT, lambda config: config["linux"].update(cgroupsPath=f":runf:{scoped.name}"))
    cgroup = scoped.record("one")["linux"]["cgroup"]
    frozen.checkpoint()
    wait_until(lambda: shown(scoped.unit, "LoadState")["LoadState"] == "not-found", "the first unit is gone")
    before = frozen.count()
    done = frozen.restore("--detach")
    assert (done.returncode, done.stderr) == (0, "")
    record = scoped.record("one")
    assert record["linux"]["cgroup"] == cgroup
    assert (
        cgroup["paths"]["unified"].removeprefix("/sys/fs/cgroup") in Path(f"/proc/{record['pid']}/cgroup").read_text()
    )
    assert shown(scoped.unit, "ActiveState", "Delegate") == {"ActiveState": "active", "Delegate": "yes"}
    wait_until(lambda: frozen.count() > before, "it counts on")
    scoped.ok("delete", "--force", "one")
    wait_until(lambda: shown(scoped.unit, "LoadState")["LoadState"] == "not-found", "the second unit is gone")


@needs("systemd")
def test_a_scope_that_is_there_already_is_somebody_elses(scoped: Scoped) -> None:
    scoped.ok("create", "-b", scoped.bundle("true"), "one")
    refused = scoped("create", "-b", scoped.bundle("true"), "two")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert f"the scope {scoped.unit} is in use: other processes are in it; name another in" in refused.stderr
    assert scoped.state("one")["status"] == "created"
    assert scoped.last_records() == []


@needs("systemd")
def test_a_scope_that_comes_meanwhile_is_told_in_systemds_words_and_left_alone(scoped: Scoped) -> None:
    scoped.ok("create", "-b", scoped.bundle("true"), "one")
    *python, entry = COMMAND
    too_early = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from runtime.cgroups import manager; "
    too_early += f"manager.refuse_taken_scope = lambda _: None; {entry}"
    words = ("--root", str(scoped.root), "--systemd-cgroup", "create", "-b", str(scoped.place / "bundle"), "two")
    refused = subprocess.run([*python, too_early, *words], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert (
        f"doesn't make {scoped.unit}: Unit {scoped.unit} was already loaded or has a fragment file." in refused.stderr
    )
    assert scoped.state("one")["status"] == "created"
    assert [record["id"] for record in scoped.last_records()] == ["two"]


@needs("systemd")
def test_a_create_that_fails_later_leaves_no_unit(scoped: Scoped) -> None:
    def break_hook(config: dict[str, Any]) -> None:
        config["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}

    assert scoped("create", "-b", scoped.bundle("true", change=break_hook), "one").returncode == 1
    (last,) = scoped.last_records()
    assert last["linux"]["cgroup"]["scope"] == scoped.unit
    assert not Path(last["linux"]["cgroup"]["paths"]["unified"]).exists()
    wait_until(lambda: shown(scoped.unit, "LoadState")["LoadState"] == "not-found", "the unit is gone")


def test_without_systemd_one_line_says_so(scoped: Scoped) -> None:
    nowhere = {
        **os.environ,
        "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere",
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere",
    }
    refused = scoped("create", "-b", scoped.bundle("true"), "one", env=nowhere)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    if os.geteuid() == 0 or Path("/sys/fs/cgroup/cgroup.controllers").exists():
        assert "can't be asked for a cgroup: unix:path=/nowhere: No such file or directory; start " in refused.stderr
    assert not (scoped.root / "one").exists()


def test_without_its_library_one_line_says_what_to_install(scoped: Scoped) -> None:
    *python, entry = COMMAND
    hidden = f"import sys; sys.modules['jeepney'] = None; {entry}"
    words = ("--root", str(scoped.root), "--cgroup-manager", "systemd", "create", "-b", scoped.bundle("true"), "one")
    done = subprocess.run([*python, hidden, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    if os.geteuid() == 0 or Path("/sys/fs/cgroup/cgroup.controllers").exists():
        assert "jeepney, which is not installed beside runf; pip install 'runf[systemd]'" in done.stderr


@pytest.mark.parametrize("path", ["/a/b", "a"])
def test_a_path_that_names_no_slice_is_refused_with_its_pointer(scoped: Scoped, path: str) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["cgroupsPath"] = path

    refused = scoped("create", "-b", scoped.bundle("true", change=change), "one")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert f'config.json#/linux/cgroupsPath: "{path}" is no slice:prefix:name' in refused.stderr
    assert json.loads(scoped.ok("list", "--format", "json")) == []
