"""An ordinary user's containers in a cgroup of version 2 that was delegated to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.containers import make_container_bundle
from tests.support.needs import delegated_directory, needs
from tests.support.session import unique_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.containers import Runf

MIB = 1 << 20
CGROUPS = "/sys/fs/cgroup"


@pytest.fixture
def own(runf: Runf) -> Iterator[tuple[Runf, Path]]:
    """The command line as started in a cgroup of its own, and that cgroup."""
    above = delegated_directory()
    assert above is not None
    directory = Path(above, unique_name())
    directory.mkdir()
    runf.prefix = ("sh", "-c", f'echo 0 >{directory}/cgroup.procs && exec "$@"', "sh")
    try:
        yield runf, directory
    finally:
        runf.clean()
        directory.rmdir()


def limited(path: str | None = None, **resources: Any) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        config["linux"].setdefault("resources", {}).update(resources)
        if path is not None:
            config["linux"]["cgroupsPath"] = path

    return change


@needs("delegated cgroup controller:memory", "delegated cgroup controller:pids")
def test_limits_are_set_beside_the_callers_own_cgroup(runf: Runf, bundle: Path) -> None:
    above = delegated_directory()
    assert above is not None
    place = Path(above, unique_name())
    change = limited(str(place).removeprefix(CGROUPS), memory={"limit": 64 * MIB}, pids={"limit": 20})
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600", change=change), "one")
    assert runf.record("one")["linux"]["cgroup"] == {"version": 2, "paths": {"unified": str(place)}, "scope": None}
    assert (place / "memory.max").read_text() == f"{64 * MIB}\n"
    assert (place / "pids.max").read_text() == "20\n"
    runf.ok("update", "--pids-limit", "30", "one")
    assert (place / "pids.max").read_text() == "30\n"
    runf.ok("pause", "one")
    assert runf.state("one")["status"] == "paused"
    runf.ok("resume", "one")
    runf.ok("delete", "--force", "one")
    assert not place.exists()


@needs("delegated cgroup controller:pids")
def test_below_the_callers_own_cgroup_limits_of_threads_controllers_are_set(
    own: tuple[Runf, Path], bundle: Path
) -> None:
    runf, directory = own
    path = make_container_bundle(bundle, "sh", "-c", "sleep 600 & sleep 600", change=limited(pids={"limit": 20}))
    runf.ok("run", "-d", "-b", path, "one")
    assert (directory / "one" / "cgroup.type").read_text() == "threaded\n"
    assert (directory / "one" / "pids.max").read_text() == "20\n"
    assert runf.ok("exec", "one", "cat", "/proc/self/cgroup") == "0::/\n"
    assert runf.ok("ps", "one").count("sleep 600") >= 2
    runf.ok("pause", "one")
    assert runf.state("one")["status"] == "paused"
    runf.ok("resume", "one")
    runf.ok("delete", "--force", "one")
    assert not (directory / "one").exists()


@needs("delegated cgroup controller:memory")
def test_below_the_callers_own_cgroup_another_limit_is_refused_and_says_where_it_would_do(
    own: tuple[Runf, Path], bundle: Path
) -> None:
    runf, directory = own
    refused = runf("create", "-b", make_container_bundle(bundle, "true", change=limited(memory={"limit": MIB})), "one")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert (
        f"+memory can't be written to {directory}/cgroup.subtree_control: Device or resource busy; " in refused.stderr
    )
    assert "name an absolute path in cgroupsPath" in refused.stderr
    assert (directory / "cgroup.type").read_text() == "domain\n"


@needs("delegated cgroup controller:pids")
def test_below_the_callers_own_cgroup_one_without_limits_is_like_any_other(
    own: tuple[Runf, Path], bundle: Path
) -> None:
    runf, directory = own
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    assert (directory / "one" / "cgroup.type").read_text() == "domain\n"
    pid = runf.state("one")["pid"]
    assert Path(f"/proc/{pid}/cgroup").read_text() == f"0::{str(directory).removeprefix(CGROUPS)}/one\n"
