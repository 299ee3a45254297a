"""Pods as Kubernetes' kubelet makes them, through containerd's CRI plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.engines import CRI, CriEngine
from tests.support.machine import wait_for

if TYPE_CHECKING:
    from tests.clients.engines import Engine

CLIENTS = (CRI,)
RUNNING, EXITED = 1, 2


@pytest.fixture
def cri(engine: Engine) -> CriEngine:
    assert isinstance(engine, CriEngine)
    return engine


def _status(cri: CriEngine, container: str) -> dict[int, list[Any]]:
    return cri.decode(cri.call("ContainerStatus", {1: container})[1][0])


def _wait_for_end(cri: CriEngine, container: str) -> dict[int, list[Any]]:
    wait_for(cri.machine, lambda: _status(cri, container).get(3) == [EXITED], "the end")
    return _status(cri, container)


def test_a_container_of_a_pod_runs_and_is_logged(cri: CriEngine) -> None:
    pod = cri.pod()
    container = cri.container(pod, "sh", "-c", "echo hello; exit 0")
    _wait_for_end(cri, container)
    assert " stdout F hello\n" in cri.log(container)


def test_a_pod_may_share_the_nodes_network(cri: CriEngine) -> None:
    pod = cri.pod()
    container = cri.container(pod, "readlink", "/proc/self/ns/net")
    _wait_for_end(cri, container)
    assert cri.machine.ok("readlink", "/proc/self/ns/net").strip() in cri.log(container)


def test_the_exit_code_is_told(cri: CriEngine) -> None:
    container = cri.container(cri.pod(), "sh", "-c", "exit 7")
    assert _wait_for_end(cri, container)[7] == [7]


def test_a_command_is_executed_in_it(cri: CriEngine) -> None:
    container = cri.container(cri.pod(), "sleep", "1000")
    answer = cri.call("ExecSync", {1: container, 2: ["sh", "-c", "echo inside; exit 9"]})
    assert (answer[1], answer[3]) == ([b"inside\n"], [9])


def test_it_is_stopped(cri: CriEngine) -> None:
    container = cri.container(cri.pod(), "sleep", "1000")
    assert _status(cri, container)[3] == [RUNNING]
    cri.call("StopContainer", {1: container})
    assert _wait_for_end(cri, container)[7] == [137]


def test_its_limits_are_set_and_updated(cri: CriEngine) -> None:
    container = cri.container(cri.pod(), "sleep", "1000", memory_bytes=64 << 20)
    file = "memory/memory.limit_in_bytes" if cri.machine.version == 1 else "memory.max"
    look = {1: container, 2: ["cat", f"/sys/fs/cgroup/{file}"]}
    assert cri.call("ExecSync", look)[1] == [b"67108864\n"]
    cri.call("UpdateContainerResources", {1: container, 2: {4: 32 << 20}})
    assert cri.call("ExecSync", look)[1] == [b"33554432\n"]


def test_too_much_memory_is_the_reason(cri: CriEngine) -> None:
    eats = ("sh", "-c", "a=x; while :; do a=$a$a$a$a; done")
    container = cri.container(cri.pod(), *eats, memory_bytes=20 << 20)
    ended = _wait_for_end(cri, container)
    assert (ended[7], ended[10]) == ([137], [b"OOMKilled"])


def test_it_runs_as_the_user_that_was_asked_for(cri: CriEngine) -> None:
    container = cri.container(cri.pod(), "id", "-u", user=1000)
    _wait_for_end(cri, container)
    assert " stdout F 1000\n" in cri.log(container)


def test_a_pod_that_is_stopped_and_removed_is_gone(cri: CriEngine) -> None:
    pod = cri.pod()
    cri.container(pod, "sleep", "1000")
    cri.call("StopPodSandbox", {1: pod})
    cri.call("RemovePodSandbox", {1: pod})
    del cri.pods[pod]
    assert pod not in {cri.decode(each)[1][0].decode() for each in cri.call("ListPodSandbox", {}).get(1, [])}


def test_a_missing_program_is_an_error(cri: CriEngine) -> None:
    with pytest.raises(cri.errors, match="executable file not found"):
        cri.container(cri.pod(), "no-such-program")
