"""Id-mapped mounts: owners as the container sees them, and owners on disk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from runtime.kernel import process
from tests.support.containers import Runf, make_container_bundle
from tests.support.elsewhere import Elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.needs("root")


def id_map(inside: int, outside: int, size: int = 10) -> list[dict[str, int]]:
    return [{"containerID": inside, "hostID": outside, "size": size}]


def add_mount(config: dict[str, Any], source: Path, *options: str, **members: Any) -> None:
    entry = {"destination": "/v", "type": "bind", "source": str(source), "options": ["rbind", *options], **members}
    config["mounts"].append(entry)


def add_user_namespace(config: dict[str, Any]) -> None:
    config["linux"]["namespaces"].append({"type": "user"})
    for name in ("uidMappings", "gidMappings"):
        config["linux"][name] = id_map(0, 100000, 1000)


@pytest.fixture
def volume(runf: Runf, bundle: Path) -> Path:
    """A directory with a file of uid 3 and gid 4; the container's root belongs to the user namespaces here."""
    made = runf.place / "volume"
    made.mkdir()
    (made / "file").write_text("")
    os.chown(made / "file", 3, 4)
    made.chmod(0o777)
    (bundle / "rootfs").mkdir()
    os.chown(bundle / "rootfs", 100000, 100000)
    return made


def run(runf: Runf, bundle: Path, script: str, change: Callable[[dict[str, Any]], object]) -> str:
    return runf.ok("run", "-b", make_container_bundle(bundle, "sh", "-c", script, change=change), "one")


@pytest.mark.parametrize("options", [("idmap",), ("ridmap",), ()])
def test_a_bind_shows_owners_as_its_maps_say_and_stores_them_backwards(
    runf: Runf, bundle: Path, volume: Path, options: tuple[str, ...]
) -> None:
    def change(config: dict[str, Any]) -> None:
        add_mount(config, volume, *options, uidMappings=id_map(0, 500), gidMappings=id_map(0, 600))
        config["process"]["user"] = {"uid": 505, "gid": 606}

    assert run(runf, bundle, "stat -c '%u %g' /v/file; touch /v/made", change) == "503 604\n"
    made = (volume / "made").stat()
    assert (made.st_uid, made.st_gid) == (5, 6)


def test_without_maps_those_of_the_containers_user_namespace_hold(runf: Runf, bundle: Path, volume: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        add_user_namespace(config)
        add_mount(config, volume, "idmap")

    assert run(runf, bundle, "stat -c '%u %g' /v/file; touch /v/made", change) == "3 4\n"
    assert (volume / "made").stat().st_uid == 0


def test_maps_of_a_mount_win_over_those_of_the_user_namespace(runf: Runf, bundle: Path, volume: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        add_user_namespace(config)
        add_mount(config, volume, "idmap", uidMappings=id_map(0, 100020), gidMappings=id_map(0, 100030))

    assert run(runf, bundle, "stat -c '%u %g' /v/file", change) == "23 34\n"


def test_without_maps_those_of_a_joined_user_namespace_hold(runf: Runf, bundle: Path, volume: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        elsewhere.join(config, "user")
        add_mount(config, volume, "idmap")

    with Elsewhere(process.CLONE_NEWUSER) as elsewhere:
        for kind in ("uid", "gid"):
            with open(f"/proc/{elsewhere.pid}/{kind}_map", "w") as file:
                file.write("0 100000 1000")
        assert run(runf, bundle, "stat -c '%u %g' /v/file", change) == "3 4\n"


@pytest.mark.parametrize(("option", "shown"), [("idmap", "503 3"), ("ridmap", "503 503")])
def test_only_ridmap_reaches_what_is_mounted_beneath(
    runf: Runf, bundle: Path, volume: Path, option: str, shown: str
) -> None:
    def change(config: dict[str, Any]) -> None:
        add_mount(config, volume, option, uidMappings=id_map(0, 500), gidMappings=id_map(0, 600))

    (volume / "beneath").mkdir()
    mounted = Runf(
        runf.place,
        ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && touch "$0/x" && chown 3:4 "$0/x" && "$@"')
        + (str(volume / "beneath"),),
    )
    found = run(mounted, bundle, "stat -c %u /v/file /v/beneath/x", change)
    assert found.split() == shown.split()


def test_a_new_file_system_can_have_its_ids_mapped(runf: Runf, bundle: Path, volume: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        entry = {"destination": "/new", "type": "tmpfs", "options": ["idmap", "uid=3", "gid=4"]}
        config["mounts"].append({**entry, "uidMappings": id_map(0, 500), "gidMappings": id_map(0, 600)})

    assert run(runf, bundle, "stat -c '%u %g' /new", change) == "503 604\n"


def test_a_file_system_that_cannot_map_ids_is_an_error(runf: Runf, bundle: Path, volume: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        entry = {"destination": "/new", "type": "mqueue", "options": ["idmap"]}
        config["mounts"].append({**entry, "uidMappings": id_map(0, 500), "gidMappings": id_map(0, 600)})

    refused = runf("run", "-b", make_container_bundle(bundle, "true", change=change), "one")
    assert refused.returncode == 1
    assert ": mqueue on /new: mount_setattr(" in refused.stderr
    assert not (runf.root / "one").exists()


def test_what_only_changes_a_mount_cannot_map_its_ids(runf: Runf, bundle: Path, volume: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        entry = {"destination": "/tmp", "options": ["remount", "idmap"]}
        config["mounts"].append({**entry, "uidMappings": id_map(0, 500), "gidMappings": id_map(0, 600)})

    refused = runf("run", "-b", make_container_bundle(bundle, "true", change=change), "one")
    assert refused.returncode == 1
    assert "only a bind mount or a new file system can have its ids mapped" in refused.stderr
