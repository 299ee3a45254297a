"""Attacks by what lies in the image, or in a volume that somebody changes at the same moment."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from runtime.kernel.files import renameat2
from runtime.kernel.process import CLONE_NEWNET, setns
from tests.support.containers import Runf, make_container_bundle
from tests.support.forked import in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

needs_root = pytest.mark.needs("root")
RENAME_EXCHANGE = 2
RACES = 8
HOST_SETTING = "/proc/sys/kernel/core_pattern"


def volume(config: dict[str, Any], source: Path, destination: str, *options: str) -> None:
    entry = {"destination": destination, "type": "bind", "source": str(source), "options": ["rbind", *options]}
    config["mounts"].append(entry)


def without_mount(config: dict[str, Any], destination: str) -> None:
    config["mounts"] = [
        entry for entry in config["mounts"] if not f"{entry['destination']}/".startswith(f"{destination}/")
    ]


@contextmanager
def exchanging(one: Path, other: Path) -> Iterator[None]:
    """A process that swaps both names all the time, as another container with the same volume would."""
    pid = os.fork()
    if pid == 0:
        try:
            directory = os.open(one.parent, os.O_RDONLY | os.O_DIRECTORY)
            while True:
                renameat2(directory, one.name, directory, other.name, RENAME_EXCHANGE)
        finally:
            os._exit(1)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.fixture
def outside(runf: Runf) -> Path:
    """A directory of the host that no container is given."""
    made = runf.place / "outside"
    made.mkdir(mode=0o777)
    made.chmod(0o777)
    return made


def untouched(outside: Path) -> bool:
    with open("/proc/self/mountinfo") as mounts:
        return not list(outside.iterdir()) and str(outside) not in mounts.read()


@pytest.mark.parametrize("kind", ["tmpfs", "bind", "file"])
def test_a_link_exchanged_for_the_mount_point_leads_nowhere(runf: Runf, bundle: Path, outside: Path, kind: str) -> None:
    """CVE-2021-30465, CVE-2024-45310: neither the mount nor a directory or file on the way to it lands on the host."""

    def change(config: dict[str, Any]) -> None:
        config["root"]["readonly"] = False
        if kind == "tmpfs":
            config["mounts"].append({"destination": "/race/a/b", "type": "tmpfs", "source": "x"})
        else:
            volume(config, source / "file" if kind == "file" else source, "/race/a/b", "rw")

    source = runf.place / "source"
    source.mkdir()
    (source / "file").touch()
    path = make_container_bundle(bundle, "sh", "-c", ": > /race/a/made || : > /made", change=change)
    race, link = bundle / "rootfs" / "race", bundle / "rootfs" / "link"
    race.mkdir()
    link.symlink_to(outside)
    with exchanging(race, link):
        for number in range(RACES):
            done = runf("run", "-b", path, f"race-{number}")
            assert "Traceback" not in done.stderr
    assert untouched(outside)


@pytest.mark.parametrize("name", ["proc", "dev"])
def test_a_link_exchanged_for_a_trusted_directory_leads_nowhere(
    runf: Runf, bundle: Path, outside: Path, name: str
) -> None:
    """CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2026-41579, CVE-2026-47766."""
    path = make_container_bundle(bundle, "sh", "-c", f": > /{name}/made")
    trusted, link = bundle / "rootfs" / name, bundle / "rootfs" / "link"
    trusted.mkdir()
    link.symlink_to(outside)
    with exchanging(trusted, link):
        for number in range(RACES):
            done = runf("run", "-b", path, f"race-{number}")
            assert "Traceback" not in done.stderr
    assert untouched(outside)


@needs_root
@pytest.mark.parametrize("target", ["absolute", "climbing"])
def test_no_node_is_made_through_a_dev_of_the_image(runf: Runf, bundle: Path, outside: Path, target: str) -> None:
    """CVE-2026-41579, CVE-2026-47766: /dev of the image is a link, and nothing is mounted on it."""
    path = make_container_bundle(bundle, "true", change=lambda config: without_mount(config, "/dev"))
    link = bundle / "rootfs" / "dev"
    link.symlink_to(outside if target == "absolute" else "../../outside")
    refused = runf("run", "-b", path, "one")
    assert refused.returncode == 1
    assert "/dev in the root file system is a symbolic link" in refused.stderr
    assert untouched(outside)


@needs_root
def test_a_volume_over_proc_takes_no_label_and_no_parameter(runf: Runf, bundle: Path) -> None:
    """CVE-2019-16884, CVE-2019-18837, CVE-2019-19921, CVE-2025-52881: what we write for procfs lands in a volume."""

    def change(config: dict[str, Any]) -> None:
        without_mount(config, "/proc")
        config["linux"].update(sysctl={"net.ipv4.ip_forward": "1"}, maskedPaths=[], readonlyPaths=[])
        volume(config, fake, "/proc")

    fake = runf.place / "fake"
    files = [
        fake / name
        for name in ("self/attr/exec", "self/attr/apparmor/exec", "thread-self/attr/exec", "self/oom_score_adj")
    ]
    files.append(fake / "sys/net/ipv4/ip_forward")
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600", change=change), "one")
    assert [file.read_text() for file in files] == [""] * len(files)
    assert in_network_of(runf.state("one")["pid"], "/proc/sys/net/ipv4/ip_forward") == "1\n"


def in_network_of(pid: int, path: str) -> str:
    def look() -> str:
        setns(os.open(f"/proc/{pid}/ns/net", os.O_RDONLY), CLONE_NEWNET)
        with open(path) as file:
            return file.read()

    found: str = in_child(look)
    return found


@pytest.mark.parametrize("destination", ["/proc/self/attr", "/proc/sys", "/proc/1", "/proc"])
def test_nothing_is_laid_over_procfs(runf: Runf, bundle: Path, outside: Path, destination: str) -> None:
    """CVE-2019-16884: a volume over parts of /proc feigns what others trust."""
    change: Callable[[dict[str, Any]], object] = lambda config: volume(config, outside, destination)  # noqa: E731
    refused = runf("run", "-b", make_container_bundle(bundle, "true", change=change), "one")
    assert refused.returncode == 1
    assert "only a few files of procfs may be mounted over" in refused.stderr


@needs_root
def test_masks_are_made_of_the_hosts_null_device(runf: Runf, bundle: Path) -> None:
    """CVE-2025-31133: /dev/null of the image is a link, and what should be hidden becomes writable."""

    def change(config: dict[str, Any]) -> None:
        without_mount(config, "/dev")
        volume(config, dev, "/dev")
        config["linux"]["maskedPaths"] = ["/proc/keys"]

    dev = runf.place / "dev"
    dev.mkdir()
    (dev / "null").symlink_to(HOST_SETTING)
    path = make_container_bundle(bundle, "stat", "-c", "%F %t:%T", "/proc/keys", change=change)
    assert runf.ok("run", "-b", path, "one") == "character special file 1:3\n"


def own_dev(config: dict[str, Any]) -> None:
    """The image's own /dev, with a devpts in it."""
    config["mounts"] = [entry for entry in config["mounts"] if entry["destination"] not in ("/dev", "/dev/shm")]


@needs_root
@pytest.mark.parametrize("name", ["null", "tty", "full"])
def test_a_link_in_the_place_of_a_device_is_refused(runf: Runf, bundle: Path, name: str) -> None:
    """CVE-2025-31133: what is made, or bound, onto a link changes what it leads to."""
    path = make_container_bundle(bundle, "true", change=own_dev)
    (bundle / "rootfs" / "dev").mkdir()
    (bundle / "rootfs" / "dev" / name).symlink_to(HOST_SETTING)
    refused = runf("run", "-b", path, "one")
    assert refused.returncode == 1
    assert f"/dev/{name} in the root file system is something else than that device" in refused.stderr


@needs_root
@pytest.mark.parametrize("target", ["/victim", "victim", "../victim"])
def test_the_console_is_bound_onto_no_link(runf: Runf, bundle: Path, target: str) -> None:
    """CVE-2025-52565: /dev/console leads to what should be masked, and the terminal makes it writable."""
    path = make_container_bundle(bundle, "stat", "-c", "%F", "/victim", "/dev/victim", change=own_dev, terminal=True)
    dev = bundle / "rootfs" / "dev"
    dev.mkdir()
    for victim in (bundle / "rootfs" / "victim", dev / "victim"):
        victim.write_text("untouched")
    (dev / "console").symlink_to(target)
    leader, follower = os.openpty()
    try:
        done = subprocess.run(
            runf.argv("run", "-b", path, "one"), stdin=follower, stdout=follower, stderr=follower, check=False
        )
        told = os.read(leader, 4096).decode()
    finally:
        os.close(leader)
        os.close(follower)
    assert "character special" not in told
    assert done.returncode == 1 or told.count("regular file") == 2
    assert (dev / "victim").read_text() == "untouched"
