"""What exec adds is confined as the container is, and nothing of ours can be reached from inside."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime.kernel import procfs
from tests.support.containers import ON_V2, REPOSITORY, Runf, make_container_bundle, wait_until
from tests.support.filters import answer, receive
from tests.support.needs import require

if TYPE_CHECKING:
    from collections.abc import Callable

OWN_FAULT = 255
DEADLINE_S = 20
AT_ONCE = 20
KINDS = {"pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts", "cgroup": "cgroup"}
SYS_PTRACE = "CAP_SYS_PTRACE"
# looks at each process that it can see as long as it lives: what it executes, and who it is
SPY = """
mkdir -p /tmp/seen
while :; do
  for each in /proc/[0-9]*; do
    exe=$(readlink $each/exe) && echo "$exe" >> /tmp/seen/exe
    ls $each/fd/ -l >> /tmp/seen/fds 2> /dev/null
  done
done
"""


def start(runf: Runf, bundle: Path, *args: str, change: Callable[[dict[str, Any]], object] | None = None) -> int:
    """The container ``one``; its first process."""
    runf.ok("run", "-d", "-b", make_container_bundle(bundle, *(args or ("sleep", "600")), change=change), "one")
    pid: int = runf.state("one")["pid"]
    return pid


def without(kind: str) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        linux = config["linux"]
        linux["namespaces"] = [each for each in linux["namespaces"] if each["type"] != kind]
        if kind == "uts":
            config.pop("hostname", None)

    return change


@pytest.mark.needs("root")
@pytest.mark.parametrize("kind", KINDS)
def test_a_namespace_that_the_container_shares_with_the_host_is_not_entered(
    runf: Runf, bundle: Path, kind: str
) -> None:
    first = start(runf, bundle, change=without(kind))
    found = runf.ok("exec", "one", "readlink", f"/proc/self/ns/{KINDS[kind]}")
    assert found == os.readlink(f"/proc/self/ns/{KINDS[kind]}") + "\n"
    assert runf.ok("exec", "one", "readlink", "/proc/self/ns/mnt") == os.readlink(f"/proc/{first}/ns/mnt") + "\n"


@pytest.mark.needs("root")
def test_a_user_namespace_is_entered_with_the_ids_that_it_maps(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"].append({"type": "user"})
        for name in ("uidMappings", "gidMappings"):
            config["linux"][name] = [{"containerID": 0, "hostID": 100000, "size": 1000}]

    (bundle / "rootfs").mkdir()
    os.chown(bundle / "rootfs", 100000, 100000)
    first = start(runf, bundle, change=change)
    script = "id -u; id -G; readlink /proc/self/ns/user; grep CapEff /proc/self/status"
    uid, groups, link, *_ = runf.ok("exec", "-u", "7:8", "-g", "9", "one", "sh", "-c", script).splitlines()
    assert (uid, groups, link) == ("7", "8 9", os.readlink(f"/proc/{first}/ns/user"))
    runf.ok("exec", "-d", "one", "sleep", "600")
    pid = runf.record("one")["execs"][-1]["process"]["pid"]
    assert os.stat(f"/proc/{pid}").st_uid == 100000


@pytest.mark.parametrize("is_capable", [False, True])
def test_the_container_sees_no_interpreter_and_no_fd_of_ours(runf: Runf, bundle: Path, is_capable: bool) -> None:
    def change(config: dict[str, Any]) -> None:
        if is_capable:
            for name in ("bounding", "effective", "permitted"):
                config["process"]["capabilities"][name].append(SYS_PTRACE)

    start(runf, bundle, "sh", "-c", SPY, change=change)
    for _ in range(10):
        assert runf("exec", "one", "true").returncode == 0
    seen = runf.ok("exec", "one", "sort", "-u", "/tmp/seen/exe").split("\n")
    # a name is all that a link tells, so what it could also be is listed: the stub, the shell, what the shell starts
    allowed = ("/memfd:runf-init (deleted)", "/usr/bin/", "/bin/")
    assert [each for each in seen if each and not each.startswith(allowed)] == []
    assert [each for each in seen if "python" in each] == []
    fds = runf.ok("exec", "one", "sort", "-u", "/tmp/seen/fds")
    assert str(runf.root) not in fds


@pytest.mark.parametrize("shares_pids", [False, True])
def test_a_working_directory_outside_of_the_root_is_refused(runf: Runf, bundle: Path, shares_pids: bool) -> None:
    if shares_pids:
        require("root")
    start(runf, bundle, change=without("pid") if shares_pids else None)
    outside = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        for fd in range(3, 12):
            refused = runf("exec", "--cwd", f"/proc/self/fd/{fd}", "one", "cat", "etc/shadow", pass_fds=(outside,))
            assert (refused.returncode, refused.stdout) == (OWN_FAULT, "")
            assert refused.stderr.startswith(f"runf: config.json#/process/cwd: /proc/self/fd/{fd}")
    finally:
        os.close(outside)


def test_a_poisoned_image_runs_nothing_as_us(runf: Runf, bundle: Path) -> None:
    """All modules that an interpreter would look for lie in the working directory and in the image's /tmp."""
    trap = "import os; open('/tmp/poisoned', 'w').close(); raise SystemExit(99)\n"
    laying = 'for name in os pwd encodings json socket errno codecs; do printf %s "$TRAP" > $name.py; done'
    script = f"cd /tmp && {laying}; sleep 600"
    start(runf, bundle, "sh", "-c", script, change=lambda config: config["process"]["env"].append(f"TRAP={trap}"))
    wait_until(lambda: runf("exec", "one", "test", "-e", "/tmp/codecs.py").returncode == 0, "the traps are laid")
    environment = {**os.environ, "PYTHONPATH": "/tmp", "PYTHONSTARTUP": "/tmp/os.py"}
    options = ("--cwd", "/tmp", "-e", "PYTHONPATH=/tmp", "-e", "LANG=xx_XX.klingon")
    refused = runf("exec", *options, "one", "nosuch", env=environment)
    assert "executable file not found in $PATH" in refused.stderr
    assert runf("exec", "one", "test", "-e", "/tmp/poisoned").returncode == 1


def test_a_passwd_that_is_a_fifo_keeps_nobody_waiting(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sleep", "600")
    (bundle / "rootfs" / "etc").mkdir(exist_ok=True)
    os.mkfifo(bundle / "rootfs" / "etc" / "passwd")
    runf.ok("run", "-d", "-b", path, "one")
    assert runf.ok("exec", "one", "sh", "-c", "echo $HOME") == "/\n"


def test_only_the_fds_that_were_asked_for_arrive(runf: Runf, bundle: Path) -> None:
    start(runf, bundle)
    listing = ("one", "sh", "-c", "ls /proc/self/fd; echo through >&3")
    for options, found in (((), "0 1 2 3"), (("--preserve-fds", "1"), "0 1 2 3 4")):
        argv = runf.argv("exec", *options, *listing)
        command = ["sh", "-c", 'exec 3>"$0" 7</; exec "$@"', str(runf.place / "written"), *argv]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.stdout.split() == found.split(), done.stderr
    assert (runf.place / "written").read_text() == "through\n"


@pytest.mark.parametrize("is_v2", [False, True], ids=["here", "v2"])
def test_many_at_once_each_end_with_their_own_code(runf: Runf, bundle: Path, is_v2: bool) -> None:
    if is_v2:
        require("cgroup2")
        runf.prefix = ON_V2
    start(runf, bundle)
    with ThreadPoolExecutor(AT_ONCE) as callers:
        found = list(callers.map(lambda n: runf("exec", "one", "sh", "-c", f"exit {n}").returncode, range(AT_ONCE)))
    assert found == list(range(AT_ONCE))
    record = runf.record("one")
    assert sorted(each["exit"]["code"] for each in record["execs"]) == found
    moments = [
        (moment["generation"], moment["n"]) for each in record["execs"] for moment in (each["started"], each["ended"])
    ]
    assert len(set(moments)) == 2 * AT_ONCE


@pytest.mark.needs("root", "cgroups")
def test_a_cgroup_below_the_containers_is_entered(runf: Runf, bundle: Path) -> None:
    start(runf, bundle)
    paths = runf.record("one")["linux"]["cgroup"]["paths"]
    for path in dict.fromkeys(paths.values()):
        Path(path, "inner").mkdir()
    if "cpuset" in paths:
        for name in ("cpuset.cpus", "cpuset.mems"):
            Path(paths["cpuset"], "inner", name).write_text(Path(paths["cpuset"], name).read_text())
    inside = runf.ok("exec", "--cgroup", "inner", "one", "cat", "/proc/self/cgroup")
    assert {line.rpartition(":")[2] for line in inside.splitlines() if not line.startswith("0::")} <= {"/inner", "/"}
    assert "/inner" in inside
    for wrong in ("../..", "nosuch"):
        refused = runf("exec", "--cgroup", wrong, "one", "true")
        assert refused.returncode == OWN_FAULT
        assert f"the cgroup {wrong} below" in refused.stderr


@pytest.mark.needs("libseccomp")
def test_the_containers_filter_holds(runf: Runf, bundle: Path) -> None:
    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EDQUOT}
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}
    for no_new_privs in (True, False):
        (bundle / str(no_new_privs)).mkdir()

        def change(config: dict[str, Any], no_new_privs: bool = no_new_privs) -> None:
            config["linux"]["seccomp"] = profile
            config["process"]["noNewPrivileges"] = no_new_privs

        start(runf, bundle / str(no_new_privs), change=change)
        done = runf("exec", "one", "sh", "-c", "mkdir /tmp/x; grep -E 'Seccomp:|NoNew|CapEff' /proc/self/status")
        assert "Disk quota exceeded" in done.stderr
        status = dict(line.split(":\t") for line in done.stdout.splitlines())
        assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", str(int(no_new_privs)))
        assert not int(status["CapEff"], 16) >> 21 & 1
        runf.ok("delete", "--force", "one")


@pytest.mark.needs("libseccomp")
def test_a_listener_hears_of_the_added_process(runf: Runf, bundle: Path) -> None:
    path = runf.place / "agent"
    heard: list[Any] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            data, (fd,), _, _ = socket.recv_fds(connection, 1 << 20, 8)
            assert connection.recv(1) == b""
        notification = receive(fd)
        heard.extend((json.loads(data), notification.pid))
        answer(fd, notification, error=errno.EDQUOT)
        os.close(fd)

    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": str(path),
        "listenerMetadata": "for you",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}],
    }
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(DEADLINE_S)
        listener.bind(str(path))
        listener.listen()
        runf.ok(
            *("run", "-d", "-b"),
            make_container_bundle(
                bundle, "sleep", "600", change=lambda config: config["linux"].update(seccomp=profile)
            ),
            "one",
        )
        with listener.accept()[0]:
            pass  # that of the container's first process, which makes no directory
        serving = threading.Thread(target=serve, args=(listener,))
        serving.start()
        refused = runf("exec", "one", "mkdir", "/tmp/x")
        serving.join(DEADLINE_S)
    assert "Disk quota exceeded" in refused.stderr
    record = runf.record("one")
    state, pid = heard
    assert pid == record["execs"][0]["process"]["pid"]
    assert (state["pid"], state["state"]["pid"], state["metadata"]) == (pid, record["pid"], "for you")
    assert state["state"]["status"] == "running"


def test_on_a_machine_without_a_stub_the_interpreter_makes_its_calls(runf: Runf, bundle: Path) -> None:
    start(runf, bundle)
    entry = (
        f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from runtime.sandbox import stub; stub.IMAGES.clear(); "
        "from runtime.cli.entry import main; main(sys.argv)"
    )
    argv = [sys.executable, "-IS", "-c", entry, "--root", str(runf.root), "exec", "one"]

    def call(*words: str) -> tuple[int, str, str]:
        done = subprocess.run([*argv, *words], capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout, done.stderr

    assert call("sh", "-c", "echo $$; exit 7") == (7, "2\n", "")
    assert call("/nosuch") == (OWN_FAULT, "", 'runf: exec: "/nosuch": no such file or directory\n')


def test_what_exec_opens_on_proc_is_a_procfs(runf: Runf, bundle: Path) -> None:
    """A container that mounts something else over its /proc/self can't take our words."""
    first = start(runf, bundle)
    assert procfs.namespace_inode("/proc", first, "mnt") != procfs.namespace_inode("/proc", "self", "mnt")
    assert runf("exec", "--cwd", "/proc/self", "one", "true").returncode == OWN_FAULT


@pytest.mark.needs("cgroup2 controller:pids")
def test_a_cgroup_that_takes_no_processes_any_more_is_left_for_that_of_the_first_one(runf: Runf, bundle: Path) -> None:
    """As systemd leaves it in a container: its own processes beneath, the controllers handed on (cgroups(7))."""
    if not Path("/sys/fs/cgroup/cgroup.controllers").exists():
        pytest.skip("needs cgroup v2 on its usual place")
    first = start(runf, bundle)
    top = Path(runf.record("one")["linux"]["cgroup"]["paths"]["unified"])
    (top / "init").mkdir()
    (top / "init" / "cgroup.procs").write_text(str(first))
    (top / "cgroup.subtree_control").write_text("+pids")
    assert runf.ok("exec", "one", "cat", "/proc/self/cgroup").rstrip("\n").endswith("/init")
    refused = runf("exec", "--cgroup", "/", "one", "true")
    assert refused.returncode == OWN_FAULT
    assert "no process can be added to the container's cgroup: " in refused.stderr
    assert refused.stderr.endswith("Device or resource busy\n")


@pytest.mark.needs("apparmor", "program:apparmor_parser")
@pytest.mark.parametrize("no_new_privs", [True, False])
def test_a_profile_of_apparmor_confines_the_program(runf: Runf, bundle: Path, no_new_privs: bool) -> None:
    name = f"runf-exec-{os.getpid()}"
    text = f"profile {name} flags=(attach_disconnected) {{ file, signal, ptrace, deny /etc/hostname r, }}\n"
    subprocess.run(["apparmor_parser", "--replace"], input=text, text=True, check=True)
    try:
        start(runf, bundle, change=lambda config: config["process"].update(noNewPrivileges=no_new_privs))
        found = runf.ok("exec", "--apparmor", name, "one", "cat", "/proc/self/attr/current")
        assert found == f"{name} (enforce)\n"
        refused = runf("exec", "--apparmor", "runf-nosuch", "one", "true")
        assert refused.returncode == OWN_FAULT
        assert "config.json#/process/apparmorProfile can't be set: No such file or directory" in refused.stderr
        runf.ok("delete", "--force", "one")
    finally:
        subprocess.run(["apparmor_parser", "--remove"], input=text, text=True, check=True)


@pytest.mark.needs("root")
def test_what_can_not_be_granted_is_warned_of_in_the_log_and_not_on_the_programs_stderr(
    runf: Runf, bundle: Path
) -> None:
    start(runf, bundle)
    process = {"args": ["true"], "cwd": "/", "capabilities": {"permitted": ["CAP_OF_NOBODY"]}}
    path, log = runf.place / "process.json", runf.place / "log.json"
    path.write_text(json.dumps(process))
    done = runf("--log", str(log), "--log-format", "json", "exec", "--process", str(path), "one")
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = log.read_text().splitlines()
    assert json.loads(line)["level"] == "warning"
    assert f"{path}#/capabilities/permitted/0: " in json.loads(line)["msg"]
