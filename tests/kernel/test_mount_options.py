"""Every mount option of the specification, made by the kernel and read back from mountinfo."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from runtime.errors import Unsupported
from runtime.kernel import mount, process
from runtime.sandbox.mount_options import ATTRIBUTES, PROPAGATION, SUPERBLOCK, parse_options
from runtime.sandbox.mounting import apply_mount
from runtime.sandbox.mounts import MountStep, plan_mounts
from runtime.sandbox.namespaces import plan_namespaces
from tests.support.forked import in_child, in_namespaces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

pytestmark = pytest.mark.needs("containers")
# mount(8): what the option is shown as; the rest is the default
SHOWN = {
    "ro": "ro",
    "nosuid": "nosuid",
    "nodev": "nodev",
    "noexec": "noexec",
    "nosymfollow": "nosymfollow",
    "noatime": "noatime",
    "nodiratime": "nodiratime",
}
ON_SUPERBLOCK = ("sync", "dirsync", "lazytime", "mand")
# a mount of a shared parent is shared itself; nobody is its master, so as a slave it is on its own
PROPAGATED: dict[str, set[str]] = {
    "shared": {"shared"},
    "slave": set(),
    "private": set(),
    "unbindable": {"unbindable"},
}
ACCESS_TIMES = {"noatime": {"noatime"}, "strictatime": set()}


def made(tmp_path: Path, *steps: tuple[str, str, Sequence[str]], look_at: str) -> Any:
    """Attributes and superblock options of the mount at ``look_at``, after (kind, place, options) of each step."""

    def make() -> list[list[str]]:
        mount.mount(None, "/", None, mount.MS_REC | mount.MS_PRIVATE)
        root = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
        for kind, place, options in steps:
            source = str(tmp_path / "source") if kind == "bind" else "x"
            apply_mount(root, MountStep(kind, place, "tmpfs", source, parse_options(options), "/mounts/0"))
        with open("/proc/self/mountinfo") as lines:
            found = [line.split() for line in lines if line.split()[4] == str(tmp_path) + look_at][-1]
        return [found[5].split(","), found[-1].split(",")]

    return in_namespaces(process.CLONE_NEWNS, make)


def expected(option: str) -> set[str]:
    times = ACCESS_TIMES.get(option, {"relatime"})
    return {"ro" if option == "ro" else "rw"} | times | ({SHOWN[option]} if option in SHOWN else set())


@pytest.mark.parametrize("option", sorted(ATTRIBUTES))
@pytest.mark.parametrize("recursive", ["", "r"])
def test_an_attribute_is_that_of_the_mount(tmp_path: Path, option: str, recursive: str) -> None:
    attributes, _ = made(tmp_path, ("new", "/m", [recursive + option]), look_at="/m")
    assert set(attributes) == expected(option)


@pytest.mark.parametrize(
    "option",
    [
        *("ro", "nosuid", "nodev", "noexec", "nosymfollow"),
        # in a user namespace those of the host's mounts can't be changed
        *(pytest.param(name, marks=pytest.mark.needs("root")) for name in ("noatime", "nodiratime")),
    ],
)
def test_a_recursive_attribute_reaches_what_is_mounted_beneath_and_another_does_not(
    tmp_path: Path, option: str
) -> None:
    (tmp_path / "source" / "beneath").mkdir(parents=True)
    beneath = ("new", "/source/beneath", [])
    for words, has_it in ((["rbind", f"r{option}"], True), (["rbind", option], False)):
        attributes, _ = made(tmp_path, beneath, ("bind", "/m", words), look_at="/m/beneath")
        assert (SHOWN[option] in attributes) == has_it


@pytest.mark.parametrize("option", sorted(SUPERBLOCK))
def test_an_option_of_the_superblock_leaves_the_attributes_alone(tmp_path: Path, option: str) -> None:
    attributes, superblock = made(tmp_path, ("new", "/m", ["nosuid", "noatime", option]), look_at="/m")
    assert set(attributes) == {"rw", "nosuid", "noatime"}
    assert (option in superblock) == (option in ON_SUPERBLOCK)


def test_a_later_option_wins(tmp_path: Path) -> None:
    attributes, superblock = made(
        tmp_path, ("new", "/m", ["ro", "sync", "noatime", "rw", "async", "strictatime", "defaults"]), look_at="/m"
    )
    assert set(attributes) == {"rw"}
    assert "sync" not in superblock


def test_a_remount_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    first = ("new", "/m", ["nosuid", "nodev", "noatime", "sync", "size=64k"])
    again = ("remount", "/m", ["noexec", "async", "lazytime", "size=128k"])
    attributes, superblock = made(tmp_path, first, again, look_at="/m")
    assert set(attributes) == {"rw", "nosuid", "nodev", "noexec", "noatime"}
    assert {"lazytime", "size=128k"} <= set(superblock)
    assert "sync" not in superblock


@pytest.mark.parametrize("recursive", ["", "r"])
@pytest.mark.parametrize("kind", sorted(PROPAGATION))
def test_propagation_is_that_of_the_mount(tmp_path: Path, kind: str, recursive: str) -> None:
    def make() -> list[str]:
        mount.mount(None, "/", None, mount.MS_REC | mount.MS_SHARED)
        root = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
        options = parse_options([recursive + kind])
        apply_mount(root, MountStep("new", "/m", "tmpfs", "x", options, "/mounts/0"))
        with open("/proc/self/mountinfo") as lines:
            line = next(line for line in lines if line.split()[4] == f"{tmp_path}/m")
        return line.partition(" - ")[0].split()[6:]

    shown = {word.partition(":")[0] for word in in_namespaces(process.CLONE_NEWNS, make)}
    assert shown == PROPAGATED[kind]


def test_iversion_is_for_a_new_file_system(tmp_path: Path) -> None:
    def plan(*options: str) -> Callable[[], object]:
        config = {"mounts": [{"destination": "/m", "type": "tmpfs", "options": list(options)}]}
        return lambda: plan_mounts(config, bundle="/", namespaces=plan_namespaces(config, rootless=False))

    assert in_child(lambda: plan("iversion")() is not None)
    with pytest.raises(Unsupported) as caught:
        plan("remount", "iversion")()
    assert caught.value.message.startswith("config.json#/mounts/0/options: iversion is for a new file system")
