"""Building images: what buildah runs on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients.engines import BUILDAH, Buildah

if TYPE_CHECKING:
    from tests.clients.engines import Engine

CLIENTS = (BUILDAH,)
FILE = """FROM localhost/box
RUN echo built > /built && id -u >> /built
USER 1000
WORKDIR /tmp
RUN id -u > mine && pwd >> mine
"""


@pytest.fixture
def buildah(engine: Engine) -> Buildah:
    assert isinstance(engine, Buildah)
    return engine


def test_run_passes_the_output_on(buildah: Buildah) -> None:
    assert buildah.ok("run", buildah.working(), "echo", "hello") == "hello"


@pytest.mark.parametrize("code", [0, 7])
def test_run_passes_the_exit_code_on(buildah: Buildah, code: int) -> None:
    done = buildah("run", buildah.working(), "sh", "-c", f"exit {code}")
    assert done.returncode == code, done.stderr


def test_a_missing_program_is_told(buildah: Buildah) -> None:
    done = buildah("run", buildah.working(), "no-such-program")
    assert (done.returncode != 0, "no-such-program" in done.stderr) == (True, True)


def test_run_gives_a_terminal(buildah: Buildah) -> None:
    assert buildah.ok("run", "--terminal", buildah.working(), "sh", "-c", "test -t 1 && tty").strip() == "/dev/pts/0"


def test_what_run_changes_is_committed(buildah: Buildah) -> None:
    name = buildah.working()
    buildah.ok("run", name, "sh", "-c", "echo changed > /etc/motd")
    assert buildah.ok("run", name, "cat", "/etc/motd") == "changed"


def test_run_takes_a_volume_and_a_user(buildah: Buildah) -> None:
    place = buildah.place()
    words = ("run", "--user", "1000", "--volume", f"{place}:/data", buildah.working())
    buildah.ok(*words, "sh", "-c", "id -u > /data/who")
    assert buildah.machine.path(f"{place}/who").read_text() == "1000\n"


def test_a_container_file_is_built(buildah: Buildah) -> None:
    path = buildah.machine.write(f"{buildah.place()}/Containerfile", FILE)
    buildah.ok("build", "--file", path, "--tag", "built", path.rsplit("/", 1)[0])
    name = buildah.name()
    buildah.ok("from", "--name", name, "localhost/built")
    assert buildah.ok("run", name, "cat", "/built", "/tmp/mine").split() == ["built", "0", "1000", "/tmp"]
    buildah.ok("rmi", "--force", "localhost/built")


def test_a_failing_step_fails_the_build(buildah: Buildah) -> None:
    path = buildah.machine.write(f"{buildah.place()}/Containerfile", "FROM localhost/box\nRUN exit 3\n")
    done = buildah("build", "--file", path, path.rsplit("/", 1)[0])
    assert (done.returncode, "exit status 3" in done.stderr) == (3, True), done.stderr
