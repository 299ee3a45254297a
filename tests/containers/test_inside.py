"""What the program finds inside: namespaces, devices, identity, limits, what is hidden and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.containers import Runf, make_container_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

needs_root = pytest.mark.needs("root")

NAMESPACES = ("cgroup", "ipc", "mnt", "pid", "uts")


def run(
    runf: Runf, bundle: Path, script: str, change: Callable[[dict[str, Any]], object] | None = None, **options: Any
) -> str:
    return runf.ok("run", "-b", make_container_bundle(bundle, "sh", "-c", script, change=change), "one", **options)


def test_every_namespace_is_its_own(runf: Runf, bundle: Path) -> None:
    names = (*NAMESPACES, "user" if runf.is_rootless else "net")
    inside = run(runf, bundle, "; ".join(f"readlink /proc/self/ns/{name}" for name in names)).split()
    assert not set(inside) & {os.readlink(f"/proc/self/ns/{name}") for name in names}


def test_the_record_leads_to_the_namespaces(runf: Runf, bundle: Path) -> None:
    runf.ok("create", "-b", make_container_bundle(bundle, "true"), "one")
    record = runf.record("one")
    assert record["linux"]["namespaces"] == {
        name: os.stat(f"/proc/{record['pid']}/ns/{name}").st_ino for name in record["linux"]["namespaces"]
    }
    assert set(NAMESPACES) <= set(record["linux"]["namespaces"])


def test_it_is_process_one_with_the_hostname_it_asked_for(runf: Runf, bundle: Path) -> None:
    found = run(
        runf,
        bundle,
        "echo $$; cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname",
        lambda config: config.update(hostname="web", domainname="example"),
    )
    assert found.split() == ["1", "web", "example"]


def test_the_devices_and_links_are_there(runf: Runf, bundle: Path) -> None:
    found = run(
        runf,
        bundle,
        "cd /dev; for d in null zero full random urandom tty; do [ -c $d ] && echo $d; done; "
        "readlink fd stdin stdout stderr ptmx; echo x > null; head -c2 zero | wc -c",
    )
    assert found.split() == [
        *("null", "zero", "full", "random", "urandom", "tty"),
        *("/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2", "pts/ptmx"),
        "2",
    ]


def test_the_root_is_read_only_and_holds_nothing_of_the_host(runf: Runf, bundle: Path) -> None:
    found = run(
        runf, bundle, "touch /x 2>/dev/null || echo read-only; ls -d /home /root /run /work 2>/dev/null; ls -d /tmp"
    )
    assert found == "read-only\n/tmp\n"


def test_masked_paths_are_empty_and_readonly_paths_read_only(runf: Runf, bundle: Path) -> None:
    script = (
        "cat /proc/keys /proc/timer_list; ls /sys/firmware /proc/acpi; echo 1 > /proc/sys/kernel/panic || echo refused"
    )
    assert run(runf, bundle, f"( {script} ) 2>/dev/null").split() == [
        f"{path}:" for path in ("/proc/acpi", "/sys/firmware") if os.path.exists(path)
    ] + ["refused"]


def test_only_the_fds_that_were_asked_for_arrive(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "ls", "/proc/self/fd")
    leaky = Runf(runf.place, ("sh", "-c", 'exec "$@" 3</ 4</ 5</ 9</', "sh"))
    # ls itself opens one more
    assert leaky.ok("run", "-b", path, "one").split() == ["0", "1", "2", "3"]
    assert leaky.ok("run", "--preserve-fds", "2", "-b", path, "two").split() == ["0", "1", "2", "3", "4", "5"]


def test_a_preserved_fd_that_is_not_open_is_open_in_no_process_of_the_container(runf: Runf, bundle: Path) -> None:
    leaky = Runf(runf.place, ("sh", "-c", 'exec "$@" 4</', "sh"))
    show = "for fd in 3 4 5 6 7 8 9 10 11; do [ ! -e /proc/$$/fd/$fd ] || echo $fd; done"
    path = make_container_bundle(bundle, "sh", "-c", f"{show}; exec >/dev/null; sleep 600")
    assert leaky.ok("run", "-d", "--preserve-fds", "9", "-b", path, "one") == "4\n"
    assert leaky.ok("exec", "--preserve-fds", "9", "one", "sh", "-c", show) == "4\n"


def test_more_preserved_fds_than_there_can_be_are_an_error(runf: Runf, bundle: Path) -> None:
    refused = runf("run", "--preserve-fds", "9999999", "-b", make_container_bundle(bundle, "true"), "one")
    assert refused.returncode == 1
    assert "--preserve-fds: 9999999 file descriptors can't be passed on" in refused.stderr
    assert not (runf.root / "one").exists()


def test_config_json_says_more_about_sockets_than_the_caller(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["process"]["env"] += ["LISTEN_FDS=7"]

    path = make_container_bundle(bundle, "sh", "-c", "echo $LISTEN_FDS $LISTEN_PID", change=change)
    assert runf.ok("run", "-b", path, "one", env={**os.environ, "LISTEN_FDS": "1"}) == "7 1\n"


@needs_root
def test_standard_streams_are_the_users_and_only_a_pipe_its_groups(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["process"]["user"] = {"uid": 7, "gid": 8}

    named = runf.place / "named"
    os.mkfifo(named)
    log = runf.place / "log"
    log.touch()
    script = "stat -Lc '%u:%g' /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2"
    path = make_container_bundle(bundle, "sh", "-c", script, change=change)
    fifo = os.open(named, os.O_RDWR)
    try:
        with open(log, "w") as file:
            done = subprocess.run(
                runf.argv("run", "-b", path, "one"), stdin=fifo, stdout=subprocess.PIPE, stderr=file, check=True
            )
    finally:
        os.close(fifo)
    assert done.stdout.split() == [b"7:0", b"7:8", b"7:0"]


def test_capabilities_and_no_new_privileges_are_as_asked(runf: Runf, bundle: Path) -> None:
    found = run(runf, bundle, "grep -E 'Cap(Eff|Prm|Bnd|Inh|Amb)|NoNewPrivs' /proc/self/status")
    fields = dict(line.split(":\t") for line in found.splitlines())
    wanted = f"{1 << 29 | 1 << 5 | 1 << 10:016x}"
    assert (fields["CapEff"], fields["CapPrm"], fields["CapBnd"]) == (wanted, wanted, wanted)
    assert (fields["CapInh"], fields["CapAmb"], fields["NoNewPrivs"]) == ("0" * 16, "0" * 16, "1")


def test_an_ambient_capability_that_is_not_inheritable_is_left_out(runf: Runf, bundle: Path) -> None:
    """buildah asks for such."""

    def change(config: dict[str, Any]) -> None:
        names = ["CAP_KILL"]
        config["process"]["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted", "ambient"), names)

    done = runf("run", "-b", make_container_bundle(bundle, "grep", "CapAmb", "/proc/self/status", change=change), "one")
    assert (done.returncode, done.stdout) == (0, f"CapAmb:\t{'0' * 16}\n")
    assert done.stderr == (
        "runf: warning: config.json#/process/capabilities/ambient: CAP_KILL can't be granted here, and is left out\n"
    )


def test_warnings_of_create_go_to_the_log_since_stderr_is_the_containers(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["process"]["capabilities"]["bounding"] = ["CAP_NONE"]

    log = runf.place / "log.json"
    path = make_container_bundle(bundle, "true", change=change)
    done = runf("--log", str(log), "--log-format", "json", "create", "-b", path, "one")
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["level"] for line in log.read_text().splitlines()] == ["warning"]
    runf.ok("delete", "--force", "one")
    quiet = runf("create", "-b", path, "two")
    assert (quiet.returncode, quiet.stderr) == (0, "")


def test_rlimits_and_umask_are_as_asked(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]
        config["process"]["user"]["umask"] = 0o077

    assert run(runf, bundle, "ulimit -Sn; ulimit -Hn; umask", change).split() == ["100", "200", "0077"]


def test_the_environment_is_the_one_of_the_config_and_a_home(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["process"]["env"] = ["PATH=/usr/bin:/bin", "A=b c", "EMPTY="]
        config["process"]["args"] = ["env"]

    assert set(run(runf, bundle, "", change).splitlines()) == {"PATH=/usr/bin:/bin", "A=b c", "EMPTY=", "HOME=/"}


def test_the_working_directory_is_made_if_need_be(runf: Runf, bundle: Path) -> None:
    assert run(runf, bundle, "pwd", lambda config: config["process"].update(cwd="/srv/new")) == "/srv/new\n"


@needs_root
def test_uid_gid_and_groups_are_as_asked(runf: Runf, bundle: Path) -> None:
    user = {"uid": 1000, "gid": 1001, "additionalGids": [7, 8]}
    found = run(
        runf,
        bundle,
        "id -u; id -g; id -G; grep CapEff /proc/self/status",
        lambda config: config["process"].update(user=user),
    )
    assert found.split("\n")[:3] == ["1000", "1001", "1001 7 8"]
    assert found.split()[-1] == "0" * 16


@needs_root
def test_a_root_container_can_have_a_user_namespace(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"].append({"type": "user"})
        for kind in ("uidMappings", "gidMappings"):
            config["linux"][kind] = [{"containerID": 0, "hostID": 100000, "size": 65536}]

    (bundle / "rootfs").mkdir()
    os.chown(bundle / "rootfs", 100000, 100000)
    found = run(runf, bundle, "id -u; cat /proc/self/uid_map; touch /tmp/x && stat -c %u /tmp/x", change)
    assert found.split() == ["0", "0", "100000", "65536", "0"]


@needs_root
def test_sysctls_are_set_in_the_container_alone(runf: Runf, bundle: Path) -> None:
    path = "/proc/sys/kernel/msgmax"
    with open(path) as file:
        before = file.read()
    found = run(runf, bundle, f"cat {path}", lambda config: config["linux"].update(sysctl={"kernel.msgmax": "4242"}))
    assert found == "4242\n"
    with open(path) as file:
        assert file.read() == before


@needs_root
def test_memory_cpu_and_pids_limits_hold(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["resources"].update(
            memory={"limit": 64 << 20}, cpu={"shares": 512, "quota": 20000, "period": 100000}, pids={"limit": 40}
        )

    runf.ok("create", "-b", make_container_bundle(bundle, "true", change=change), "one")
    paths = runf.record("one")["linux"]["cgroup"]["paths"]
    if "unified" in paths:
        pytest.skip("cgroup v2 here has its own test")
    for controller, file, wanted in (
        ("memory", "memory.limit_in_bytes", "67108864"),
        ("cpu", "cpu.shares", "512"),
        ("cpu", "cpu.cfs_quota_us", "20000"),
        ("pids", "pids.max", "40"),
    ):
        with open(f"{paths[controller]}/{file}") as limit:
            assert limit.read().strip() == wanted
    with open(f"{paths['pids']}/cgroup.procs") as members:
        assert members.read().split() == [str(runf.record("one")["pid"])]


@needs_root
def test_a_device_that_is_not_allowed_cannot_be_opened(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["devices"] = []
        for name in ("bounding", "effective", "permitted"):
            config["process"]["capabilities"][name].append("CAP_MKNOD")
        config["process"]["args"] = ["sh", "-c", "mknod /dev/m c 1 11 && (cat /dev/m 2>&1 | head -c 200)"]

    assert "Operation not permitted" in run(runf, bundle, "", change)


@needs_root
def test_an_exceeded_memory_limit_is_told_as_out_of_memory(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["resources"]["memory"] = {"limit": 32 << 20, "swap": 32 << 20}

    script = "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo survived"
    path = make_container_bundle(bundle, "bash", "-c", script, change=change)
    done = runf("run", "--keep", "-b", path, "one")
    assert "survived" not in done.stdout
    assert done.returncode != 0


@pytest.mark.needs("an ordinary user")
def test_a_limit_that_an_ordinary_user_cannot_set_is_refused(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(
        bundle, "true", change=lambda config: config["linux"].update(resources={"pids": {"limit": 10}})
    )
    refused = runf("run", "-b", path, "one")
    assert refused.returncode == 1
    assert "config.json#/linux/resources/pids/limit" in refused.stderr


def test_mounts_are_made_in_the_root_and_nowhere_else(runf: Runf, bundle: Path) -> None:
    """A destination through a symbolic link of the image ends inside the root (CVE-2021-30465)."""
    path = make_container_bundle(bundle, "sh", "-c", "cat /inner/file; ls /escape/")
    (bundle / "rootfs" / "escape").symlink_to("/inner")
    (bundle / "data").mkdir()
    (bundle / "data" / "file").write_text("here\n")
    config = json.loads((bundle / "config.json").read_text())
    config["mounts"].append({"destination": "/escape", "type": "none", "source": "data", "options": ["rbind", "ro"]})
    (bundle / "config.json").write_text(json.dumps(config))
    assert runf.ok("run", "-b", path, "one") == "here\nfile\n"
    assert not os.path.lexists("/inner")


@pytest.mark.parametrize(
    "name",
    [
        "proc",
        "dev",
        pytest.param("sys", marks=needs_root),  # an ordinary user's /sys is a bind
    ],
)
def test_a_link_in_the_place_of_proc_sys_or_dev_is_refused(runf: Runf, bundle: Path, name: str) -> None:
    path = make_container_bundle(bundle, "true", change=lambda config: config["root"].update(readonly=False))
    (bundle / "rootfs" / name).symlink_to("/elsewhere")
    refused = runf("run", "-b", path, "one")
    assert refused.returncode == 1
    assert f"/{name} in the root file system is a symbolic link" in refused.stderr


def test_procfs_is_not_mounted_over(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["mounts"].append({"destination": "/proc/self", "type": "tmpfs", "source": "x"})

    refused = runf("run", "-b", make_container_bundle(bundle, "true", change=change), "one")
    assert refused.returncode == 1
    assert "only a few files of procfs may be mounted over" in refused.stderr


def test_a_poisoned_image_and_bundle_run_nothing_as_us(runf: Runf, bundle: Path) -> None:
    """Modules that an import could find in the working directory, in the image, or through the environment."""
    trap = "import os; open('/tmp/runf-poisoned', 'w').close(); raise SystemExit(99)\n"
    path = make_container_bundle(bundle, "true")
    for place in (bundle, bundle / "rootfs", bundle / "rootfs" / "srv"):
        place.mkdir(exist_ok=True)
        for name in ("json", "traceback", "encodings", "_json", "errno", "pwd", "select", "site", "usercustomize"):
            (place / f"{name}.py").write_text(trap)
    environment = {
        **os.environ,
        "PYTHONPATH": str(bundle),
        "PYTHONHOME": str(bundle),
        "PYTHONSTARTUP": str(bundle / "site.py"),
    }
    for words in (("run", "-b", path, "one"), ("state", "one"), ("list",)):
        done = runf(*words, cwd=bundle, env=environment)
        assert done.returncode in (0, 1)
        assert done.returncode == 0 or 'container "one" does not exist' in done.stderr
    assert not os.path.exists("/tmp/runf-poisoned")


@needs_root
def test_a_container_without_a_cgroup_stays_in_its_callers(runf: Runf, bundle: Path) -> None:
    """As podman asks for it with --cgroups=disabled."""

    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"] = [{"type": kind} for kind in ("mount", "pid")]
        config.pop("hostname", None)
        config["linux"].pop("sysctl", None)

    path = make_container_bundle(bundle, "cat", "/proc/self/cgroup", change=change)
    with open("/proc/self/cgroup") as own:
        assert runf.ok("--cgroup-manager", "disabled", "run", "-b", path, "one") == own.read()


@needs_root
def test_a_limit_without_a_cgroup_is_refused(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["resources"] = {"pids": {"limit": 10}}

    refused = runf(
        "--cgroup-manager", "disabled", "run", "-b", make_container_bundle(bundle, "true", change=change), "one"
    )
    assert refused.returncode == 1
    assert "/linux/resources/pids/limit: the limit can't be set: --cgroup-manager is disabled" in refused.stderr
