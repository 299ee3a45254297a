"""runf where a client looks for another runtime: under its name, by a link, with next to no environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.clients.engines import PODMAN
from tests.support.machine import RUNF

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.clients.engines import Engine
    from tests.support.machine import Machine

CLIENTS = ("under another name",)
RUNTIMES = ("runf",)
pytestmark = pytest.mark.usefixtures("client", "runtime")
named = pytest.mark.parametrize("name", ["runc", "crun", "my-runtime"])


def _link(machine: Machine, name: str) -> str:
    path = f"/mnt/as/{name}"
    machine.ok("sh", "-c", f"mkdir -p /mnt/as && ln -sf {RUNF} {path}")
    return path


@named
def test_podman_runs_and_executes_with_it(machine: Machine, engine_of: Callable[[str, str], Engine], name: str) -> None:
    podman = engine_of(PODMAN, "runf")
    podman.runtime = _link(machine, name)
    container = podman.up()
    assert podman("exec", container, "sh", "-c", "exit 4").returncode == 4
    assert podman("run", "--rm", "--network", "none", "box", "sh", "-c", "exit 5").returncode == 5


@named
def test_podman_understands_its_errors(machine: Machine, engine_of: Callable[[str, str], Engine], name: str) -> None:
    podman = engine_of(PODMAN, "runf")
    podman.runtime = _link(machine, name)
    for program, status in (("no-such-program", 127), ("/etc/motd", 126)):
        done = podman("run", "--rm", "--network", "none", "box", program)
        assert (done.returncode, done.stderr.count("\n")) == (status, 1), done.stderr


@named
def test_it_tells_its_version_under_that_name(machine: Machine, name: str) -> None:
    told = machine.ok("env", "-i", _link(machine, name), "--version").splitlines()[0]
    assert told.startswith(f"{'runf' if name == 'my-runtime' else name} version ")


def test_it_needs_no_environment_and_no_certain_directory(machine: Machine) -> None:
    link = _link(machine, "runc")
    elsewhere = 'cd /proc/self && exec env -i "$@"'
    for words in (("list", "--format", "json"), ("delete", "--force", "nobody"), ("features",)):
        done = machine("sh", "-c", f"{elsewhere} <&-", "sh", link, *words)
        assert (done.returncode, done.stderr) == (0, ""), words
    log = ("--log", "/mnt/tmp/log", "--log-format", "json")
    refused = machine("sh", "-c", elsewhere, "sh", link, *log, "state", "nobody")
    assert refused.returncode == 1
    assert json.loads(machine.path("/mnt/tmp/log").read_text())["msg"] == 'container "nobody" does not exist'
