"""What the kernel tells about real processes."""

from __future__ import annotations

import os
import select
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from runtime.actions.evidence import Observer, gate_waits, gather, is_alive, observer
from runtime.actions.identity import identify
from runtime.actions.status import Evidence, observe
from runtime.kernel import libc, process, procfs
from runtime.store.record import UNKNOWN_EXIT, advance
from tests.support.forked import NOBODY, as_user, in_child, in_namespaces, needs_root
from tests.support.records import NOW, exit_of, first_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runtime.store.record import Process, Record

EXIT_NUMBER = 60 if os.uname().machine == "x86_64" else 93  # exit(2) of one thread


@pytest.fixture
def sleeper() -> Iterator[int]:
    """A child that waits for its end."""
    yield from waiting_child(signal.pause)


def waiting_child(action: Callable[[], object]) -> Iterator[int]:
    pid = os.fork()
    if pid == 0:
        try:
            action()
        finally:
            os._exit(0)
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@pytest.fixture
def zombie() -> Iterator[int]:
    pid = os.fork()
    if pid == 0:
        os._exit(3)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    yield pid
    os.waitpid(pid, 0)


@pytest.fixture
def leaderless() -> Iterator[int]:
    """A process whose first thread has ended and whose second one lives."""
    reading, writing = os.pipe()

    def second() -> None:
        while (found := procfs.stat("/proc", os.getpid())) and found.state != "Z":
            continue
        os.write(writing, b"x")
        signal.sigwait({signal.SIGUSR1})

    def first() -> None:
        threading.Thread(target=second).start()
        libc.syscall(EXIT_NUMBER, 0, text="exit")

    children = waiting_child(first)
    pid = next(children)
    os.close(writing)
    assert os.read(reading, 1) == b"x"
    os.close(reading)
    yield pid
    list(children)


@pytest.fixture
def root_fd(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "web").mkdir()
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def running(found: Process) -> Record:
    record = advance(first_record(), now=NOW, process=found, pid=found["pid"])
    record = advance(record, now=NOW, status="created")
    return advance(record, now=NOW, status="running", happenings=("started",))


def created(found: Process, starter: Process | None = None) -> Record:
    record = advance(first_record(), now=NOW, process=found, pid=found["pid"])
    return advance(advance(record, now=NOW, status="created"), now=NOW, starter=starter)


def gone() -> Process:
    """The identity of a process that was reaped."""
    pid = os.fork()
    if pid == 0:
        signal.pause()
    found = identify(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return found


class TestIsAlive:
    def test_a_living_process_is(self, sleeper: int) -> None:
        assert is_alive(identify(sleeper), observer())

    def test_a_stopped_one_is_too(self, sleeper: int) -> None:
        os.kill(sleeper, signal.SIGSTOP)
        os.waitid(os.P_PID, sleeper, os.WSTOPPED)
        assert is_alive(identify(sleeper), observer())

    def test_nobody_is_not(self) -> None:
        assert not is_alive(None, observer())

    def test_one_that_was_reaped_is_not(self) -> None:
        assert not is_alive(gone(), observer())

    def test_a_zombie_is_not(self, zombie: int) -> None:
        assert not is_alive(identify(zombie), observer())

    def test_a_pid_that_was_given_to_another_process_is_not(self, sleeper: int) -> None:
        found = identify(sleeper)
        assert not is_alive({**found, "startTime": found["startTime"] - 1}, observer())

    def test_one_whose_first_thread_alone_has_ended_is(self, leaderless: int) -> None:
        found = procfs.stat("/proc", leaderless)
        assert found is not None
        assert found.state == "Z"
        assert is_alive(identify(leaderless), observer())


class TestGather:
    def test_a_running_container(self, sleeper: int, root_fd: int) -> None:
        found = gather(running(identify(sleeper)), observer(), root_fd)
        assert found == Evidence(
            same_boot=True,
            in_sight=True,
            process_alive=True,
            maker_alive=False,
            starter_alive=False,
            gate_waits=None,
        )

    def test_a_zombie_is_a_stopped_container(self, zombie: int, root_fd: int) -> None:
        record = running(identify(zombie))
        seen = observe(record, gather(record, observer(), root_fd), now=NOW)
        assert (seen.truth["status"], seen.verified) == ("stopped", True)

    def test_of_a_zombie_whose_code_nobody_else_tells_it_is_known(self, zombie: int, root_fd: int) -> None:
        record = running(identify(zombie))
        truth = observe(record, gather(record, observer(), root_fd), now=NOW).truth
        assert (truth["exit"], truth["finishedPrecision"]) == (exit_of(3), "observed")

    @needs_root
    def test_who_may_not_ask_it_finds_the_exit_unknown(self, zombie: int, root_fd: int) -> None:
        record = running(identify(zombie))
        look = as_user(lambda: observe(record, gather(record, observer(), root_fd), now=NOW).truth["exit"])
        assert in_child(look) == UNKNOWN_EXIT

    def test_what_a_zombie_of_another_namespace_left_is_not_ours_to_read(self, zombie: int, root_fd: int) -> None:
        found = {**identify(zombie), "pidNamespace": 1}
        assert gather(running(found), observer(), root_fd).exit == UNKNOWN_EXIT  # type: ignore[arg-type]

    def test_a_container_whose_first_thread_ended_still_runs(self, leaderless: int, root_fd: int) -> None:
        record = running(identify(leaderless))
        assert observe(record, gather(record, observer(), root_fd), now=NOW).truth is record

    def test_a_stopped_record_needs_no_look_at_anything(self) -> None:
        record = advance(running(gone()), now=NOW, status="stopped")
        assert not gather(record, Observer("/nowhere", "", None, None), -1).process_alive

    def test_a_create_under_way_and_one_whose_maker_died(self, sleeper: int, root_fd: int) -> None:
        alive: Record = {**first_record(), "maker": identify(sleeper)}
        assert gather(alive, observer(), root_fd).maker_alive
        dead: Record = {**first_record(), "maker": gone()}
        assert not gather(dead, observer(), root_fd).maker_alive

    def test_another_boot_is_another_boot_even_with_the_same_pid_and_start_time(
        self, sleeper: int, root_fd: int
    ) -> None:
        record = running({**identify(sleeper), "bootId": "01234567-89ab-cdef-0123-456789abcdef"})
        assert not gather(record, observer(), root_fd).same_boot

    @pytest.mark.parametrize("member", ["pidNamespace", "timeNamespace"])
    def test_a_process_of_another_namespace_is_not_comparable(self, sleeper: int, root_fd: int, member: str) -> None:
        found = identify(sleeper)
        found[member] += 1  # type: ignore[literal-required]
        assert not gather(running(found), observer(), root_fd).in_sight

    def test_a_starter_of_another_namespace_is_not_taken_for_dead(self, sleeper: int, root_fd: int) -> None:
        record = created(identify(sleeper), starter={**gone(), "pidNamespace": 1})
        assert not gather(record, observer(), root_fd).in_sight

    def test_without_time_namespaces_there_is_one_clock(self, sleeper: int, root_fd: int) -> None:
        here = observer()._replace(time_namespace=None)
        assert gather(running(identify(sleeper)), here, root_fd).in_sight

    @pytest.mark.parametrize("flag", [process.CLONE_NEWPID, process.CLONE_NEWTIME])
    def test_from_a_new_namespace_nothing_is_verified(self, sleeper: int, root_fd: int, flag: int) -> None:
        record = running(identify(sleeper))

        def look() -> list[object]:
            seen = observe(record, gather(record, observer(), root_fd), now=NOW)
            return [seen.verified, seen.in_hands, seen.truth is record]

        assert in_namespaces(flag, look) == [False, False, True]

    def test_from_other_namespaces_a_container_is_verified(self, sleeper: int, root_fd: int) -> None:
        record = running(identify(sleeper))
        flags = process.CLONE_NEWNS | process.CLONE_NEWUTS | process.CLONE_NEWIPC | process.CLONE_NEWNET

        def look() -> list[object]:
            found = gather(record, observer(), root_fd)
            return [found.same_boot, found.in_sight, found.process_alive]

        assert in_namespaces(flags, look) == [True, True, True]

    @needs_root
    def test_another_user_may_verify_too(self, sleeper: int, root_fd: int) -> None:
        record = running(identify(sleeper))
        look = as_user(lambda: observe(record, gather(record, observer(), root_fd), now=NOW).verified)
        assert in_child(look) is True


class TestGate:
    @pytest.fixture
    def gate(self, tmp_path: Path, root_fd: int) -> Path:
        os.mkfifo(tmp_path / "web" / "gate", 0o600)
        return tmp_path / "web" / "gate"

    def test_who_holds_it_for_reading_waits(self, gate: Path, root_fd: int) -> None:
        held = os.open(gate, os.O_RDWR)
        assert gate_waits(root_fd, "web") is True
        os.close(held)
        assert gate_waits(root_fd, "web") is False

    def test_asking_leaves_nothing_in_it_and_no_descriptor(self, gate: Path, root_fd: int) -> None:
        held = os.open(gate, os.O_RDWR | os.O_NONBLOCK)
        before = os.listdir("/proc/self/fd")
        gate_waits(root_fd, "web")
        assert os.listdir("/proc/self/fd") == before
        with pytest.raises(BlockingIOError):
            os.read(held, 1)
        os.close(held)

    def test_without_a_gate_nothing_can_be_told(self, root_fd: int) -> None:
        assert gate_waits(root_fd, "web") is None
        assert gate_waits(root_fd, "nobody") is None

    def test_a_link_in_its_place_is_not_followed(self, gate: Path, root_fd: int) -> None:
        gate.rename(gate.with_name("other"))
        gate.symlink_to("other")
        assert gate_waits(root_fd, "web") is None

    @needs_root
    def test_who_may_not_open_it_cannot_tell(self, gate: Path, root_fd: int) -> None:
        assert in_child(as_user(lambda: gate_waits(root_fd, "web"), NOBODY)) is None

    def test_a_created_container_waits_and_then_runs(self, gate: Path, sleeper: int, root_fd: int) -> None:
        record = created(identify(sleeper))
        held = os.open(gate, os.O_RDWR)
        assert observe(record, gather(record, observer(), root_fd), now=NOW).truth is record
        os.close(held)
        assert observe(record, gather(record, observer(), root_fd), now=NOW).truth["status"] == "running"

    def test_with_a_living_starter_the_gate_is_not_asked(self, gate: Path, sleeper: int, root_fd: int) -> None:
        record = created(identify(sleeper), starter=identify(os.getpid()))
        found = gather(record, observer(), root_fd)
        assert (found.starter_alive, found.gate_waits) == (True, None)

    def test_with_a_dead_one_it_is(self, gate: Path, sleeper: int, root_fd: int) -> None:
        found = gather(created(identify(sleeper), starter=gone()), observer(), root_fd)
        assert (found.starter_alive, found.gate_waits) == (False, False)

    def test_a_process_that_ends_has_not_passed_its_gate(self, gate: Path, tmp_path: Path, root_fd: int) -> None:
        # exit(2) sets PF_EXITING, closes the fds, and only then makes a zombie: here it stands between the last two
        record = created({**identify(os.getpid()), "pid": 7, "startTime": 22})
        fields = [str(number) for number in range(3, 53)]
        fields[0], fields[6] = "R", str(procfs.PF_EXITING)
        (tmp_path / "7").mkdir()
        (tmp_path / "7" / "stat").write_text(f"7 (sh) {' '.join(fields)}\n")
        here = observer()._replace(proc=str(tmp_path))
        assert gather(record, here, root_fd).gate_waits is None
        fields[6] = "0"
        (tmp_path / "7" / "stat").write_text(f"7 (sh) {' '.join(fields)}\n")
        assert gather(record, here, root_fd).gate_waits is False
        (tmp_path / "7" / "stat").unlink()
        assert gather(record, here, root_fd).gate_waits is None

    def test_a_waiting_process_that_is_killed_is_never_seen_to_run(self, gate: Path, root_fd: int) -> None:
        def look(record: Record) -> str:
            return observe(record, gather(record, observer(), root_fd), now=NOW).truth["status"]

        seen = set()
        for _ in range(30):
            held = os.open(gate, os.O_RDWR)
            pid = os.fork()
            if pid == 0:
                os.read(held, 1)
                os._exit(0)
            os.close(held)
            record, pidfd = created(identify(pid)), os.pidfd_open(pid)
            os.kill(pid, signal.SIGKILL)
            while not select.select([pidfd], [], [], 0)[0]:
                seen.add(look(record))
            assert look(record) == "stopped"
            os.close(pidfd)
            os.waitpid(pid, 0)
        assert seen <= {"created", "stopped"}
