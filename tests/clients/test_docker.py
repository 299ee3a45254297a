"""What only Docker has: a default runtime, ids mapped for a whole daemon, compose files that name a runtime."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.clients.engines import DOCKER, Docker, start_daemon
from tests.support.machine import RUNF, USER, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.clients.engines import Engine
    from tests.support.machine import Machine

CLIENTS = (DOCKER,)
BRIDGE = "br-own"
# beside the daemon of the other cases, whose bridge a daemon without one would remove
ALONE = ("--bridge", BRIDGE, "--iptables=false")


class Default(Docker):
    """A daemon of its own that is asked for no runtime."""

    def argv(self, *words: str) -> list[str]:
        return ["docker", "--host", self.socket, *words]

    socket = ""


@pytest.fixture
def start_own(machine: Machine, engine: Engine) -> Iterator[Callable[..., Default]]:
    """Starts a daemon whose default runtime is the case's, with more options."""
    made: list[Default] = []

    def start(name: str, *options: str) -> Default:
        own = Default(machine, engine.runtime)
        place = f"/run/{name}-{engine.runtime}"
        own.socket = f"unix://{place}.sock"
        machine("ip", "link", "add", BRIDGE, "type", "bridge")
        machine("ip", "address", "add", "10.99.0.1/24", "dev", BRIDGE)
        runtimes = ("--add-runtime", f"runf={RUNF}", "--default-runtime", engine.runtime)
        start_daemon(machine, place, own.socket, *ALONE, *runtimes, *options)
        own.ok("import", "/mnt/box.tar", "box")
        made.append(own)
        return own

    yield start
    for own in made:
        own.clean()
        pid = machine.path(f"/run/{own.socket.rsplit('/', 1)[1].removesuffix('.sock')}/pid").read_text()
        machine.ok("kill", pid)


def test_it_is_the_default_runtime(start_own: Callable[..., Default]) -> None:
    docker = start_own("default")
    assert docker.ok("info", "--format", "{{.DefaultRuntime}}") == docker.runtime
    name = docker.up()
    assert docker.runtime_of(name) == docker.runtime
    assert docker("exec", name, "sh", "-c", "exit 4").returncode == 4
    assert docker.run("box", "echo", "hello") == "hello"


def test_the_ids_of_all_containers_are_mapped(start_own: Callable[..., Default]) -> None:
    docker = start_own("mapped", "--userns-remap", USER)
    name = docker.up()
    said = docker.ok("exec", name, "sh", "-c", "cat /proc/self/uid_map; id -u; touch /file && stat -c %u /file")
    assert said.split() == ["0", "1000000", "65536", "0", "0"]


@pytest.mark.needs("program:docker-compose")
def test_compose_brings_services_up_and_down(engine: Engine) -> None:
    place = engine.place()
    service = {
        "image": "box",
        "command": ["sh", "-c", "echo composed; sleep 1000"],
        "runtime": engine.runtime,
        "container_name": engine.name(),
    }
    engine.machine.write(f"{place}/compose.yaml", json.dumps({"version": "2.4", "services": {"one": service}}))
    words = ("docker-compose", "--file", f"{place}/compose.yaml")
    engine.machine.ok(*words, "up", "--detach", env=engine.environ)
    name = engine.names[-1]
    wait_for(engine.machine, lambda: engine("logs", name).stdout == "composed\n", "the service")
    assert engine.runtime_of(name) == engine.runtime
    engine.machine.ok(*words, "down", "--timeout", "0", env=engine.environ)
    assert engine("inspect", name).returncode != 0
