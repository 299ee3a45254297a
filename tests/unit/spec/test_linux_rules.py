"""Rules of the linux section: what breaks them is named with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.errors import SpecFault
from runtime.kernel.sysctl import sysctl_parts
from runtime.spec.bundle import parse_config
from tests.support.bundles import make_config

ALL_NAMESPACES = [{"type": kind} for kind in ("mount", "uts", "ipc", "network", "pid")]
ONE_ID = [{"containerID": 0, "hostID": 1000, "size": 1}]


def parse(**linux: Any) -> Any:
    config = make_config(rootless=False, linux={"namespaces": ALL_NAMESPACES, **linux})
    return parse_config(json.dumps(config).encode(), "/bundle")["linux"]


def refusal(**linux: Any) -> SpecFault:
    with pytest.raises(SpecFault) as caught:
        parse(**linux)
    return caught.value


def test_a_namespace_type_is_given_once() -> None:
    assert refusal(namespaces=[*ALL_NAMESPACES, {"type": "pid"}]).pointer == "/linux/namespaces/5"


def test_an_unknown_namespace_type_is_refused() -> None:
    assert refusal(namespaces=[*ALL_NAMESPACES, {"type": "net"}]).pointer == "/linux/namespaces/5/type"


def test_a_namespace_is_joined_by_an_absolute_path() -> None:
    fault = refusal(namespaces=[{"type": "pid", "path": "proc/1/ns/pid"}, *ALL_NAMESPACES[:4]])

    assert fault.pointer == "/linux/namespaces/0/path"


@pytest.mark.parametrize("name", ["uidMappings", "gidMappings"])
def test_an_id_map_needs_a_user_namespace(name: str) -> None:
    assert refusal(**{name: ONE_ID}).pointer == f"/linux/{name}"


@pytest.mark.parametrize(("given", "missing"), [("uidMappings", "gidMappings"), ("gidMappings", "uidMappings")])
def test_a_new_user_namespace_needs_both_id_maps(given: str, missing: str) -> None:
    fault = refusal(namespaces=[*ALL_NAMESPACES, {"type": "user"}], **{given: ONE_ID})

    assert fault.pointer == f"/linux/{missing}"


def test_a_joined_user_namespace_needs_no_id_map() -> None:
    assert "uidMappings" not in parse(namespaces=[*ALL_NAMESPACES, {"type": "user", "path": "/proc/7/ns/user"}])


def test_a_joined_user_namespace_may_come_with_an_id_map_that_means_nothing() -> None:
    joined = [*ALL_NAMESPACES, {"type": "user", "path": "/proc/7/ns/user"}]
    elsewhere = [{"containerID": 500, "hostID": 0, "size": 1}]

    assert parse(namespaces=joined, uidMappings=elsewhere, gidMappings=elsewhere)["uidMappings"] == elsewhere


@pytest.mark.parametrize(
    ("entry", "member"),
    [
        ({"containerID": 5, "hostID": 9000, "size": 1}, "containerID"),
        ({"containerID": 50, "hostID": 1005, "size": 1}, "hostID"),
        ({"containerID": 50, "hostID": 4294967290, "size": 10}, "size"),
    ],
)
def test_ranges_of_an_id_map_lie_side_by_side(entry: dict[str, int], member: str) -> None:
    mappings = [{"containerID": 0, "hostID": 1000, "size": 10}, entry]
    fault = refusal(namespaces=[*ALL_NAMESPACES, {"type": "user"}], uidMappings=mappings, gidMappings=ONE_ID)

    assert fault.pointer == f"/linux/uidMappings/1/{member}"


@pytest.mark.parametrize(
    ("user", "pointer"),
    [
        ({"uid": 1, "gid": 0}, "/process/user/uid"),
        ({"uid": 0, "gid": 1}, "/process/user/gid"),
        ({"uid": 0, "gid": 0, "additionalGids": [0, 5]}, "/process/user/additionalGids/1"),
    ],
)
def test_the_user_must_have_a_counterpart_outside(user: dict[str, Any], pointer: str) -> None:
    config = make_config(rootless=True, uid=1000, gid=1000, process={"user": user})

    with pytest.raises(SpecFault) as caught:
        parse_config(json.dumps(config).encode(), "/bundle")

    assert caught.value.pointer == pointer


def test_a_process_without_a_user_is_root() -> None:
    config = make_config(rootless=True, uid=1000, gid=1000, process={"user": None})

    assert "user" not in parse_config(json.dumps(config).encode(), "/bundle")["process"]


@pytest.mark.parametrize(
    ("name", "namespace"),
    [
        ("net.core.somaxconn", "network"),
        ("net/ipv4/conf/eth0.1/forwarding", "network"),
        ("kernel.shmmax", "ipc"),
        ("fs.mqueue.msg_max", "ipc"),
        ("kernel.domainname", "uts"),
        ("user.max_user_namespaces", "user"),
    ],
)
def test_a_kernel_parameter_needs_its_namespace(name: str, namespace: str) -> None:
    without = [entry for entry in ALL_NAMESPACES if entry["type"] not in (namespace, "uts")]
    config = make_config(rootless=False, hostname=None, linux={"namespaces": without, "sysctl": {name: "1"}})

    with pytest.raises(SpecFault) as caught:
        parse_config(json.dumps(config).encode(), "/bundle")

    assert caught.value.pointer == "/linux/sysctl/" + name.replace("/", "~1")
    assert f'"{namespace}"' in caught.value.hint


def test_kernel_parameters_of_the_containers_namespaces_are_accepted() -> None:
    sysctl = {"net.ipv4.ip_forward": "1", "kernel.sem": "1 2 3 4", "kernel.domainname": "x"}

    assert parse(sysctl=sysctl)["sysctl"] == sysctl


@pytest.mark.parametrize("name", ["vm.swappiness", "kernel.panic", "fs.file-max", "networks.x", "kernel"])
def test_a_kernel_parameter_of_the_whole_host_is_refused(name: str) -> None:
    assert "host" in refusal(sysctl={name: "1"}).message


@pytest.mark.parametrize("name", ["", ".", "net..x", "net/../kernel/panic", "net.//.kernel", "net."])
def test_a_kernel_parameter_that_leaves_its_directory_is_refused(name: str) -> None:
    assert "no name" in refusal(sysctl={name: "1"}).message


def test_both_spellings_of_a_kernel_parameter_are_one() -> None:
    assert sysctl_parts("net.ipv4.conf.eth0/1.forwarding") == sysctl_parts("net/ipv4/conf/eth0.1/forwarding")


def test_a_device_needs_its_numbers() -> None:
    assert refusal(devices=[{"type": "c", "path": "/dev/x", "major": 1}]).pointer == "/linux/devices/0"


@pytest.mark.parametrize(("member", "most"), [("major", 4095), ("minor", 1048575)])
def test_the_numbers_of_a_device_are_such_as_an_inode_can_have(member: str, most: int) -> None:
    device = {"type": "c", "path": "/dev/x", "major": 1, "minor": 3, member: most}
    assert parse(devices=[device])["devices"] == [device]
    assert refusal(devices=[{**device, member: most + 1}]).pointer == f"/linux/devices/0/{member}"


def test_a_fifo_has_no_numbers() -> None:
    assert parse(devices=[{"type": "p", "path": "/run/x"}])["devices"][0]["type"] == "p"


def test_a_device_has_an_absolute_path() -> None:
    assert refusal(devices=[{"type": "p", "path": "dev/x"}]).pointer == "/linux/devices/0/path"


def test_two_devices_do_not_share_a_path() -> None:
    devices = [{"type": "c", "path": "/dev/x", "major": 1, "minor": minor} for minor in (3, 5)]

    assert refusal(devices=devices).pointer == "/linux/devices/1/path"


def test_a_device_may_be_listed_twice() -> None:
    device = {"type": "c", "path": "/dev/x", "major": 1, "minor": 3}

    assert len(parse(devices=[device, device])["devices"]) == 2


@pytest.mark.parametrize("name", ["maskedPaths", "readonlyPaths"])
def test_hidden_paths_are_absolute(name: str) -> None:
    assert refusal(**{name: ["/proc/kcore", "proc/keys"]}).pointer == f"/linux/{name}/1"


@pytest.mark.parametrize("path", ["/a/../../b", "..", "../x"])
def test_a_cgroup_path_does_not_climb(path: str) -> None:
    assert refusal(cgroupsPath=path).pointer == "/linux/cgroupsPath"


@pytest.mark.parametrize("path", ["", "/a..b", "system.slice:runf:x"])
def test_other_cgroup_paths_are_accepted(path: str) -> None:
    assert parse(cgroupsPath=path)["cgroupsPath"] == path


@pytest.mark.parametrize(
    ("namespaces", "offsets", "member"),
    [
        ([], {"monotonic": {"secs": 1}}, "monotonic"),
        ([{"type": "time", "path": "/proc/7/ns/time"}], {"boottime": {"secs": 1}}, "boottime"),
        ([{"type": "time"}], {"realtime": {"secs": 1}}, "realtime"),
        ([{"type": "time"}], {"boottime": {"nanosecs": 10**9}}, "boottime/nanosecs"),
    ],
)
def test_only_the_clocks_of_a_new_time_namespace_are_moved(
    namespaces: list[dict[str, str]], offsets: dict[str, dict[str, int]], member: str
) -> None:
    fault = refusal(namespaces=[*ALL_NAMESPACES, *namespaces], timeOffsets=offsets)

    assert fault.pointer == f"/linux/timeOffsets/{member}"


@pytest.mark.parametrize(
    ("devices", "member"),
    [
        ({"": {}}, ""),
        ({"x" * 16: {}}, "x" * 16),
        ({"a/b": {}}, "a~1b"),
        ({"a%d": {}}, "a%d"),
        ({"eth0": {"name": "a b"}}, "eth0/name"),
        ({"eth0": {"name": "%d%d"}}, "eth0/name"),
        ({"eth0": {"name": "a%s"}}, "eth0/name"),
        ({"eth0": {"name": "a"}, "eth1": {"name": "a"}}, "eth1/name"),
        ({"eth0": {}, "eth1": {"name": "eth0"}}, "eth1/name"),
    ],
)
def test_network_devices_have_names_that_linux_takes(devices: dict[str, dict[str, str]], member: str) -> None:
    assert refusal(netDevices=devices).pointer == f"/linux/netDevices/{member}"


def test_network_devices_may_share_a_template() -> None:
    assert parse(netDevices={"eth0": {"name": "net%d"}, "eth1": {"name": "net%d"}, "eth2": {}})


def test_network_devices_need_a_network_namespace() -> None:
    config = make_config(rootless=False, linux={"namespaces": [{"type": "mount"}, {"type": "uts"}]})
    config["linux"]["netDevices"] = {"eth0": {}}
    with pytest.raises(SpecFault) as caught:
        parse_config(json.dumps(config).encode(), "/bundle")
    assert caught.value.pointer == "/linux/netDevices/eth0"
