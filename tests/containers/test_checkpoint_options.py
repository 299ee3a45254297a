"""What else criu is told: which ties to the world outside go along, how memory is handed over, where logs go."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime.sandbox.criu_service import LOCKS_SINCE
from tests.support.containers import wait_until
from tests.support.frozen import COUNT, Frozen
from tests.support.needs import needs
from tests.support.session import unique_name

if TYPE_CHECKING:
    from tests.support.containers import Runf

PYTHON = "exec /usr/bin/python3 -IS -c '{}'"
LOCKED = f"exec flock -x /shared/lock sh -c '{COUNT}'"
CONNECTED = PYTHON.format(
    """
import socket, time
listening = socket.create_server(("127.0.0.1", 0))
near = socket.create_connection(listening.getsockname())
far, _ = listening.accept()
for n in range(1, 1 << 30):
    near.sendall(b"%10d" % n)
    open("/shared/n", "w").write(str(int(far.recv(10))))
    time.sleep(0.05)
"""
)
CLOSED = PYTHON.format(
    """
import socket, time
listening = socket.create_server(("127.0.0.1", 0))
near = socket.create_connection(listening.getsockname())
far, _ = listening.accept()
for n in range(1, 1 << 30):
    try:
        near.sendall(b"1")
    except OSError as error:
        open("/shared/closed", "w").write(type(error).__name__)
        break
    open("/shared/n", "w").write(str(n))
    time.sleep(0.05)
socket.create_connection(listening.getsockname())
open("/shared/anew", "w").write("connected")
"""
)
SENDING = PYTHON.format(
    """
import socket, time
inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
inbox.connect("%s/inbox")
for n in range(1, 1 << 30):
    inbox.send(str(n).encode())
    open("/shared/n", "w").write(str(n))
    time.sleep(0.05)
"""
)
LARGE = PYTHON.format(
    """
import hashlib, time
memory = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(1 << 17))
first = hashlib.sha256(memory).hexdigest()
for n in range(1, 1 << 30):
    assert hashlib.sha256(memory).hexdigest() == first
    open("/shared/n", "w").write(str(n))
    time.sleep(0.05)
"""
)
PAGES = ("127.0.0.1", 27027)

pytestmark = [needs("root", "criu"), needs("file:/usr/bin/python3")]


@pytest.fixture
def frozen(runf: Runf, bundle: Path) -> Frozen:
    return Frozen(runf, bundle)


def share_network(config: dict[str, Any], inboxes: str) -> None:
    """Sockets belong to network namespaces: criu knows those outside only in its own, and by their name there."""
    spaces = config["linux"]["namespaces"]
    config["linux"]["namespaces"] = [space for space in spaces if space["type"] != "network"]
    config["mounts"].append({"destination": inboxes, "type": "bind", "source": inboxes, "options": ["bind", "rw"]})


def criu_version() -> tuple[int, ...]:
    told = subprocess.run(["criu", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(each) for each in told.split()[1].split(".")[:2])


def await_more(frozen: Frozen) -> None:
    before = frozen.count()
    wait_until(lambda: frozen.count() > before, "it counts")


def move_elsewhere(config_json: Path) -> None:
    config = json.loads(config_json.read_text())
    config["linux"]["cgroupsPath"] = f"/{unique_name()}"
    config_json.write_text(json.dumps(config))


def refused(frozen: Frozen) -> str:
    """What is said where the option is not given: the container goes on as it was."""
    done = frozen.runf("checkpoint", "--image-path", str(frozen.images), "one")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert frozen.runf.state("one")["status"] == "running"
    await_more(frozen)
    return done.stderr


def test_file_locks_go_along_where_that_is_asked_for(frozen: Frozen) -> None:
    frozen.begin(LOCKED)
    await_more(frozen)
    assert "file-locks" in refused(frozen)
    frozen.checkpoint("--file-locks")
    with open(frozen.tmp / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert frozen.restore("--detach", "--file-locks").returncode == 0
    await_more(frozen)
    with open(frozen.tmp / "lock") as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_established_connections_go_along_where_that_is_asked_for(frozen: Frozen) -> None:
    frozen.begin(CONNECTED)
    await_more(frozen)
    assert "tcp-established" in refused(frozen)
    frozen.checkpoint("--tcp-established")
    assert frozen.restore("--detach", "--tcp-established").returncode == 0
    await_more(frozen)


def test_connections_are_held_by_iptables_where_that_is_asked_for(frozen: Frozen) -> None:
    words = ("--tcp-established", "--network-lock", "iptables")
    frozen.begin(CONNECTED)
    await_more(frozen)
    frozen.checkpoint(*words)
    done = frozen.restore("--detach", *words)
    assert done.returncode == 0, done.stderr
    await_more(frozen)


@pytest.mark.parametrize("method", list(LOCKS_SINCE))
def test_connections_are_held_otherwise_where_criu_can(frozen: Frozen, method: str) -> None:
    words = ("--tcp-established", "--network-lock", method)
    frozen.begin(CONNECTED)
    await_more(frozen)
    done = frozen.runf("checkpoint", "--image-path", str(frozen.images), *words, "one")
    if criu_version() < LOCKS_SINCE[method][0]:
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert f"--network-lock {method}: criu " in done.stderr
        await_more(frozen)
        return
    assert done.returncode == 0, done.stderr
    assert frozen.restore("--detach", *words).returncode == 0
    await_more(frozen)


def test_connections_come_back_closed_where_that_is_asked_for(frozen: Frozen) -> None:
    frozen.begin(CLOSED)
    await_more(frozen)
    frozen.checkpoint("--tcp-established")
    assert not (frozen.tmp / "closed").exists()
    done = frozen.restore("--detach", "--tcp-close")
    assert done.returncode == 0, done.stderr
    wait_until((frozen.tmp / "anew").exists, "it has connected anew")
    assert (frozen.tmp / "closed").read_text() == "BrokenPipeError"


def test_sockets_to_others_outside_go_along_where_that_is_asked_for(frozen: Frozen) -> None:
    inboxes = str(frozen.tmp)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.bind(f"{inboxes}/inbox")
        inbox.setblocking(False)
        frozen.begin(SENDING % inboxes, lambda config: share_network(config, inboxes))

        def emptied() -> bool:
            try:
                while True:
                    inbox.recv(100)
            except BlockingIOError:
                return False

        wait_until(lambda: emptied() or frozen.count() > 0, "it sends")
        done = frozen.runf("checkpoint", "--image-path", str(frozen.images), "one")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "ext-unix-sk" in done.stderr, done.stderr
        frozen.checkpoint("--ext-unix-sk")
        emptied()
        before = frozen.count()
        done = frozen.restore("--detach", "--ext-unix-sk")
        assert done.returncode == 0, done.stderr
        wait_until(lambda: emptied() or frozen.count() > before, "it sends on")


@pytest.mark.parametrize("mode", ["ignore", "full"])
def test_logs_go_where_they_are_wanted_and_cgroups_as_is_asked_for(frozen: Frozen, mode: str) -> None:
    work = frozen.runf.place / "work"
    words = ("--work-path", str(work), "--manage-cgroups-mode", mode, "--shell-job")
    frozen.begin(COUNT)
    await_more(frozen)
    frozen.checkpoint(*words)
    done = frozen.restore("--detach", *words)
    assert done.returncode == 0, done.stderr
    await_more(frozen)
    assert {"dump.log", "restore.log"} <= set(os.listdir(work))
    assert [name for name in os.listdir(frozen.images) if name.endswith(".log")] == []
    record = frozen.runf.record("one")
    own = next(iter(record["linux"]["cgroup"]["paths"].values()))
    assert f"/{Path(own).name}\n" in Path(f"/proc/{record['pid']}/cgroup").read_text()


def test_cgroups_that_must_be_new_are_refused_at_restore(frozen: Frozen) -> None:
    frozen.begin(COUNT)
    await_more(frozen)
    frozen.checkpoint("--manage-cgroups-mode", "strict")
    done = frozen.restore("--detach", "--manage-cgroups-mode", "strict")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--manage-cgroups-mode strict: criu would have to find no cgroup of the container" in done.stderr
    assert not (frozen.runf.root / "one").exists()
    assert frozen.restore("--detach", "--manage-cgroups-mode", "soft").returncode == 0
    await_more(frozen)


def test_memory_comes_when_it_is_wanted(frozen: Frozen) -> None:
    address, port = PAGES
    frozen.begin(LARGE)
    await_more(frozen)
    told, telling = os.pipe()
    words = ("--lazy-pages", "--page-server", f"{address}:{port}", "--status-fd", str(telling))
    argv = frozen.runf.argv("checkpoint", "--image-path", str(frozen.images), *words, "one")
    with subprocess.Popen(argv, pass_fds=[telling], stderr=subprocess.PIPE, text=True) as dumping:
        os.close(telling)
        assert os.read(told, 1) == b"\0", dumping.stderr and dumping.stderr.read()
        os.close(told)
        daemon = ["criu", "lazy-pages", "--page-server", "--address", address, "--port", str(port)]
        with subprocess.Popen([*daemon, "--images-dir", str(frozen.images)]) as handing:
            wait_until((frozen.images / "lazy-pages.socket").is_socket, "the daemon is there")
            # the first life holds its memory, and so its id and its cgroup, until the next one has all of it
            move_elsewhere(frozen.bundle / "config.json")
            images = ("--image-path", str(frozen.images), "-b", str(frozen.bundle))
            done = frozen.run("restore", *images, "--detach", "--lazy-pages", "two")
            assert done.returncode == 0, done.stderr
            await_more(frozen)
            assert handing.wait() == 0
        assert dumping.wait() == 0, dumping.stderr and dumping.stderr.read()
    assert frozen.runf.state("two")["status"] == "running"
