"""One place for all that runs: containers of several clients in the list and in the watcher's stream."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.engines import CONTAINERD, DOCKER, PODMAN
from tests.support.machine import REPOSITORY, RUNF, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.clients.engines import Engine
    from tests.support.machine import Machine

CLIENTS = ("seen from one place",)
RUNTIMES = ("runf",)
EVENTS = "/mnt/tmp/events"
HOOKS = REPOSITORY / "docs" / "oci-hooks.d"

pytestmark = pytest.mark.usefixtures("client", "runtime")


@pytest.fixture
def watcher(machine: Machine, engine_of: Callable[[str, str], Engine]) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """A watcher, and a subscriber; what that has been told so far, of a container that is there first of all."""
    engine_of(PODMAN, "runf").up()
    null = subprocess.DEVNULL
    watching = machine.start("/mnt/runf/bin/runf-watcher", stdin=null, stdout=null, stderr=subprocess.PIPE)
    assert "following" in watching.stderr.readline()
    with machine.path(EVENTS).open("w") as told:
        subscriber = machine.start(RUNF, "events", stdin=null, stdout=told, stderr=null)

    def read() -> list[dict[str, Any]]:
        lines = machine.path(EVENTS).read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines if line]  # an empty one says that the connection is alive

    try:
        wait_for(machine, lambda: read() != [], "the snapshot")
        yield read
    finally:
        for process in (subscriber, watching):
            machine.end(process)
        watching.stderr.close()


def _listed(machine: Machine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(machine.ok(RUNF, "list", "--all-roots", "--format", "json"))
    return found


def _told(events: list[dict[str, Any]], container_id: str) -> list[str]:
    return [event["type"].split(".")[3] for event in events if event.get("subject") == container_id]


def _exit_codes(events: list[dict[str, Any]], container_id: str) -> set[int | None]:
    ends = [event for event in events if event.get("subject") == container_id and ".stopped." in event["type"]]
    return {event["data"]["exit"]["code"] for event in ends}


def _id(engine: Engine, name: str) -> str:
    found: str = name if engine.client == CONTAINERD else engine.inspect(name)["Id"]
    return found


def test_podman_docker_and_containerd_are_in_one_list(
    machine: Machine, engine_of: Callable[[str, str], Engine]
) -> None:
    engines = [engine_of(client, "runf") for client in (PODMAN, DOCKER, CONTAINERD)]
    ids = {_id(engine, engine.up()) for engine in engines}
    listed = {each["id"]: each for each in _listed(machine)}
    assert ids <= set(listed)
    assert {listed[each]["status"] for each in ids} == {"running"}
    shown = json.loads(machine.ok(RUNF, "state", _id(engines[0], engines[0].names[0])))
    assert shown["verified"] is True


def test_the_watcher_tells_the_exit_codes_of_all(
    machine: Machine, engine_of: Callable[[str, str], Engine], watcher: Callable[[], list[dict[str, Any]]]
) -> None:
    place = engine_of(PODMAN, "runf").place()
    wanted = {}
    for code, client in enumerate((PODMAN, DOCKER), start=3):
        engine = engine_of(client, "runf")
        script = f"while test ! -e /data/go; do sleep 0.05; done; exit {code}"
        wanted[_id(engine, engine.up("--volume", f"{place}:/data", "box", "sh", "-c", script))] = {code}
    machine.write(f"{place}/go", "")
    wait_for(machine, lambda: {each: _exit_codes(watcher(), each) for each in wanted} == wanted, "the exit codes")
    for each in wanted:
        assert _told(watcher(), each)[:3] == ["created", "started", "stopped"]


def test_an_exec_of_podmans_is_told_with_its_end(
    machine: Machine, engine_of: Callable[[str, str], Engine], watcher: Callable[[], list[dict[str, Any]]]
) -> None:
    podman = engine_of(PODMAN, "runf")
    name = podman.up()
    assert podman("exec", name, "sh", "-c", "exit 4").returncode == 4
    container_id = _id(podman, name)
    wait_for(machine, lambda: _told(watcher(), container_id)[2:] == ["exec", "exec"], "the start and the end")


@pytest.mark.parametrize("other", ["runc", "crun"])
def test_hooks_enter_the_containers_that_podman_runs_with(
    machine: Machine,
    engine_of: Callable[[str, str], Engine],
    watcher: Callable[[], list[dict[str, Any]]],
    other: str,
) -> None:
    for hook in HOOKS.glob("*.json"):
        machine.write(f"/mnt/oci-hooks.d/{hook.name}", hook.read_text().replace("/usr/local/bin/runf", RUNF))
    podman = engine_of(PODMAN, other)
    hooks = ("--hooks-dir", "/mnt/oci-hooks.d")
    place, name = podman.place(), podman.name()
    words = ("run", "--detach", "--name", name, "--network", "none", "--volume", f"{place}:/data", "box")
    podman.ok(*hooks, *words, "sh", "-c", "while test ! -e /data/go; do sleep 0.05; done; exit 5")
    container_id = podman.inspect(name)["Id"]
    listed = {each["id"]: each for each in _listed(machine)}
    assert (listed[container_id]["status"], listed[container_id]["runtime"]["name"]) == ("running", other)
    machine.write(f"{place}/go", "")
    wait_for(machine, lambda: _exit_codes(watcher(), container_id) == {5}, "the exit code")
    podman.ok(*hooks, "rm", "--force", name)
    wait_for(machine, lambda: "deleted" in _told(watcher(), container_id), "the end of its record")
    assert container_id not in {each["id"] for each in _listed(machine)}
