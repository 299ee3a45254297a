"""A second process in a container, as podman's and Docker's users start one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.clients.engines import DOCKER, PODMAN, PODMAN_USER
from tests.support.machine import wait_for

if TYPE_CHECKING:
    from tests.clients.engines import Engine

CLIENTS = (PODMAN, PODMAN_USER, DOCKER)


def test_exec_passes_output_and_exit_code_on(engine: Engine) -> None:
    done = engine("exec", engine.up(), "sh", "-c", "echo inside; echo err >&2; exit 9")
    assert (done.returncode, done.stdout, done.stderr) == (9, "inside\n", "err\n")


def test_exec_takes_user_directory_environment_and_stdin(engine: Engine) -> None:
    words = ("exec", "--interactive", "--user", "1000", "--workdir", "/tmp", "--env", "A=b", engine.up())
    said = engine.ok(*words, "sh", "-c", "id -u; pwd; echo $A; cat", stdin="through\n")
    assert said.splitlines() == ["1000", "/tmp", "b", "through"]


def test_exec_gives_a_terminal(engine: Engine) -> None:
    said = engine.ok("exec", "--tty", engine.up(), "sh", "-c", "test -t 1 && tty")
    assert said.strip().startswith("/dev/pts/")


def test_exec_in_the_background_goes_on(engine: Engine) -> None:
    name = engine.up()
    engine.ok("exec", "--detach", name, "sh", "-c", "echo done > /tmp/file")
    wait_for(engine.machine, lambda: engine("exec", name, "cat", "/tmp/file").stdout == "done\n", "the file")


def test_exec_of_a_missing_program_is_127(engine: Engine) -> None:
    name = engine.up()
    done = engine("exec", name, "no-such-program")
    assert done.returncode == (126 if engine.client == DOCKER else 127), done.stderr  # Docker 20.10 has one for both


def test_exec_of_what_may_not_be_executed_is_126(engine: Engine) -> None:
    assert engine("exec", engine.up(), "/etc/motd").returncode == 126


def test_exec_passes_a_signals_code_on(engine: Engine) -> None:
    assert engine("exec", engine.up(), "sh", "-c", "kill -9 $$").returncode == 137


def test_exec_into_a_stopped_container_is_refused(engine: Engine) -> None:
    name = engine.up("box", "true")
    engine.ok("wait", name)
    assert engine("exec", name, "true").returncode != 0


def test_exec_with_privileges_has_more_capabilities(engine: Engine) -> None:
    name = engine.up()
    show = ("sh", "-c", "grep CapEff /proc/self/status")
    plain, privileged = engine.ok("exec", name, *show), engine.ok("exec", "--privileged", name, *show)
    assert int(plain.split()[1], 16) < int(privileged.split()[1], 16)


def test_exec_is_in_the_containers_namespaces_and_filter(engine: Engine) -> None:
    name = engine.up()
    kinds = ("ipc", "mnt", "net", "pid", "uts", "user", "cgroup")
    show = "; ".join(f"readlink /proc/$p/ns/{kind}" for kind in kinds) + "; grep Seccomp: /proc/$p/status"
    own, first = (engine.ok("exec", name, "sh", "-c", f"p={pid}; {show}") for pid in ("self", "1"))
    assert own == first


def test_many_execs_at_once_all_pass_their_codes_on(engine: Engine) -> None:
    name = engine.up()
    started = [engine.start("exec", name, "sh", "-c", f"exit {code}") for code in range(10)]
    said = [each.communicate(timeout=120) for each in started]
    assert [each.returncode for each in started] == list(range(10)), said
