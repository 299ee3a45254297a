"""Network devices of a host, which is a network namespace of the test's own, that move into a container."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from runtime.kernel import process
from tests.support.containers import Runf, make_container_bundle
from tests.support.elsewhere import Elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.needs("root", "program:ip", "program:nsenter")
# one end moves, the other stays: what the host sees afterwards tells whether the device lives
HOST_SETUP = (
    "link add mine address 02:00:00:00:00:07 mtu 1400 type veth peer name other",
    "link set other up",
    "link set mine up",
    "address add 10.9.8.7/24 broadcast + dev mine",
    "address add fd00:9::7/64 dev mine nodad noprefixroute",
    "address add 10.1.1.1/32 scope link dev mine",
    "address add 10.2.2.2/32 dev mine valid_lft 999 preferred_lft 999",
)


class Host:
    """A network namespace with its devices, and runf in it."""

    def __init__(self, runf: Runf, elsewhere: Elsewhere) -> None:
        self.enter = ("nsenter", f"--net=/proc/{elsewhere.pid}/ns/net")
        self.runf = Runf(runf.place, self.enter)

    def ip(self, words: str) -> str:
        return subprocess.run([*self.enter, "ip", *words.split()], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def host(runf: Runf) -> Iterator[Host]:
    with Elsewhere(process.CLONE_NEWNET) as elsewhere:
        made = Host(runf, elsewhere)
        for words in HOST_SETUP:
            made.ip(words)
        yield made
        for container_id in ("one", "two"):
            made.runf("delete", "--force", container_id)


def moving(devices: dict[str, dict[str, str]], **linux: Any) -> Callable[[dict[str, Any]], object]:
    return lambda config: config["linux"].update(netDevices=devices, **linux)


def run(host: Host, bundle: Path, script: str, change: Callable[[dict[str, Any]], object]) -> str:
    return host.runf.ok("run", "-b", make_container_bundle(bundle, "sh", "-c", script, change=change), "one")


def refusal(host: Host, bundle: Path, change: Callable[[dict[str, Any]], object]) -> str:
    refused = host.runf("run", "-b", make_container_bundle(bundle, "true", change=change), "one")
    assert refused.returncode == 1
    assert not (host.runf.root / "one").exists()
    return refused.stderr


def test_a_device_moves_with_its_permanent_global_addresses(host: Host, bundle: Path) -> None:
    found = run(
        host, bundle, "ip -o link show dev inside; ip -o address show dev inside", moving({"mine": {"name": "inside"}})
    )
    assert "mtu 1400" in found
    assert "02:00:00:00:00:07" in found
    assert "state UP" in found
    assert "inet 10.9.8.7/24 brd 10.9.8.255 scope global" in found
    assert "inet6 fd00:9::7/64 scope global" in found
    assert "10.1.1.1" not in found
    assert "10.2.2.2" not in found


def test_without_a_name_it_keeps_its_own_and_its_parameters_can_be_set(host: Host, bundle: Path) -> None:
    change = moving({"mine": {}}, sysctl={"net.ipv4.conf.mine.forwarding": "1"})
    assert run(host, bundle, "cat /proc/sys/net/ipv4/conf/mine/forwarding; ls /sys/class/net", change).split()[0] == "1"


def test_a_template_takes_the_first_free_number(host: Host, bundle: Path) -> None:
    host.ip("link add more type veth peer name even")
    found = run(host, bundle, "ip -o link show", moving({"mine": {"name": "net%d"}, "more": {"name": "net%d"}}))
    assert ": net0@" in found
    assert ": net1@" in found


def test_a_device_moves_into_a_user_namespace(host: Host, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        moving({"mine": {}})(config)
        config["linux"]["namespaces"].append({"type": "user"})
        for name in ("uidMappings", "gidMappings"):
            config["linux"][name] = [{"containerID": 0, "hostID": 100000, "size": 1000}]

    (bundle / "rootfs").mkdir()
    os.chown(bundle / "rootfs", 100000, 100000)
    assert "10.9.8.7/24" in run(host, bundle, "ip -o address show dev mine", change)


def test_a_name_that_is_taken_is_an_error_and_the_device_stays(host: Host, bundle: Path) -> None:
    before = host.ip("-o link show dev mine")
    told = refusal(host, bundle, moving({"mine": {"name": "lo"}}))
    assert "netDevices/mine: the container has a network device lo already" in told
    assert host.ip("-o link show dev mine") == before
    assert "10.9.8.7/24" in host.ip("-o address show dev mine")


def test_a_device_that_is_not_there_is_an_error_and_the_others_come_back(host: Host, bundle: Path) -> None:
    told = refusal(host, bundle, moving({"mine": {"name": "inside"}, "none": {}}))
    assert "netDevices/none: the host has no such network device" in told
    assert "10.9.8.7/24" in host.ip("-o address show dev mine")
    assert ",UP" in host.ip("-o link show dev mine")


def test_a_create_that_fails_later_gives_the_devices_back(host: Host, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        moving({"mine": {"name": "inside"}})(config)
        config["process"]["args"] = ["no-such-program"]

    assert "executable file not found" in refusal(host, bundle, change)
    assert "10.9.8.7/24" in host.ip("-o address show dev mine")
    assert "fd00:9::7/64" in host.ip("-o address show dev mine")


def test_what_linux_does_not_move_is_an_error(host: Host, bundle: Path) -> None:
    told = refusal(host, bundle, moving({"lo": {"name": "loop"}}))
    assert "netDevices/lo: it can't become loop in the container: Invalid argument" in told


def test_delete_brings_nothing_back(host: Host, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sleep", "600", change=moving({"mine": {}}))
    host.runf.ok("run", "-d", "-b", path, "two")
    host.runf.ok("delete", "--force", "two")
    assert "mine" not in host.ip("-o link show")
