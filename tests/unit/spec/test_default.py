"""The configurations that `runf spec` writes."""

from __future__ import annotations

import itertools
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from runtime.spec.bundle import parse_config
from runtime.spec.default import default_config
from runtime.spec.fields import namespace_paths
from tests.support.bundles import make_bundle, make_config, overlay

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.spec.config import Config, Mount


def config(**choices: Any) -> Config:
    return default_config(**{"rootless": False, "uid": 1000, "gid": 1001, "host_userland": False} | choices)


def mount_at(destination: str, document: Config) -> Mount:
    return next(mount for mount in document["mounts"] if mount["destination"] == destination)


@pytest.mark.parametrize(("rootless", "host_userland"), list(itertools.product((False, True), repeat=2)))
def test_every_form_is_valid(rootless: bool, host_userland: bool) -> None:
    document = config(rootless=rootless, host_userland=host_userland)

    assert parse_config(json.dumps(document).encode(), "/bundle") == document


def test_the_default_runs_a_shell_on_a_terminal_over_a_read_only_root() -> None:
    document = config()

    assert document["process"]["args"] == ["sh"]
    assert document["process"]["terminal"] is True
    assert document["root"] == {"path": "rootfs", "readonly": True}


def test_what_runs_and_where_can_be_chosen() -> None:
    document = config(args=("ls", "-l"), terminal=False, root_path="/image", readonly=False)

    assert document["process"]["args"] == ["ls", "-l"]
    assert document["process"]["terminal"] is False
    assert document["root"] == {"path": "/image", "readonly": False}


def test_a_root_users_container_has_every_namespace_but_user_and_time() -> None:
    assert set(namespace_paths(config())) == {"pid", "network", "ipc", "uts", "mount", "cgroup"}


def test_an_ordinary_users_container_keeps_the_network() -> None:
    assert set(namespace_paths(config(rootless=True))) == {"user", "pid", "ipc", "uts", "mount", "cgroup"}


def test_a_rootless_container_maps_the_user_to_root() -> None:
    linux = config(rootless=True)["linux"]

    assert linux["uidMappings"] == [{"containerID": 0, "hostID": 1000, "size": 1}]
    assert linux["gidMappings"] == [{"containerID": 0, "hostID": 1001, "size": 1}]


def test_a_rootless_container_shows_the_hosts_sysfs_read_only() -> None:
    sysfs = mount_at("/sys", config(rootless=True))

    assert sysfs["source"] == "/sys"
    assert {"rbind", "ro"} <= set(sysfs["options"])


def test_a_rootless_container_asks_for_no_group_that_it_lacks() -> None:
    assert "gid=5" in mount_at("/dev/pts", config())["options"]
    assert "gid=5" not in mount_at("/dev/pts", config(rootless=True))["options"]


def test_a_rootless_container_asks_for_no_limits() -> None:
    assert "resources" not in config(rootless=True)["linux"]


def test_devices_are_denied_to_a_root_users_container() -> None:
    assert config()["linux"]["resources"]["devices"] == [{"allow": False, "access": "rwm"}]


def test_no_capability_is_inheritable() -> None:
    capabilities = config()["process"]["capabilities"]

    assert "inheritable" not in capabilities
    assert "ambient" not in capabilities


def test_the_hosts_userland_is_bound_read_only_from_real_directories() -> None:
    document = config(host_userland=True)
    binds = [mount for mount in document["mounts"] if mount["destination"].startswith(("/usr", "/bin", "/lib"))]

    assert mount_at("/usr", document)
    for mount in binds:
        assert mount["source"] == os.path.realpath(mount["destination"])
        assert {"rbind", "rro", "nosuid", "nodev"} == set(mount["options"])


def test_the_hosts_userland_shows_no_accounts() -> None:
    shown = {mount["destination"] for mount in config(host_userland=True)["mounts"]}

    assert not shown & {"/etc", "/etc/passwd", "/etc/shadow", "/etc/group", "/home", "/root", "/var", "/run"}


def test_two_configs_share_nothing() -> None:
    first = config()
    first["linux"]["maskedPaths"].clear()
    first["process"]["args"].append("x")

    assert config()["linux"]["maskedPaths"]
    assert config()["process"]["args"] == ["sh"]


def test_a_bundle_of_the_tests_takes_changes(tmp_path: Path) -> None:
    make_bundle(tmp_path, args=["id"], process={"cwd": "/usr"}, hostname=None, extra_mounts=[{"destination": "/x"}])

    document = json.loads((tmp_path / "config.json").read_text())

    assert document["process"]["args"] == ["id"]
    assert document["process"]["cwd"] == "/usr"
    assert document["mounts"][-1] == {"destination": "/x"}
    assert "hostname" not in document
    assert (tmp_path / "rootfs").is_dir()


def test_a_bundle_of_the_tests_is_for_the_user_who_runs_them() -> None:
    assert ("user" in namespace_paths(make_config())) == (os.geteuid() != 0)


def test_an_overlay_leaves_the_original_alone() -> None:
    original = {"a": {"b": 1, "c": [1]}, "d": 2}

    assert overlay(original, {"a": {"b": None, "c": [2]}, "d": None}) == {"a": {"c": [2]}}
    assert original == {"a": {"b": 1, "c": [1]}, "d": 2}
