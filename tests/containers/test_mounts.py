"""Mounts as clients ask for them: propagation both ways, tmpfs over a directory of the image, device rules."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.containers import Runf, make_container_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

needs_root = pytest.mark.needs("root")

# a mount namespace that stands for the host, with all mounts shared; $0 is where the test's own mount lies
SHARED_HOST = """
mount --make-rshared / && mount -t tmpfs none "$0/source" && mount --bind "$0/bundle" "$0/bundle" || exit 99
mkdir "$0/source/inside" "$0/source/outside"
sed 's/[^/]*//' /proc/self/mountinfo | sort > "$0/before"
"$@" || exit
grep -c source/inside /proc/self/mountinfo
sed 's/[^/]*//' /proc/self/mountinfo | grep -v source/inside | sort > "$0/after"
cmp "$0/before" "$0/after"
"""


def run(runf: Runf, bundle: Path, script: str, change: Callable[[dict[str, Any]], object]) -> str:
    return runf.ok("run", "-b", make_container_bundle(bundle, "sh", "-c", script, change=change), "one")


def add_tmpfs(destination: str, *options: str) -> Callable[[dict[str, Any]], object]:
    entry = {"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": list(options)}
    return lambda config: config["mounts"].append(entry)


@needs_root
@pytest.mark.parametrize("kind", ["shared", "slave", "private"])
def test_a_mount_made_in_the_container_reaches_the_host_only_where_it_is_shared(
    runf: Runf, bundle: Path, kind: str
) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["rootfsPropagation"] = kind
        config["process"]["capabilities"] = {name: ["CAP_SYS_ADMIN"] for name in ("bounding", "effective", "permitted")}
        config["mounts"].append(
            {
                "destination": "/v",
                "type": "bind",
                "source": str(runf.place / "source"),
                "options": ["rbind", f"r{kind}"],
            }
        )

    (runf.place / "source").mkdir()
    host = Runf(
        runf.place, ("unshare", "--mount", "--propagation", "private", "sh", "-c", SHARED_HOST, str(runf.place))
    )
    done = host(
        "run", "-b", make_container_bundle(bundle, "mount", "-t", "tmpfs", "none", "/v/inside", change=change), "one"
    )
    assert (done.stderr, done.stdout) == ("", "1\n" if kind == "shared" else "0\n")
    assert done.returncode == 0, "a mount of the host is gone, or a new one is there"


@needs_root
@pytest.mark.parametrize("kind", ["shared", "slave", "private", "unbindable"])
def test_the_root_has_the_propagation_that_is_asked_for(runf: Runf, bundle: Path, kind: str) -> None:
    shared_host = ("unshare", "--mount", "--propagation", "shared")
    path = make_container_bundle(
        bundle,
        "cat",
        "/proc/self/mountinfo",
        change=lambda config: config["linux"].update(rootfsPropagation=kind),
    )
    told = Runf(runf.place, shared_host).ok("run", "-b", path, "one")
    (found,) = [fields for fields in map(str.split, told.splitlines()) if fields[4] == "/"]
    words = {field.partition(":")[0] for field in found[6 : found.index("-")]}
    assert words == {"shared": {"shared"}, "slave": {"master"}, "private": set(), "unbindable": {"unbindable"}}[kind]


def test_a_tmpfs_has_the_mode_of_the_directory_that_it_covers(runf: Runf, bundle: Path) -> None:
    (bundle / "rootfs" / "data").mkdir(parents=True)
    (bundle / "rootfs" / "data").chmod(0o711)
    assert run(runf, bundle, "stat -c %a /data", add_tmpfs("/data")) == "711\n"


def test_a_tmpfs_that_covers_nothing_or_is_told_a_mode_has_its_own(runf: Runf, bundle: Path) -> None:
    (bundle / "rootfs" / "data").mkdir(parents=True)
    assert run(runf, bundle, "stat -c %a /fresh", add_tmpfs("/fresh")) == "1777\n"
    assert run(runf, bundle, "stat -c %a /data", add_tmpfs("/data", "mode=0700")) == "700\n"


@pytest.mark.parametrize("access", ["rw", "ro"])
def test_tmpcopyup_begins_with_what_lay_there(runf: Runf, bundle: Path, access: str) -> None:
    data = bundle / "rootfs" / "data"
    (data / "sub").mkdir(parents=True)
    (data / "sub" / "file").write_text("words")
    (data / "sub" / "file").chmod(0o640)
    os.utime(data / "sub" / "file", (1000, 2000))
    (data / "link").symlink_to("/no/where")
    os.mkfifo(data / "pipe", 0o600)
    script = (
        "cd /data; cat sub/file; stat -c ' %a %Y' sub/file; readlink link; stat -c '%F' pipe;"
        "touch more 2>/dev/null && echo written; true"
    )
    found = run(runf, bundle, script, add_tmpfs("/data", "tmpcopyup", access))
    assert found.splitlines() == ["words 640 2000", "/no/where", "fifo"] + ["written"] * (access == "rw")
    assert not (data / "more").exists()


@needs_root
def test_tmpcopyup_keeps_owners_devices_and_set_uid_bits(runf: Runf, bundle: Path) -> None:
    data = bundle / "rootfs" / "data"
    data.mkdir(parents=True)
    (data / "tool").write_text("")
    os.chown(data / "tool", 7, 8)
    (data / "tool").chmod(0o4755)
    os.mknod(data / "null", stat.S_IFCHR | 0o620, os.makedev(1, 3))
    os.chown(data / "null", 9, 10)
    found = run(
        runf, bundle, "cd /data; stat -c '%a %u %g' tool; stat -c '%t:%T %u %g' null", add_tmpfs("/data", "tmpcopyup")
    )
    assert found.splitlines() == ["4755 7 8", "1:3 9 10"]


def test_tmpcopyup_leaves_other_mounts_out(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        add_tmpfs("/data/other")(config)
        add_tmpfs("/data", "tmpcopyup")(config)

    (bundle / "rootfs" / "data" / "own").mkdir(parents=True)
    assert run(runf, bundle, "ls /data", change) == "own\n"


def test_tmpcopyup_without_enough_space_says_so(runf: Runf, bundle: Path) -> None:
    (bundle / "rootfs" / "data").mkdir(parents=True)
    (bundle / "rootfs" / "data" / "big").write_bytes(bytes(1 << 20))
    change = add_tmpfs("/data", "tmpcopyup", "size=64k")
    refused = runf("run", "-b", make_container_bundle(bundle, "true", change=change), "one")
    assert refused.returncode == 1
    assert "tmpfs on /data: No space left on device" in refused.stderr


def test_tmpcopyup_is_refused_where_there_is_no_tmpfs(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["mounts"].append({"destination": "/v", "type": "bind", "source": "/", "options": ["rbind", "tmpcopyup"]})

    refused = runf("run", "-b", make_container_bundle(bundle, "true", change=change), "one")
    assert refused.returncode == 1
    assert "/options: tmpcopyup is for a new tmpfs" in refused.stderr


@needs_root
def test_a_device_may_be_used_only_as_its_rule_says(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["devices"] = [{"path": "/dev/log", "type": "c", "major": 1, "minor": 11, "fileMode": 0o666}]
        config["linux"]["resources"] = {
            "devices": [
                {"allow": False, "access": "rwm"},
                {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "w"},
            ]
        }

    script = "(: > /dev/log) && echo written; (: < /dev/log) || echo refused"
    assert run(runf, bundle, f"( {script} ) 2>/dev/null", change).split() == ["written", "refused"]


def add_user_namespace(config: dict[str, Any]) -> None:
    config["linux"]["namespaces"].append({"type": "user"})
    for name in ("uidMappings", "gidMappings"):
        config["linux"][name] = [{"containerID": 0, "hostID": 100000, "size": 1000}]


@needs_root
def test_a_bind_into_a_user_namespace_needs_no_way_to_its_source_from_there(runf: Runf, bundle: Path) -> None:
    """A volume below a directory that only its owner may enter, as with docker's userns-remap."""

    def change(config: dict[str, Any]) -> None:
        add_user_namespace(config)
        config["mounts"].append(
            {"destination": "/v", "type": "bind", "source": str(hidden / "volume"), "options": ["rbind", "ro"]}
        )

    hidden = runf.place / "hidden"
    (hidden / "volume").mkdir(parents=True)
    (hidden / "volume" / "file").write_text("words")
    (bundle / "rootfs").mkdir()
    os.chown(bundle / "rootfs", 100000, 100000)
    os.chown(hidden, 5, 5)
    hidden.chmod(0o700)
    assert run(runf, bundle, "cat /v/file; touch /v/x 2>/dev/null || echo ' read-only'", change) == "words read-only\n"


@needs_root
def test_a_missing_source_of_a_bind_into_a_user_namespace_is_named(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        add_user_namespace(config)
        config["mounts"].append({"destination": "/v", "type": "bind", "source": "/no/such", "options": ["rbind"]})

    refused = runf("run", "-b", make_container_bundle(bundle, "true", change=change), "one")
    assert refused.returncode == 1
    assert refused.stderr.endswith(": bind on /v: open_tree(/no/such): No such file or directory\n")


def test_a_device_that_is_bound_can_neither_be_executed_nor_give_rights(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        if os.geteuid() == 0:  # where root may make nodes itself, nothing is bound
            config["linux"]["namespaces"].append({"type": "user"})
            whole = [{"containerID": 0, "hostID": 0, "size": 65536}]
            config["linux"].update(uidMappings=whole, gidMappings=whole)

    told = run(runf, bundle, "grep ' /dev/null ' /proc/self/mountinfo", change)
    assert {"nosuid", "noexec"} <= set(told.split()[5].split(","))


@pytest.mark.needs("user namespaces")
@pytest.mark.parametrize("has_cgroups", [False, True])
def test_without_its_own_network_a_user_namespace_shows_the_hosts_sysfs(
    runf: Runf, bundle: Path, has_cgroups: bool
) -> None:
    def change(config: dict[str, Any]) -> None:
        linux = config["linux"]
        linux["namespaces"] = [each for each in linux["namespaces"] if each["type"] not in ("user", "network")]
        linux["namespaces"].append({"type": "user"})
        linux["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
        linux["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
        config["process"]["user"] = {"uid": 0, "gid": 0}
        others = [each for each in config["mounts"] if not each["destination"].startswith("/sys")]
        for each in others:
            each["options"] = [option for option in each.get("options", ()) if not option.startswith("gid=")]
        sysfs = {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev"]}
        cgroups = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}
        config["mounts"] = [*others, sysfs, *([cgroups] if has_cgroups else [])]

    mounts = "grep -E ' /sys( |/)' /proc/self/mountinfo | cut -d' ' -f6"
    found = run(runf, bundle, f"ls /sys/class/net; echo =; ls -A /sys/fs/cgroup; echo =; {mounts}", change)
    devices, cgroups, options = (part.split() for part in found.split("=\n"))
    assert devices == sorted(os.listdir("/sys/class/net"))
    if os.geteuid() == 0 or not has_cgroups:  # an ordinary user may have none to show
        assert bool(cgroups) == has_cgroups
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(options[0].split(","))
    assert all(line.startswith("ro") for line in options)
