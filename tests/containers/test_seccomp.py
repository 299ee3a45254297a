"""Containers with linux.seccomp: what the program may do, what is told, what the runtime itself survives."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.containers import Runf, make_container_bundle
from tests.support.filters import answer, receive
from tests.support.needs import needs
from tests.support.profiles import DOCKERS, PODMANS, engine_profile
from tests.support.tiny import exits_with, exits_with_errno_of, write_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [needs("libseccomp")]
on_x86_64 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="its programs are of x86_64")

STRICT = ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"]
STATUS = "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status"
DEADLINE_S = 20


def rule(action: str, *names: str, **members: Any) -> dict[str, Any]:
    return {"names": list(names), "action": action, **members}


def with_profile(profile: dict[str, Any] | None, **process: Any) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        if profile is not None:
            config["linux"]["seccomp"] = profile
        config["process"].update(process)

    return change


def run(runf: Runf, bundle: Path, script: str, profile: dict[str, Any] | None, **process: Any) -> Any:
    path = make_container_bundle(bundle, "sh", "-c", script, change=with_profile(profile, **process))
    return runf("run", "-b", path, "one")


def run_tiny(runf: Runf, bundle: Path, code: bytes, profile: dict[str, Any], **process: Any) -> Any:
    path = make_container_bundle(bundle, "/tiny", change=with_profile(profile, **process))
    write_program(bundle / "rootfs" / "tiny", code)
    return runf("run", "-b", path, "one")


@pytest.mark.parametrize("cached", [False, True])
def test_a_call_that_nobody_knows_is_passed_over_or_refused_as_an_annotation_says(
    runf: Runf, bundle: Path, cached: bool
) -> None:
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule("SCMP_ACT_ERRNO", "swapon", "nosuchcall")]}
    if cached:
        assert run(runf, bundle, "true", profile).returncode == 0

    def change(config: dict[str, Any]) -> None:
        with_profile(profile)(config)
        config["annotations"] = {"run.oci.seccomp_fail_unknown_syscall": "1"}

    refused = runf("run", "-b", make_container_bundle(bundle, "true", change=change), "two")
    assert refused.returncode == 1
    assert "config.json#/linux/seccomp/syscalls/0/names/1: libseccomp knows no system call nosuchcall" in refused.stderr


@pytest.mark.parametrize("no_new_privs", [True, False])
def test_a_call_is_refused_and_the_rest_goes_on(runf: Runf, bundle: Path, no_new_privs: bool) -> None:
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [rule("SCMP_ACT_ERRNO", "chmod", "fchmodat", "fchmodat2")],
    }
    done = run(
        runf,
        bundle,
        f"{STATUS}; echo x > /tmp/x; chmod 600 /tmp/x || cat /tmp/x",
        profile,
        noNewPrivileges=no_new_privs,
    )
    fields = dict(line.split(":\t") for line in done.stdout.splitlines() if ":\t" in line)
    assert (fields["Seccomp"], fields["NoNewPrivs"]) == ("2", str(int(no_new_privs)))
    assert done.stdout.endswith("x\n")
    assert "Operation not permitted" in done.stderr


@pytest.mark.parametrize("no_new_privs", [True, False])
def test_the_program_has_the_capabilities_that_it_has_without_a_filter(
    runf: Runf, bundle: Path, no_new_privs: bool
) -> None:
    found = []
    for profile in (None, {"defaultAction": "SCMP_ACT_ALLOW"}):
        done = run(runf, bundle, STATUS, profile, noNewPrivileges=no_new_privs)
        assert done.returncode == 0, done.stderr
        found.append([line for line in done.stdout.splitlines() if line.startswith("Cap")])
    assert found[0] == found[1]


@pytest.mark.parametrize("no_new_privs", [True, False])
@pytest.mark.parametrize("uid", [0, pytest.param(1234, marks=needs("root"))])
def test_the_program_can_be_looked_at_by_its_equals(runf: Runf, bundle: Path, no_new_privs: bool, uid: int) -> None:
    done = run(
        runf,
        bundle,
        "readlink /proc/$$/exe; true",  # another process: the shell stays
        {"defaultAction": "SCMP_ACT_ALLOW"},
        noNewPrivileges=no_new_privs,
        user={"uid": uid, "gid": uid},
    )
    assert (done.returncode, done.stderr, done.stdout != "") == (0, "", True)


@needs("root")
@pytest.mark.parametrize("no_new_privs", [True, False])
def test_an_ordinary_user_inside_is_filtered_and_gains_nothing(runf: Runf, bundle: Path, no_new_privs: bool) -> None:
    done = run(
        runf,
        bundle,
        f"id -u; {STATUS}",
        {"defaultAction": "SCMP_ACT_ALLOW"},
        noNewPrivileges=no_new_privs,
        user={"uid": 1234, "gid": 1234},
    )
    assert done.returncode == 0, done.stderr
    uid, *lines = done.stdout.splitlines()
    fields = dict(line.split(":\t") for line in lines)
    assert (uid, fields["Seccomp"]) == ("1234", "2")
    assert {int(fields[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}


@on_x86_64
@pytest.mark.parametrize("no_new_privs", [True, False])
@pytest.mark.parametrize("default", STRICT)
def test_a_profile_has_to_allow_what_the_program_needs_and_nothing_for_the_runtime(
    runf: Runf, bundle: Path, default: str, no_new_privs: bool
) -> None:
    profile = {"defaultAction": default, "syscalls": [rule("SCMP_ACT_ALLOW", "execve", "exit_group")]}
    done = run_tiny(runf, bundle, exits_with(7), profile, noNewPrivileges=no_new_privs)
    assert (done.returncode, done.stderr) == (7, "")


@on_x86_64
@pytest.mark.parametrize(
    ("default", "signals"),
    [
        ("SCMP_ACT_KILL_PROCESS", {signal.SIGSYS}),
        ("SCMP_ACT_KILL", {signal.SIGSYS}),
        ("SCMP_ACT_ERRNO", {signal.SIGILL}),
    ],
)
def test_a_program_that_is_refused_all_ends_by_itself_and_was_started(
    runf: Runf, bundle: Path, default: str, signals: set[int]
) -> None:
    # a name above exit_group, or that would be newer than all that the profile knows
    profile = {"defaultAction": default, "syscalls": [rule("SCMP_ACT_ALLOW", "execve", "openat")]}
    done = run_tiny(runf, bundle, exits_with(7), profile)
    assert done.returncode - 128 in signals
    assert done.stderr == ""


@pytest.mark.parametrize("no_new_privs", [True, False])
@pytest.mark.parametrize("default", STRICT)
def test_a_program_that_can_t_be_executed_is_told_though_the_filter_forbids_to_tell(
    runf: Runf, bundle: Path, default: str, no_new_privs: bool
) -> None:
    profile = {"defaultAction": default, "syscalls": [rule("SCMP_ACT_ALLOW", "execve")]}
    path = make_container_bundle(bundle, "/text", change=with_profile(profile, noNewPrivileges=no_new_privs))
    (bundle / "rootfs" / "text").write_text("neither a program nor a script\n")
    (bundle / "rootfs" / "text").chmod(0o755)
    done = runf("run", "-b", path, "one")
    assert (done.returncode, done.stderr.partition(";")[0]) == (1, 'runf: exec: "/text": exec format error')
    assert "exec format error" in runf.last_records()[0]["fault"]


@pytest.mark.parametrize("default", STRICT)
def test_a_profile_that_forbids_execve_is_refused_and_nothing_is_made(runf: Runf, bundle: Path, default: str) -> None:
    profile = {"defaultAction": default, "syscalls": [rule("SCMP_ACT_ALLOW", "read", "write")]}
    done = run(runf, bundle, "true", profile)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "config.json#/linux/seccomp: the filter forbids execve" in done.stderr
    assert runf.last_records() == []


@on_x86_64
@pytest.mark.parametrize(
    ("default", "number", "expected"),
    [
        ({"defaultAction": "SCMP_ACT_ERRNO"}, 1000, errno.ENOSYS),
        ({"defaultAction": "SCMP_ACT_KILL_PROCESS"}, 1000, errno.ENOSYS),
        ({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": errno.EDOM}, 1000, errno.ENOSYS),
        ({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": errno.EDOM}, 39, errno.EDOM),
        ({"defaultAction": "SCMP_ACT_ERRNO"}, 39, errno.EPERM),
    ],
)
def test_calls_newer_than_the_profile_are_unknown_and_not_forbidden(
    runf: Runf, bundle: Path, default: dict[str, Any], number: int, expected: int
) -> None:
    profile = {**default, "syscalls": [rule("SCMP_ACT_ALLOW", "execve", "exit_group")]}
    assert run_tiny(runf, bundle, exits_with_errno_of(number), profile).returncode == expected


def test_names_that_nobody_knows_are_passed_over(runf: Runf, bundle: Path) -> None:
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule("SCMP_ACT_ERRNO", "no_such_call", "another")]}
    done = run(runf, bundle, "echo here", profile)
    assert (done.returncode, done.stdout) == (0, "here\n"), done.stderr


def test_flags_and_architectures_are_taken(runf: Runf, bundle: Path) -> None:
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"],
        "flags": [
            "SECCOMP_FILTER_FLAG_TSYNC",
            "SECCOMP_FILTER_FLAG_LOG",
            "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
        ],
    }
    assert run(runf, bundle, "echo here", profile).stdout == "here\n"


def test_a_start_hook_is_not_filtered_but_the_program_is(runf: Runf, bundle: Path) -> None:
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat")]}

    def change(config: dict[str, Any]) -> None:
        with_profile(profile)(config)
        config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "mkdir /tmp/hook"]}]}

    path = make_container_bundle(
        bundle, "sh", "-c", "ls -d /tmp/hook; mkdir /tmp/program || echo refused", change=change
    )
    assert runf("run", "-b", path, "one").stdout == "/tmp/hook\nrefused\n"


def test_a_created_container_waits_unfiltered_and_starts_filtered(runf: Runf, bundle: Path) -> None:
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat")]}
    path = make_container_bundle(bundle, "sleep", "60", change=with_profile(profile))
    runf.ok("create", "-b", path, "one")
    pid = runf.record("one")["pid"]
    runf.ok("start", "one")
    with open(f"/proc/{pid}/status") as status:
        assert "Seccomp:\t2\n" in status.read()
    runf.ok("delete", "--force", "one")


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (
            {"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/run/x"},
            "config.json#/linux/seccomp/defaultAction: SCMP_ACT_NOTIFY cannot be used as default action",
        ),
        (
            {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_PDP11"]},
            "config.json#/linux/seccomp/architectures/0: 'SCMP_ARCH_PDP11' is no architecture",
        ),
        (
            {
                "defaultAction": "SCMP_ACT_ALLOW",
                "listenerPath": "/nowhere/socket",
                "syscalls": [rule("SCMP_ACT_NOTIFY", "mkdir")],
            },
            "config.json#/linux/seccomp/listenerPath: can't connect to /nowhere/socket: No such file or directory",
        ),
    ],
)
def test_what_can_t_be_is_refused_in_one_line_and_nothing_stays(
    runf: Runf, bundle: Path, profile: dict[str, Any], words: str
) -> None:
    done = run(runf, bundle, "true", profile)
    assert done.returncode == 1
    assert done.stderr.startswith(f"runf: {words}")
    assert done.stderr.count("\n") == 1
    assert runf.ok("list", "-q") == ""


@pytest.mark.parametrize("path", [PODMANS, DOCKERS])
@pytest.mark.parametrize("no_new_privs", [True, False])
def test_the_default_profile_of_an_engine(runf: Runf, bundle: Path, path: str, no_new_privs: bool) -> None:
    if not os.path.exists(path):
        pytest.skip(f"needs {path}")
    config: dict[str, Any] = {}

    def change(made: dict[str, Any]) -> None:
        capabilities = set(made["process"].get("capabilities", {}).get("bounding", ()))
        with_profile(engine_profile(path, capabilities), noNewPrivileges=no_new_privs)(made)
        config.update(made)

    script = "mkdir /tmp/x && ls -l / | wc -l && unshare --net true 2>&1 || echo refused; (sleep 0; echo forked) | cat"
    bundle_path = make_container_bundle(bundle, "sh", "-c", script, change=change)
    for _ in range(2):  # the second time, the filter comes from where the first one was kept
        done = runf("run", "-b", bundle_path, "one")
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("refused\nforked\n")
    assert len(list((runf.root / ".seccomp").iterdir())) == 1
    assert (runf.root / ".seccomp").stat().st_mode & 0o777 == 0o700


class Agent:
    """A listener that refuses each call with ``error`` until nobody makes one any more."""

    def __init__(self, path: Path, error: int) -> None:
        self.path = path
        self.error = error
        self.state: dict[str, Any] = {}
        self.rest = b"nothing came"
        self.pids: list[int] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # a path may be longer than an address
        directory = os.open(path.parent, os.O_RDONLY)
        self._socket.bind(f"/proc/self/fd/{directory}/{path.name}")
        os.close(directory)
        self._socket.listen()
        self._socket.settimeout(DEADLINE_S)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.settimeout(DEADLINE_S)
            data, fds, _, _ = socket.recv_fds(connection, 1 << 20, 8)
            self.rest = connection.recv(1)
        self.state = json.loads(data)
        (listener,) = fds
        try:
            notification = receive(listener)
            self.pids.append(notification.pid)
            answer(listener, notification, error=self.error)
        finally:
            os.close(listener)

    def join(self) -> None:
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()
        self._socket.close()


@pytest.fixture
def agent(runf: Runf) -> Iterator[Callable[[str], Agent]]:
    made = []

    def make(name: str) -> Agent:
        path = runf.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        made.append(Agent(path, errno.EDQUOT))
        return made[-1]

    yield make
    for each in made:
        each.join()


@pytest.mark.parametrize("no_new_privs", [True, False])
@pytest.mark.parametrize("name", ["agent", f"{'long' * 30}/agent"])
def test_a_listener_hears_of_a_call_and_decides(
    runf: Runf, bundle: Path, agent: Callable[[str], Agent], no_new_privs: bool, name: str
) -> None:
    listening = agent(name)
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": str(listening.path),
        "listenerMetadata": "for you",
        "syscalls": [rule("SCMP_ACT_NOTIFY", "mkdir", "mkdirat")],
    }
    change = with_profile(profile, noNewPrivileges=no_new_privs)
    path = make_container_bundle(
        bundle, "mkdir", "/tmp/x", change=lambda config: (change(config), config.update(annotations={"a": "b"}))
    )
    runf.ok("create", "-b", path, "one")
    record = runf.record("one")
    runf.ok("start", "one")
    listening.join()
    assert listening.rest == b""
    assert listening.state == {
        "ociVersion": record["ociVersion"],
        "fds": ["seccompFd"],
        "pid": record["pid"],
        "metadata": "for you",
        "state": {
            "ociVersion": record["ociVersion"],
            "id": "one",
            "status": "created",
            "pid": record["pid"],
            "bundle": path,
            "annotations": {"a": "b"},
        },
    }
    assert listening.pids == [record["pid"]]


def test_a_listener_that_hears_nothing_of_an_added_process_is_told(runf: Runf, bundle: Path) -> None:
    path = runf.place / "agent"
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": str(path),
        "syscalls": [rule("SCMP_ACT_NOTIFY", "mkdir")],
    }
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600", change=with_profile(profile)), "one")
        listening.accept()[0].close()
        adding = subprocess.Popen(runf.argv("exec", "one", "true"), stderr=subprocess.PIPE, text=True)
        listening.accept()[0].close()
        _, told = adding.communicate(timeout=DEADLINE_S)
    assert adding.returncode == 255
    assert told == f"runf: config.json#/linux/seccomp/listenerPath: nothing can be sent to {path}: Broken pipe\n"


def test_a_listener_may_be_gone_at_start_and_that_is_told(runf: Runf, bundle: Path) -> None:
    path = runf.place / "agent"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        profile = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "listenerPath": str(path),
            "syscalls": [rule("SCMP_ACT_NOTIFY", "mkdir")],
        }
        runf.ok("create", "-b", make_container_bundle(bundle, "true", change=with_profile(profile)), "one")
    done = runf("start", "one")
    assert done.returncode == 1
    assert f"config.json#/linux/seccomp/listenerPath: nothing can be sent to {path}" in done.stderr
    assert runf.state("one")["status"] == "stopped"
