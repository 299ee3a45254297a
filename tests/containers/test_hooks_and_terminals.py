"""The six kinds of hook in their order, with their failures; terminals in the foreground and by console socket."""

from __future__ import annotations

import json
import os
import pty
import select
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.containers import Runf, make_container_bundle, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
BY_THE_PARENT = ("prestart", "createRuntime", "poststart", "poststop")


def with_hooks(trace: Path, *, failing: str = "") -> Callable[[dict[str, Any]], None]:
    """Each hook appends its kind and its state to ``trace``, which is bound to /trace in the container."""

    def change(config: dict[str, Any]) -> None:
        trace.write_text("")
        trace.chmod(0o666)
        config["mounts"].append(
            {"destination": "/trace", "type": "none", "source": str(trace), "options": ["bind", "rw"]}
        )
        config["hooks"] = {}
        for kind in KINDS:
            # createContainer is looked up on the host and runs before the root is entered
            target = "/trace" if kind == "startContainer" else str(trace)
            status = 3 if kind == failing else 0
            script = f"state=$(cat); echo '{kind}' \"$state\" >> {target}; echo why >&2; exit {status}"
            config["hooks"][kind] = [{"path": "/bin/sh", "args": ["sh", "-c", script]}]

    return change


def told(trace: Path) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for line in trace.read_text().splitlines():
        kind, _, state = line.partition(" ")
        found.append((kind, json.loads(state)))
    return found


def test_hooks_run_in_their_order_with_the_state_of_their_time(runf: Runf, bundle: Path) -> None:
    trace = runf.place / "trace"
    path = make_container_bundle(bundle, "sh", "-c", "echo program >&1", change=with_hooks(trace))
    runf.ok("create", "-b", path, "one")
    pid = runf.state("one")["pid"]
    assert [kind for kind, _ in told(trace)] == ["prestart", "createRuntime", "createContainer"]
    runf.ok("start", "one")
    wait_until(lambda: runf.state("one")["status"] == "stopped", "the program's end")
    runf.ok("delete", "one")
    found = told(trace)
    assert [kind for kind, _ in found] == list(KINDS)
    states = dict(found)
    assert [states[kind]["status"] for kind in KINDS] == [*("created",) * 4, "running", "stopped"]
    assert {state["id"] for state in states.values()} == {"one"}
    assert {state["bundle"] for state in states.values()} == {path}
    assert (states["prestart"]["pid"], states["createRuntime"]["pid"], states["poststart"]["pid"]) == (pid, pid, pid)
    assert (states["createContainer"]["pid"], states["startContainer"]["pid"]) == (1, 1)
    assert "pid" not in states["poststop"]


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer"])
def test_a_hook_that_fails_at_create_leaves_nothing(runf: Runf, bundle: Path, kind: str) -> None:
    trace = runf.place / "trace"
    path = make_container_bundle(bundle, "true", change=with_hooks(trace, failing=kind))
    refused = runf("create", "-b", path, "one")
    assert refused.returncode == 1
    assert f"config.json#/hooks/{kind}/0) exited with status 3: why" in refused.stderr
    assert not (runf.root / "one").exists()
    assert [kind for kind, _ in told(trace)][-1] == "poststop"
    (last,) = runf.last_records()
    assert kind in last["fault"]


@pytest.mark.parametrize("kind", ["startContainer", "poststart"])
def test_a_hook_that_fails_at_start_destroys_the_container(runf: Runf, bundle: Path, kind: str) -> None:
    trace = runf.place / "trace"
    path = make_container_bundle(bundle, "sleep", "600", change=with_hooks(trace, failing=kind))
    runf.ok("create", "-b", path, "one")
    cgroups = runf.record("one")["linux"]["cgroup"]
    refused = runf("start", "one")
    assert refused.returncode == 1
    assert f"config.json#/hooks/{kind}/0) exited with status 3: why" in refused.stderr
    assert not (runf.root / "one").exists()
    assert not any(os.path.exists(path) for path in (cgroups["paths"].values() if cgroups else ()))
    assert [kind for kind, _ in told(trace)][-1] == "poststop"
    (last,) = runf.last_records()
    assert kind in last["fault"]
    assert {"failed", "deleted"} <= {entry["type"] for entry in last["transitions"]}


def test_a_poststop_hook_that_fails_is_a_warning(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "true", change=with_hooks(runf.place / "trace", failing="poststop"))
    done = runf("run", "-b", path, "one")
    assert done.returncode == 0
    assert "runf: warning: hook /bin/sh (config.json#/hooks/poststop/0) exited with status 3: why" in done.stderr
    assert not (runf.root / "one").exists()


def test_hooks_of_the_host_inherit_an_environment_that_they_do_not_have(runf: Runf, bundle: Path) -> None:
    trace = runf.place / "trace"

    def change(config: dict[str, Any]) -> None:
        with_hooks(trace)(config)
        for kind, (hook,) in config["hooks"].items():
            target = "/trace" if kind == "startContainer" else str(trace)
            hook["args"] = ["sh", "-c", f"echo {kind} ${{MINE-none}} >> {target}"]
            config["hooks"][kind] = [hook, {**hook, "env": []}]

    path = make_container_bundle(bundle, "true", change=change)
    runf.ok("run", "-b", path, "one", env={**os.environ, "MINE": "yes"})
    first = {kind: "yes" if kind in BY_THE_PARENT else "none" for kind in KINDS}
    assert trace.read_text().splitlines() == [
        line for kind in KINDS for line in (f"{kind} {first[kind]}", f"{kind} none")
    ]


def read_until(fd: int, wanted: bytes) -> bytes:
    found = b""
    end = time.monotonic() + 20
    while wanted not in found:
        ready, _, _ = select.select([fd], [], [], max(0, end - time.monotonic()))
        assert ready, f"only {found!r} came"
        found += os.read(fd, 4096)
    return found


def test_run_gives_the_program_a_terminal_of_its_own(runf: Runf, bundle: Path) -> None:
    script = "tty; stty size; read line; echo got $line; exit 5"
    path = make_container_bundle(bundle, "sh", "-c", script, terminal=True)
    master, slave = pty.openpty()
    os.set_blocking(master, True)
    subprocess.run(["stty", "rows", "33", "cols", "77"], stdin=slave, check=True)
    running = subprocess.Popen(runf.argv("run", "-b", path, "one"), stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    assert b"/dev/pts/0" in read_until(master, b"33 77")
    os.write(master, b"hello\n")
    read_until(master, b"got hello")
    assert running.wait(20) == 5
    os.close(master)


def test_a_console_socket_gets_the_master(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "sh", "-c", "echo over the socket; sleep 600", terminal=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runf.place / "console.sock"))
        listener.listen()
        runf.ok("create", "-b", path, "--console-socket", str(runf.place / "console.sock"), "one")
        connection, _ = listener.accept()
        with connection:
            _, (master,), _, _ = socket.recv_fds(connection, 100, 1)
    runf.ok("start", "one")
    assert read_until(master, b"socket").startswith(b"over the socket")
    os.close(master)
    runf.ok("delete", "--force", "one")


def test_a_terminal_without_a_taker_is_refused(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "true", terminal=True)
    refused = runf("create", "-b", path, "one")
    assert refused.returncode == 1
    assert "config.json#/process/terminal" in refused.stderr
    assert not runf.root.exists()
