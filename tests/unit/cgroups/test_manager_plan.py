"""Where a container's cgroups will lie, and what is refused before anything is touched."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from runtime.cgroups import hierarchy, manager
from runtime.errors import CgroupFault, SpecFault
from runtime.kernel.files import CGROUP2_SUPER_MAGIC
from schemas.generated import state
from tests.support.cgroups import config, made_up_roots, mount_line
from tests.support.forked import as_user, in_child, needs_root
from tests.support.records import first_record

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.roots import Roots

OWN = "9:name=systemd:/session\n8:pids:/user/me\n7:cpu,cpuacct:/\n0::/v2/me\n"
RULES = [{"allow": False, "access": "rwm"}]


@pytest.fixture
def v1(tmp_path: Path) -> Roots:
    lines = [
        mount_line("pids", "pids"),
        mount_line("cpu,cpuacct", "cpu,cpuacct"),
        mount_line("systemd", "name=systemd"),
    ]
    return made_up_roots(tmp_path, "".join(lines), OWN)


@pytest.fixture
def v2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Roots:
    monkeypatch.setattr(hierarchy, "statfs_type", lambda _: CGROUP2_SUPER_MAGIC)
    return made_up_roots(tmp_path, "", OWN)


def plan(roots: Roots, asked: dict[str, Any], *, rootless: bool = False) -> manager.CgroupPlan:
    return manager.plan_cgroup(asked, container_id="box", roots=roots, rootless=rootless)


def test_an_absolute_path_lies_below_each_hierarchys_root(v1: Roots) -> None:
    assert plan(v1, config("/a//b/")).paths == {
        "pids": f"{v1.cgroup}/pids/a/b",
        "cpu": f"{v1.cgroup}/cpu,cpuacct/a/b",
        "cpuacct": f"{v1.cgroup}/cpu,cpuacct/a/b",
        "systemd": f"{v1.cgroup}/systemd/a/b",
    }


def test_a_relative_path_lies_below_our_own_cgroup(v1: Roots) -> None:
    paths = plan(v1, config("a/b")).paths
    assert paths["pids"] == f"{v1.cgroup}/pids/user/me/a/b"
    assert paths["cpu"] == f"{v1.cgroup}/cpu,cpuacct/a/b"
    assert paths["systemd"] == f"{v1.cgroup}/systemd/session/a/b"


@pytest.mark.parametrize("asked", [config(), config(""), {}, {"linux": {}}])
def test_without_a_path_the_id_lies_below_the_root(v1: Roots, asked: dict[str, Any]) -> None:
    assert plan(v1, asked).paths["pids"] == f"{v1.cgroup}/pids/box"


def test_on_v2_there_is_one_directory(v2: Roots) -> None:
    assert plan(v2, config("/a")).paths == {"unified": f"{v2.cgroup}/a"}
    assert plan(v2, config("a")).paths == {"unified": f"{v2.cgroup}/v2/me/a"}
    assert plan(v2, config()).paths == {"unified": f"{v2.cgroup}/box"}


@pytest.mark.parametrize("path", ["/", "/.", "/a/..", "/..", "/../a", "/a/../../b", "..", "../a", "a/../../b", "."])
def test_a_path_that_leads_to_no_cgroup_of_its_own_is_refused(v1: Roots, path: str) -> None:
    with pytest.raises(SpecFault) as caught:
        plan(v1, config(path))
    assert caught.value.pointer == "/linux/cgroupsPath"


def test_dots_within_a_path_are_resolved_in_the_text(v1: Roots) -> None:
    assert plan(v1, config("/a/../b/./c")).paths["pids"] == f"{v1.cgroup}/pids/b/c"


def test_a_systemd_slice_needs_systemd(v1: Roots) -> None:
    with pytest.raises(SpecFault, match=r"#/linux/cgroupsPath: user.slice:runf:box names a systemd slice, which needs"):
        plan(v1, config("user.slice:runf:box"))


def test_a_path_with_colons_in_it_is_a_path(v1: Roots) -> None:
    assert plan(v1, config("/a:b:c")).paths["pids"] == f"{v1.cgroup}/pids/a:b:c"


def test_a_limit_without_its_hierarchy_is_refused_by_name(v1: Roots) -> None:
    with pytest.raises(CgroupFault) as caught:
        plan(v1, config(memory={"limit": 1 << 20}))
    assert str(caught.value) == (
        "config.json#/linux/resources/memory/limit: the limit can't be set: no memory hierarchy is mounted; "
        "mount the memory cgroup, or leave it out"
    )


def test_device_rules_without_the_devices_hierarchy_are_refused_by_name(v1: Roots) -> None:
    with pytest.raises(CgroupFault, match=r"#/linux/resources/devices/0: .*: no devices hierarchy is mounted"):
        plan(v1, config(devices=RULES))


def test_a_machine_without_cgroups_runs_containers_that_ask_for_none(tmp_path: Path) -> None:
    roots = made_up_roots(tmp_path, "")
    os.rmdir(roots.cgroup)
    made = plan(roots, config("/a"))
    assert (made.version, made.paths, manager.record_cgroup(made)) == (0, {}, None)
    manager.make(made)
    manager.apply(made)
    assert manager.open_entry(made) == hierarchy.Entry(0, (), None, ())


@pytest.mark.parametrize(
    ("asked", "pointer"), [({"pids": {"limit": 3}}, "pids/limit"), ({"devices": RULES}, "devices/0")]
)
def test_a_machine_without_cgroups_refuses_what_needs_them(tmp_path: Path, asked: dict[str, Any], pointer: str) -> None:
    roots = made_up_roots(tmp_path, "")
    os.rmdir(roots.cgroup)
    with pytest.raises(CgroupFault, match=f"#/linux/resources/{pointer}: .*: no cgroups are mounted on {roots.cgroup}"):
        plan(roots, config("/a", **asked))


@pytest.mark.parametrize("version", [1, 2])
def test_the_record_has_the_schemas_shape(request: pytest.FixtureRequest, version: int) -> None:
    made = plan(request.getfixturevalue(f"v{version}"), config())
    record = first_record()
    record["linux"]["cgroup"] = manager.record_cgroup(made)
    state.validate(record)
    assert record["linux"]["cgroup"] == {"version": version, "paths": made.paths, "scope": None}


def open_to_users(place: Path) -> None:
    """Let an ordinary user come to ``place`` below pytest's private directories."""
    for directory in (place, *place.parents):
        if str(directory).startswith("/tmp/"):
            os.chmod(directory, 0o755)


def delegate(roots: Roots, *names: str) -> None:
    for name in names:
        os.makedirs(f"{roots.cgroup}/{name}", exist_ok=True)
        os.chmod(f"{roots.cgroup}/{name}", 0o777)


@needs_root
class TestAnOrdinaryUser:
    """Root may write everywhere, so what others may is asked as somebody else."""

    @pytest.fixture(autouse=True)
    def _reachable(self, tmp_path: Path) -> None:
        open_to_users(tmp_path)

    def told(self, roots: Roots, asked: dict[str, Any]) -> Any:
        def act() -> object:
            try:
                made = plan(roots, asked, rootless=True)
            except CgroupFault as fault:
                return str(fault)
            return [made.version, made.paths]

        return in_child(as_user(act))

    def test_gets_no_cgroup_where_none_was_delegated(self, v1: Roots) -> None:
        assert self.told(v1, config()) == [0, {}]

    def test_gets_the_hierarchies_that_were_delegated(self, v1: Roots) -> None:
        delegate(v1, "pids/user/me")
        os.makedirs(f"{v1.cgroup}/cpu,cpuacct")
        os.makedirs(f"{v1.cgroup}/systemd/session")
        assert self.told(v1, config()) == [1, {"pids": f"{v1.cgroup}/pids/user/me/box"}]

    def test_is_told_what_to_do_for_a_limit(self, v1: Roots) -> None:
        assert self.told(v1, config(pids={"limit": 5})) == (
            "config.json#/linux/resources/pids/limit: the limit can't be set: this user may not write to the pids "
            "hierarchy; have it delegated to you, or leave it out"
        )

    def test_gets_no_device_rules_but_also_no_fault_for_them(self, v1: Roots) -> None:
        assert self.told(v1, config(devices=RULES)) == [0, {}]

    def test_needs_the_right_to_move_there_on_v2(self, v2: Roots) -> None:
        delegate(v2, "v2/me")
        procs = f"{v2.cgroup}/v2/me/cgroup.procs"
        with open(procs, "w"):
            os.chmod(procs, 0o644)
        assert self.told(v2, config()) == [0, {}]
        os.chmod(procs, 0o666)
        assert self.told(v2, config()) == [2, {"unified": f"{v2.cgroup}/v2/me/box"}]

    def test_is_told_what_to_do_for_a_limit_on_v2(self, v2: Roots) -> None:
        os.makedirs(f"{v2.cgroup}/v2/me")
        assert self.told(v2, config(pids={"limit": 5})) == (
            "config.json#/linux/resources/pids/limit: the limit can't be set: this user may not write to the cgroup; "
            "have a cgroup delegated to you (systemd: Delegate=yes), or leave the limits out"
        )
