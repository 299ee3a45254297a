"""Several roots on one host."""

import json
import stat
from pathlib import Path

import pytest

from tests.support.containers import Runf, make_container_bundle


@pytest.fixture
def world(runf: Runf, monkeypatch: pytest.MonkeyPatch) -> Runf:
    """For an ordinary user a runtime directory of its own; root has only one, the host's."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runf.place))
    return runf


def test_containers_of_every_root_are_found_in_one_place(world: Runf, bundle: Path) -> None:
    world.ok("create", "-b", make_container_bundle(bundle, "true"), "one")
    try:
        elsewhere = Runf(world.place / "elsewhere")
        rows = json.loads(elsewhere.ok("list", "--all-roots", "--format", "json"))
        assert [row["root"] for row in rows if row["id"] == "one" and row["root"] == str(world.root)]
        table = elsewhere.ok("list", "--all-roots").splitlines()
        assert table[0].split()[-1] == "ROOT"
        assert any(line.split()[-1] == str(world.root) for line in table[1:])
    finally:
        world.ok("delete", "--force", "one")


@pytest.mark.needs("an ordinary user")  # root's announcements lie in /run, which is writable
def test_a_root_that_can_not_be_announced_has_containers_all_the_same(
    runf: Runf, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/proc")
    assert runf("run", "-b", make_container_bundle(bundle, "true"), "one").returncode == 0


@pytest.mark.needs("root")
def test_a_root_for_readers_belongs_to_whom_it_says(runf: Runf, bundle: Path) -> None:
    runf.ok("--public-state", "run", "-b", make_container_bundle(bundle, "true"), "one")
    assert stat.S_IMODE(runf.root.stat().st_mode) == 0o755
