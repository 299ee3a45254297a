"""What a record says is a cgroup is opened if it is one, and no link leads there (cgroups/claims.py)."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from runtime.cgroups import claims, manager
from runtime.errors import CgroupFault
from runtime.kernel import files, mount, process
from tests.support.cgroups import Groups, directories
from tests.support.forked import in_child

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.needs("root", "cgroup1")


@pytest.fixture(params=[True, False], ids=["without ctypes", "by openat2"])
def is_spared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a cgroup is opened as by a command that has not loaded ctypes (cgroups/claims.py)."""
    if request.param:
        monkeypatch.delitem(sys.modules, "runtime.kernel.libc", raising=False)
    else:
        importlib.import_module("runtime.kernel.libc")
    monkeypatch.setattr(claims, "_devices", {})
    return bool(request.param)


def test_a_cgroup_is_opened_without_ctypes_where_nothing_else_needs_that(
    groups: Groups, is_spared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []

    def openat2(*words: Any, **named: Any) -> int:
        called.append(words)
        return files.openat2(*words, **named)

    monkeypatch.setattr(claims, "openat2", openat2)
    for path in groups.made().paths.values():
        fd = claims.open_claimed(path)
        assert fd is not None
        assert os.readlink(f"/proc/self/fd/{fd}") == path
        assert not os.get_inheritable(fd)
        os.close(fd)
    assert bool(called) is not is_spared


def test_a_cgroup_that_is_not_there_is_none(groups: Groups, is_spared: bool) -> None:
    path = groups.made().paths["pids"]
    assert claims.open_claimed(f"{path}/absent") is None


def test_what_is_mounted_over_a_cgroup_is_none(groups: Groups, is_spared: bool) -> None:
    path = groups.made().paths["pids"]

    def refused() -> object:
        process.unshare(process.CLONE_NEWNS)
        mount.mount(None, "/", None, mount.MS_REC | mount.MS_PRIVATE)
        mount.mount("/tmp", path, None, mount.MS_BIND)
        if is_spared:
            sys.modules.pop("runtime.kernel.libc", None)  # which these calls may have loaded
        try:
            return claims.open_claimed(path)
        except CgroupFault as fault:
            return str(fault)

    assert in_child(refused) == (
        f"{path} in the record is no cgroup of a container; look at its record with `runf state`"
    )


@pytest.mark.parametrize(
    "path",
    ["/sys/fs/cgroup/pids", "/sys/fs/cgroup", "/sys/fs/cgroup/pids/../pids", "/tmp", "/proc/self/root/tmp", "relative"],
)
def test_a_record_that_names_no_cgroup_of_a_container_touches_nothing(path: str, is_spared: bool) -> None:
    claimed = {"version": 1, "paths": {"freezer": path}, "scope": None}
    for action in (manager.remove, manager.kill_all, manager.freeze, manager.pids):
        with pytest.raises(CgroupFault, match="in the record is no cgroup of a container"):
            action(claimed)


def test_a_link_to_a_cgroup_is_no_cgroup(groups: Groups, tmp_path: os.PathLike[str], is_spared: bool) -> None:
    plan = groups.made()
    link = os.path.join(tmp_path, "link")
    os.symlink(plan.paths["pids"], link)
    with pytest.raises(CgroupFault, match="in the record is no cgroup of a container"):
        manager.remove({"paths": {"pids": link}})
    assert plan.paths["pids"] in directories(plan)
