"""What a container that podman or Docker made looks like from inside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.clients.engines import DOCKER, PODMAN, PODMAN_USER
from tests.support.machine import USER_ID

if TYPE_CHECKING:
    from tests.clients.engines import Engine

CLIENTS = (PODMAN, PODMAN_USER, DOCKER)
only_podman = pytest.mark.clients(PODMAN, PODMAN_USER)


def _network(kind: str) -> str:
    return "--network" if kind == "net" else f"--{kind}"


def test_user_directory_environment_and_name_are_as_asked(engine: Engine) -> None:
    words = ("--user", "1000:1000", "--workdir", "/tmp", "--env", "A=b", "--hostname", "here")
    said = engine.run(*words, "box", "sh", "-c", "id -u; id -g; pwd; echo $A; hostname")
    assert said.splitlines() == ["1000", "1000", "/tmp", "b", "here"]


def test_groups_are_added(engine: Engine) -> None:
    assert "77" in engine.run("--user", "1000", "--group-add", "77", "box", "id", "-G").split()


def test_a_volume_outlives_its_container(engine: Engine) -> None:
    volume = f"{engine.name()}-data"
    engine.run("--volume", f"{volume}:/data", "box", "sh", "-c", "echo kept > /data/file")
    assert engine.run("--volume", f"{volume}:/data:ro", "box", "cat", "/data/file") == "kept"
    engine.ok("volume", "rm", volume)


def test_a_read_only_volume_is_read_only(engine: Engine) -> None:
    done = engine("run", "--rm", "--volume", f"{engine.place()}:/data:ro", "box", "touch", "/data/file")
    assert (done.returncode, "Read-only file system" in done.stderr) == (1, True), done.stderr


def test_a_file_can_be_mounted_over_a_file(engine: Engine) -> None:
    path = engine.machine.write(f"{engine.place()}/file", "mounted\n")
    engine.machine.path(path).chmod(0o644)
    assert engine.run("--volume", f"{path}:/etc/motd:ro", "box", "cat", "/etc/motd") == "mounted"


@pytest.mark.parametrize(("asked", "shown"), [("rslave", " master:"), ("rshared", " shared:"), ("rprivate", " - ")])
def test_mounts_propagate_as_asked(engine: Engine, asked: str, shown: str) -> None:
    mount = f"type=bind,source={engine.place()},target=/data,bind-propagation={asked}"
    assert shown in engine.run("--mount", mount, "box", "grep", " /data ", "/proc/self/mountinfo")


def test_a_tmpfs_is_as_asked(engine: Engine) -> None:
    told = engine.run("--tmpfs", "/data:size=2m,mode=0700,noexec", "box", "grep", " /data ", "/proc/mounts")
    assert [word in told for word in ("size=2048k", "mode=700", "noexec", "nosuid")] == [True] * 4


@only_podman
def test_a_tmpfs_over_a_directory_keeps_its_files(engine: Engine) -> None:
    assert engine.run("--tmpfs", "/etc:tmpcopyup", "box", "cat", "/etc/motd") == "made for a test"


def test_the_shared_memory_has_its_size(engine: Engine) -> None:
    assert "size=3072k" in engine.run("--shm-size", "3m", "box", "grep", " /dev/shm ", "/proc/mounts")


def test_a_read_only_root_is_read_only(engine: Engine) -> None:
    words = ("run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "box")
    done = engine(*words, "sh", "-c", "touch /tmp/a && touch /a")
    assert (done.returncode, "/a: Read-only file system" in done.stderr) == (1, True), done.stderr


def test_capabilities_are_as_asked(engine: Engine) -> None:
    asked = ("--cap-drop", "all", "--cap-add", "kill", "--cap-add", "net_raw")
    said = engine.run(*asked, "box", "grep", "-E", "Cap(Eff|Bnd|Amb)", "/proc/self/status")
    both = f"{1 << 5 | 1 << 13:016x}"
    assert dict(line.split() for line in said.splitlines()) == {"CapEff:": both, "CapBnd:": both, "CapAmb:": "0" * 16}


def test_a_privileged_container_has_what_its_caller_has(engine: Engine) -> None:
    said = engine.run("--privileged", "box", "grep", "-E", "CapEff|Seccomp:", "/proc/self/status").split()
    assert (int(said[1], 16) >> 21 & 1, said[3]) == (1, "0")


def test_the_default_filter_is_on(engine: Engine) -> None:
    assert engine.run("box", "grep", "Seccomp:", "/proc/self/status").split() == ["Seccomp:", "2"]


def test_a_filter_refuses_what_it_names(engine: Engine) -> None:
    refused = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}
    path = engine.machine.write(
        f"{engine.place()}/filter", json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refused]})
    )
    engine.machine.path(path).chmod(0o644)
    done = engine("run", "--rm", "--network", "none", "--security-opt", f"seccomp={path}", "box", "mkdir", "/tmp/a")
    assert (done.returncode, "Operation not permitted" in done.stderr) == (1, True), done.stderr


def test_no_new_privileges_is_set(engine: Engine) -> None:
    words = ("--security-opt", "no-new-privileges", "box", "grep", "NoNewPrivs", "/proc/self/status")
    assert engine.run(*words).split()[1] == "1"


def test_paths_are_masked(engine: Engine) -> None:
    script = "for p in kcore keys timer_list; do test ! -e /proc/$p || wc -c < /proc/$p; done; ls /sys/firmware"
    assert set(engine.run("box", "sh", "-c", script).split()) <= {"0"}
    assert engine("run", "--rm", "--network", "none", "box", "sh", "-c", "echo > /proc/sys/kernel/x").returncode != 0


@only_podman
def test_masked_paths_can_be_unmasked(engine: Engine) -> None:
    script = ("box", "sh", "-c", "grep -c ' /proc/' /proc/mounts || true")
    assert int(engine.run(*script)) > 3
    assert engine.run("--security-opt", "unmask=ALL", *script) == "0"


def test_limits_of_processes_are_as_asked(engine: Engine) -> None:
    asked = ("--ulimit", "nofile=100:200", "--ulimit", "core=0:0", "--ulimit", "nproc=300:300")
    said = engine.run(*asked, "box", "sh", "-c", "ulimit -Sn; ulimit -Hn; ulimit -c")
    assert said.split() == ["100", "200", "0"]


def test_sysctls_are_set(engine: Engine) -> None:
    name = "net.ipv4.ip_unprivileged_port_start"
    assert engine.run("--sysctl", f"{name}=80", "box", "cat", f"/proc/sys/{name.replace('.', '/')}") == "80"


@pytest.mark.clients(PODMAN)
def test_ids_are_mapped(engine: Engine) -> None:
    asked = ("--uidmap", "0:200000:1000", "--gidmap", "0:300000:1000")
    said = engine.run(*asked, "box", "cat", "/proc/self/uid_map", "/proc/self/gid_map")
    assert said.split() == ["0", "200000", "1000", "0", "300000", "1000"]


@pytest.mark.clients(PODMAN_USER)
def test_the_caller_keeps_its_id(engine: Engine) -> None:
    assert engine.run("--userns", "keep-id", "box", "id", "-u") == str(USER_ID)


@only_podman
def test_a_user_namespace_can_be_shared(engine: Engine) -> None:
    own = () if engine.client == PODMAN_USER else ("--uidmap", "0:200000:1000")
    name = engine.up(*own)
    one = engine.machine.ok("readlink", f"/proc/{engine.inspect(name)['State']['Pid']}/ns/user").strip()
    assert engine.run("--userns", f"container:{name}", "box", "readlink", "/proc/self/ns/user") == one


@pytest.mark.parametrize("kind", ["pid", "ipc", "net"])
def test_a_namespace_can_be_shared(engine: Engine, kind: str) -> None:
    sharable = ("--ipc", "shareable") if kind == "ipc" else ()
    name = engine.up(*sharable)
    one = engine.machine.ok("readlink", f"/proc/{engine.inspect(name)['State']['Pid']}/ns/{kind}").strip()
    words = ("run", "--rm", _network(kind), f"container:{name}", "box", "readlink", f"/proc/self/ns/{kind}")
    assert engine.ok(*words) == one


@pytest.mark.needs("file:/dev/mqueue")  # podman mounts it then
@pytest.mark.parametrize("kind", ["ipc"])
def test_the_hosts_ipc_can_be_used(engine: Engine, kind: str) -> None:
    test_the_hosts_namespace_can_be_used(engine, kind)


@pytest.mark.parametrize("kind", ["pid", "net", "uts"])
def test_the_hosts_namespace_can_be_used(engine: Engine, kind: str) -> None:
    words = ("run", "--rm", _network(kind), "host", "box", "readlink", f"/proc/self/ns/{kind}")
    assert engine.ok(*words) == engine.machine.ok("readlink", f"/proc/self/ns/{kind}").strip()


def test_an_init_comes_first(engine: Engine) -> None:
    name = engine.up("--init")
    assert "init" in engine.ok("top", name) or "catatonit" in engine.ok("top", name)


def test_the_oom_score_is_as_asked(engine: Engine) -> None:
    assert engine.run("--oom-score-adj", "500", "box", "cat", "/proc/self/oom_score_adj") == "500"


def test_only_the_standard_fds_are_passed_on(engine: Engine) -> None:
    said = engine.run("box", "sh", "-c", "for fd in /proc/$$/fd/*; do readlink $fd || true; done")
    assert len(said.splitlines()) == 3, said  # that of the directory, which the shell looked into, is closed again


@only_podman
def test_preserved_fds_are_passed_on(engine: Engine) -> None:
    words = engine.argv("run", "--rm", "--network", "none", "--preserve-fds", "1", "box", "sh", "-c", "cat <&3")
    moved = ("sh", "-c", 'exec 3<&0 0</dev/null; exec "$@"', "sh")
    done = engine.machine(*moved, *words, is_user=engine.is_user, env=engine.environ, stdin="through\n")
    assert (done.returncode, done.stdout) == (0, "through\n"), done.stderr


@only_podman
def test_a_root_without_an_image_runs(engine: Engine) -> None:
    root = f"{engine.place()}/root"
    engine.machine.ok("sh", "-c", f"mkdir {root} && tar -C {root} -xf /mnt/box.tar", is_user=engine.is_user)
    assert engine.run("--rootfs", root, "echo", "inside") == "inside"


@pytest.mark.clients(PODMAN, DOCKER)
def test_containers_on_a_network_reach_each_other(engine: Engine) -> None:
    name = engine.up("--network=bridge", "box", "nc", "-l", "-p", "99", "-e", "echo", "hello")
    address = engine.inspect(name)["NetworkSettings"]["IPAddress"]
    script = f"for i in 1 2 3 4 5 6 7 8 9; do nc {address} 99 && break; sleep 0.1; done"
    assert engine.ok("run", "--rm", "box", "sh", "-c", script) == "hello"
