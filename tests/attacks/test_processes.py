"""Attacks on the runtime's own processes, while they are on their way into a container."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import Runf, make_container_bundle, wait_until

OWN_FAULT = 255
EXECS = 12
LEAST_LEAKABLE_FD, MOST_LEAKABLE_FD = 3, 11
ALL_CAPABILITIES = ("CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_SETUID")

# looks at every process that appears beside it, as fast as it can, and writes down what it got hold of
HUNTER = """
import os
print("hunting", flush=True)
known = {"1"}
log = open("/loot/log", "a", buffering=1)
while not os.path.exists("/loot/stop"):
    for pid in os.listdir("/proc"):
        if not pid.isdigit() or pid in known:
            continue
        for name in ("exe", "cwd", "root"):
            try:
                log.write(f"{name} {os.readlink(f'/proc/{pid}/{name}')}\\n")
            except OSError:
                pass
        try:
            fd = os.open(f"/proc/{pid}/exe", os.O_WRONLY)
            log.write(f"wrote {os.write(fd, b'#!/loot/evil')}\\n")
        except OSError:
            pass
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                log.write(f"fd {os.readlink(f'/proc/{pid}/fd/{fd}')}\\n")
        except OSError:
            pass
"""


def powerful(config: dict[str, Any]) -> None:
    """The capabilities that make an attacker's life easy, and nothing that holds it back."""
    config["process"]["capabilities"] = {
        kind: list(ALL_CAPABILITIES) for kind in ("bounding", "effective", "permitted")
    }
    config["process"]["noNewPrivileges"] = False


def bind(config: dict[str, Any], source: Path, destination: str) -> None:
    entry = {"destination": destination, "type": "bind", "source": str(source), "options": ["rbind", "rw"]}
    config["mounts"].append(entry)


@pytest.fixture
def loot(runf: Runf) -> Path:
    """A directory that the container can write to."""
    made = runf.place / "loot"
    made.mkdir(mode=0o777)
    return made


def interpreters() -> set[str]:
    """What /proc/<pid>/exe of a process of ours says on the host."""
    return {os.path.realpath(sys.executable), os.readlink("/proc/self/exe")}


@pytest.mark.needs("file:/usr/bin/python3")
def test_no_process_on_its_way_in_can_be_seen_taken_over_or_written_to(runf: Runf, bundle: Path, loot: Path) -> None:
    """CVE-2016-9962, CVE-2019-5736: the container's first process lies in wait for exec."""

    def change(config: dict[str, Any]) -> None:
        powerful(config)
        bind(config, loot, "/loot")

    path = make_container_bundle(bundle, "/usr/bin/python3", "-c", HUNTER, change=change)
    runf.ok("run", "-d", "-b", path, "one")
    wait_until((loot / "log").exists, "the hunt has begun")
    for _ in range(EXECS):
        runf.ok("exec", "one", "true")
    (loot / "stop").touch()
    caught = (loot / "log").read_text().splitlines()
    own = {path for path in interpreters() if not path.startswith("/usr/")}
    assert not {line for line in caught if line.startswith("wrote")}
    assert not {line for line in caught if line.partition(" ")[2] in own}
    host_side = (str(runf.root), str(bundle), "/proc/", "/sys/fs/cgroup")
    assert not [line for line in caught if line.startswith("fd ") and line[3:].startswith(host_side)]
    assert {line for line in caught if line.startswith("root ")} <= {"root /"}


@pytest.mark.parametrize("how", ["#!/proc/self/exe", "link"])
def test_a_program_that_leads_to_proc_self_exe_runs_nothing_of_the_host(runf: Runf, bundle: Path, how: str) -> None:
    """CVE-2019-5736: the image has the runtime execute itself inside, with libraries of the image."""
    path = make_container_bundle(bundle, "/evil", "-c", "print('host')")
    evil = bundle / "rootfs" / "evil"
    if how == "link":
        evil.symlink_to("/proc/self/exe")
    else:
        evil.write_text(f"{how}\nprint('host')\n")
        evil.chmod(0o755)
    done = runf("run", "-b", path, "one")
    assert done.returncode != 0
    assert "host" not in done.stdout


def climbing(runf: Runf, words: list[str]) -> None:
    """Whoever runs ``words`` sees in its working directory, and above it, nothing but the container's root.

    The caller leaves the host's root open, as a careless one does.
    """
    leaked = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        done = runf(*words, pass_fds=(leaked,))
    finally:
        os.close(leaked)
    if done.returncode == 0:
        above, root = done.stdout.split()
        assert above == root
    else:
        assert done.stdout == ""


CLIMB = "stat -c %d:%i ./../../../../../../../.. /"


@pytest.mark.parametrize("place", ["/proc/self/fd", "/proc/thread-self/fd", "/way"])
def test_no_leaked_fd_is_a_working_directory_of_an_added_process(runf: Runf, bundle: Path, place: str) -> None:
    """CVE-2024-21626: cwd is the number of an fd that the runtime forgot to close."""
    path = make_container_bundle(bundle, "sleep", "600")
    (bundle / "rootfs" / "way").symlink_to("/proc/self/fd")
    runf.ok("run", "-d", "-b", path, "one")
    for number in range(LEAST_LEAKABLE_FD, MOST_LEAKABLE_FD):
        climbing(runf, ["exec", "--cwd", f"{place}/{number}", "one", "sh", "-c", CLIMB])


@pytest.mark.parametrize("number", range(LEAST_LEAKABLE_FD, MOST_LEAKABLE_FD))
def test_no_leaked_fd_is_a_working_directory_of_the_program(runf: Runf, bundle: Path, number: int) -> None:
    """CVE-2024-21626, in config.json and as a link of the image."""
    change = lambda config: config["process"].update(cwd="/way")  # noqa: E731
    path = make_container_bundle(bundle, "sh", "-c", CLIMB, change=change)
    (bundle / "rootfs" / "way").symlink_to(f"/proc/self/fd/{number}")
    climbing(runf, ["run", "-b", path, "one"])


def test_nothing_is_inheritable_unless_it_was_asked_for(runf: Runf, bundle: Path) -> None:
    """CVE-2022-29162, CVE-2022-27650: a program with file capabilities would gain them."""
    script = "grep CapInh /proc/self/status"
    path = make_container_bundle(bundle, "sleep", "600", change=powerful)
    runf.ok("run", "-d", "-b", path, "one")
    added = runf.ok("exec", "--cap", "CAP_NET_RAW", "one", "sh", "-c", f"{script}; grep CapInh /proc/1/status")
    assert added.split() == ["CapInh:", "0" * 16] * 2


@pytest.mark.parametrize(
    "user",
    ["1000x", "0x10", "x:0", "1000:", ":0", "", "-1", "4294967295", "+5", " 5", "1_0", "٣", "1:2:3", "1e3", "root"],
)
def test_a_user_that_is_no_number_is_not_taken_for_one(runf: Runf, bundle: Path, user: str) -> None:
    """CVE-2026-30892: digits in front of something else were taken for the whole, or nothing for root."""
    runf.ok("create", "-b", make_container_bundle(bundle, "true"), "one")
    refused = runf("exec", f"--user={user}", "one", "id")
    assert (refused.returncode, refused.stdout) == (OWN_FAULT, "")
    assert f'--user "{user}" is no number of a user or group' in refused.stderr
    assert runf.record("one")["execs"] == []


def test_a_text_that_no_message_holds_is_one_fault(runf: Runf, bundle: Path) -> None:
    """CVE-2021-43784: a length that overflowed made a text into options of the process that joins namespaces."""
    smuggled = "/proc/" + "a" * ((1 << 16) + 8)

    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"].append({"type": "time", "path": smuggled})

    refused = runf("create", "-b", make_container_bundle(bundle, "true", change=change), "one")
    assert refused.returncode == 1
    assert "/linux/namespaces/" in refused.stderr
    assert not (runf.root / "one").exists()


def test_many_and_long_values_arrive_as_they_are(runf: Runf, bundle: Path) -> None:
    """CVE-2021-43784, the other way round: what is long but allowed is neither cut nor taken apart."""
    value = "x" * 100_000

    def change(config: dict[str, Any]) -> None:
        config["process"]["env"] += [f"LONG_{number}={value}" for number in range(10)]
        config["annotations"] = {f"key-{number}": value for number in range(4)}

    found = runf.ok(
        "run", "-b", make_container_bundle(bundle, "sh", "-c", "echo ${#LONG_0} ${#LONG_9}", change=change), "one"
    )
    assert found.split() == ["100000", "100000"]
