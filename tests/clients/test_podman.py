"""What only podman has: pods, manifests, hooks directories, compose; and runf under the names of other runtimes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.clients.engines import PODMAN, PODMAN_USER, Podman
from tests.support.machine import wait_for

if TYPE_CHECKING:
    from tests.clients.engines import Engine

CLIENTS = (PODMAN, PODMAN_USER)


@pytest.fixture
def podman(engine: Engine) -> Podman:
    assert isinstance(engine, Podman)
    return engine


def test_a_hooks_directory_is_obeyed(podman: Podman) -> None:
    place = podman.place()
    script = podman.machine.write(f"{place}/hook", f"#!/bin/sh\ncat > {place}/$1.json\n")
    podman.machine.path(script).chmod(0o755)
    stages = ("createRuntime", "poststop")
    for stage in stages:
        hook = {"path": script, "args": ["hook", stage]}
        told = {"version": "1.0.0", "hook": hook, "when": {"always": True}, "stages": [stage]}
        podman.machine.write(f"{place}/hooks.d/{stage}.json", json.dumps(told))
    name = podman.name()
    hooks = ("--hooks-dir", f"{place}/hooks.d")
    podman.ok(*hooks, "run", "--name", name, "--network", "none", "box", "true")
    container_id = podman.inspect(name)["Id"]
    podman.ok(*hooks, "rm", name)
    states = [json.loads(podman.machine.path(f"{place}/{stage}.json").read_text()) for stage in stages]
    assert [each["id"] for each in states] == [container_id] * 2
    assert states[0]["status"] in ("creating", "created")  # runc's word and the specification's
    assert states[1]["status"] == "stopped"


def test_a_pod_shares_its_namespaces(podman: Podman) -> None:
    pod = podman.pod()
    podman.ok("run", "--detach", "--pod", pod, "--name", podman.name(), "box", "sleep", "1000")
    pid = podman.inspect(podman.names[-1])["State"]["Pid"]
    one = podman.machine.ok("readlink", f"/proc/{pid}/ns/net").strip()
    assert podman.ok("run", "--rm", "--pod", pod, "box", "readlink", "/proc/self/ns/net") == one


def test_a_pod_stops_and_starts(podman: Podman) -> None:
    pod = podman.pod()
    podman.ok("run", "--detach", "--pod", pod, "--name", podman.name(), "box", "sleep", "1000")
    podman.ok("pod", "stop", "--time", "0", pod)
    assert podman.inspect(podman.names[-1])["State"]["Status"] == "exited"
    podman.ok("pod", "start", pod)
    assert json.loads(podman.ok("pod", "inspect", pod))["State"] == "Running"


def test_a_kubernetes_manifest_is_played(podman: Podman) -> None:
    pod = podman.pod_name()
    container = {"name": "one", "image": "localhost/box:latest", "command": ["/bin/sh", "-c", "echo played"]}
    spec = {"restartPolicy": "Never", "containers": [container]}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod}, "spec": spec}
    path = podman.machine.write(f"{podman.place()}/pod.yaml", json.dumps(manifest))
    podman.ok("play", "kube", "--network", "none", path)
    podman.ok("wait", f"{pod}-one")
    assert podman.ok("logs", f"{pod}-one") == "played"
    podman.ok("play", "kube", "--down", path)


@pytest.mark.needs("program:podman-compose")
@pytest.mark.clients(PODMAN)
def test_compose_brings_services_up_and_down(podman: Podman) -> None:
    place = podman.place()
    service = {"image": "localhost/box", "command": ["sh", "-c", "echo composed; sleep 1000"]}
    podman.machine.write(f"{place}/compose.yaml", json.dumps({"services": {"one": service}}))
    words = ("podman-compose", "--podman-args", f"--runtime {podman.runtime}", "-f", f"{place}/compose.yaml")
    podman.names.append(f"{place.rsplit('/', 1)[1]}_one_1")
    name = podman.names[-1]
    podman.machine.ok(*words, "up", "-d", env=podman.environ)
    wait_for(podman.machine, lambda: podman("logs", name).stdout == "composed\n", "the service")
    assert podman.runtime_of(name) == podman.runtime
    podman.machine.ok(*words, "down", "-t", "0", env=podman.environ)
    assert podman("inspect", name).returncode != 0


def test_every_container_can_be_seen_by_ps_and_removed_at_once(podman: Podman) -> None:
    names = [podman.up(), podman.up("box", "true")]
    podman.ok("wait", names[1])
    shown = podman.ok("ps", "--all", "--format", "{{.Names}}").split()
    assert set(names) <= set(shown)
    podman.ok("rm", "--force", "--time", "0", *names)
