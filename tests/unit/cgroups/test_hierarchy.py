"""Which hierarchies there are, and where we are in them, as /proc tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtime.cgroups import hierarchy
from runtime.cgroups.hierarchy import Hierarchy
from runtime.roots import Roots
from tests.support.cgroups import made_up_roots, mount_line

if TYPE_CHECKING:
    from pathlib import Path


def found(roots: Roots, name: str) -> Hierarchy:
    return next(each for each in hierarchy.find_hierarchies(roots) if each.name == name)


def test_each_mount_directly_below_the_root_is_a_hierarchy(tmp_path: Path) -> None:
    lines = [
        mount_line("memory", "memory"),
        mount_line("cpu,cpuacct", "cpu,cpuacct"),
        mount_line("systemd", "xattr,release_agent=/lib/x,name=systemd"),
    ]
    roots = made_up_roots(tmp_path, "".join(lines))
    assert hierarchy.find_hierarchies(roots) == (
        Hierarchy("memory", "memory", f"{roots.cgroup}/memory", "", ()),
        Hierarchy("cpu,cpuacct", "cpu,cpuacct", f"{roots.cgroup}/cpu,cpuacct", "", ()),
        Hierarchy("systemd", "none,name=systemd", f"{roots.cgroup}/systemd", "", ()),
    )


def test_what_lies_elsewhere_or_is_something_else_is_none(tmp_path: Path) -> None:
    lines = [
        mount_line("unified", "nsdelegate", fstype="cgroup2"),
        mount_line("deep/pids", "pids"),
        mount_line("pids", "pids").replace("@", "@-other"),
        "31 23 0:28 / @ rw - tmpfs tmpfs rw,mode=755\n",
    ]
    assert hierarchy.find_hierarchies(made_up_roots(tmp_path, "".join(lines))) == ()


def test_of_two_mounts_on_one_directory_the_later_counts(tmp_path: Path) -> None:
    roots = made_up_roots(tmp_path, mount_line("one", "pids") + mount_line("one", "freezer"))
    assert [each.options for each in hierarchy.find_hierarchies(roots)] == ["freezer"]


def test_links_are_told_as_aliases(tmp_path: Path) -> None:
    roots = made_up_roots(tmp_path, mount_line("cpu,cpuacct", "cpu,cpuacct"))
    for name in ("cpu", "cpuacct"):
        (tmp_path / "cgroup" / name).symlink_to("cpu,cpuacct")
    assert sorted(found(roots, "cpu,cpuacct").aliases) == ["cpu", "cpuacct"]


def test_a_named_hierarchy_holds_no_controllers(tmp_path: Path) -> None:
    roots = made_up_roots(tmp_path, mount_line("systemd", "name=systemd") + mount_line("cpu", "cpu,cpuacct"))
    assert found(roots, "systemd").controllers() == ()
    assert found(roots, "cpu").controllers() == ("cpu", "cpuacct")


@pytest.mark.parametrize(
    ("shown", "own", "directory"),
    [
        ("/", "/user/me", "/user/me"),
        ("/", "/", ""),
        # within a container without a cgroup namespace: the mount shows the container's part only
        ("/docker/abc", "/docker/abc", ""),
        ("/docker/abc", "/docker/abc/inner", "/inner"),
        ("/docker/abc", "/docker/abcdef", ""),
        # out of sight: of another cgroup namespace
        ("/", "/../elsewhere", ""),
        ("/docker/abc", "/elsewhere", ""),
    ],
)
def test_our_own_directory_is_told_from_what_the_mount_shows(
    tmp_path: Path, shown: str, own: str, directory: str
) -> None:
    roots = made_up_roots(tmp_path, mount_line("pids", "pids", shown), f"7:freezer:/wrong\n8:pids:{own}\n0::/v2\n")
    assert hierarchy.own_directory(roots, found(roots, "pids")) == f"{roots.cgroup}/pids{directory}"


def test_our_own_directory_in_v2_and_in_a_named_hierarchy_is_found_by_its_line(tmp_path: Path) -> None:
    own = "9:name=systemd:/session\n8:cpu,cpuacct:/cpu\n0::/v2\n"
    roots = made_up_roots(tmp_path, mount_line("systemd", "name=systemd") + mount_line("cpu", "cpuacct,cpu"), own)
    assert hierarchy.own_directory(roots, found(roots, "systemd")) == f"{roots.cgroup}/systemd/session"
    assert hierarchy.own_directory(roots, found(roots, "cpu")) == f"{roots.cgroup}/cpu/cpu"
    assert hierarchy.own_directory(roots, None) == f"{roots.cgroup}/v2"


def test_a_machine_without_the_directory_has_no_cgroups(tmp_path: Path) -> None:
    assert hierarchy.find_version(Roots("/nowhere", cgroup=str(tmp_path / "nothing"))) == 0


def test_a_directory_that_is_not_cgroup2_counts_as_v1(tmp_path: Path) -> None:
    assert hierarchy.find_version(Roots("/nowhere", cgroup=str(tmp_path))) == 1
