"""What the stub does between the gate and the program: filters, labels, capabilities, and how it tells a failure."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from runtime.kernel import numbers, process, seccomp
from runtime.kernel.capabilities import NUMBERS
from runtime.sandbox import stub
from runtime.sandbox.calls import StubCalls, carry_out
from runtime.sandbox.capabilities import CapabilityPlan, apply_capabilities, limit_bounding
from runtime.sandbox.confinement import CAP_SYS_ADMIN, Confinement, last_calls, prepare, retain
from runtime.sandbox.last_calls import LastCalls
from runtime.sandbox.lsm import Label, LsmPlan
from runtime.sandbox.seccomp import Filter, Listener
from tests.support.filters import ALLOW, ERRNO, answer, compiled, errno_of, receive
from tests.support.forked import in_child
from tests.support.needs import needs
from tests.support.stubs import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(os.uname().machine not in stub.IMAGES, reason="no stub for this machine"),
    needs("libseccomp"),
]
CHOWN, KILL = (1 << NUMBERS[name] for name in ("CAP_CHOWN", "CAP_KILL"))
NO_LABELS = LsmPlan("", "", "")


@pytest.fixture
def waiting() -> Iterator[Callable[..., Waiting]]:
    with ExitStack() as stack:

        def make(path: str, *arguments: str, **how: Any) -> Waiting:
            made = Waiting(path, *arguments, **how)
            stack.callback(made.end)
            return made

        yield make


def confined(**members: Any) -> Callable[[int, int], bytes]:
    """A list for the stub: its base and its outcome's fd are known in the child only."""
    return lambda base, outcome: last_calls(Confinement(**members, outcome_fd=outcome), base)


def status_of(container: Waiting) -> dict[str, str]:
    """The fields of what ``cat /proc/self/status`` printed."""
    return dict(line.split(":\t", 1) for line in container.printed().splitlines() if ":\t" in line)


def test_each_call_is_made_and_its_result_kept(waiting: Callable[..., Waiting], tmp_path: Path) -> None:
    def build(base: int, outcome: int) -> bytes:
        calls = LastCalls(base)
        path, text = calls.hold(os.fsencode(tmp_path / "made") + b"\0"), calls.hold(b"by the stub")
        opened = calls.argument_of_next(0, after=1)
        calls.add(numbers.OPENAT, process.AT_FDCWD, path, os.O_CREAT | os.O_WRONLY, 0o640, keep_at=opened)
        calls.add(numbers.WRITE, -1, text, 11, at_least=11)
        return calls.data()

    container = waiting("/bin/true", "true", build=build)
    assert not (tmp_path / "made").exists()
    container.open_gate()
    assert container.status() == 0
    assert container.told() == b""
    assert (tmp_path / "made").read_bytes() == b"by the stub"


def forking(base: int, outcome: int) -> bytes:
    """A list that makes a process, which alone goes on with it."""
    calls = LastCalls(base)
    calls.add(numbers.CLONE, signal.SIGCHLD, at_most=0)
    calls.add(numbers.SETSID)
    return calls.data()


def test_a_call_that_makes_a_process_leaves_the_rest_to_it(waiting: Callable[..., Waiting]) -> None:
    script = "import os; print(os.getpid(), os.getsid(0))"
    container = waiting(sys.executable, "python", "-IS", "-c", script, build=forking)
    container.open_gate()
    assert container.status() == 0  # the one that was there first, in silence
    assert container.told() == b""
    pid, session = map(int, container.printed().split())
    assert pid == session != container.pid


def test_an_interpreter_leaves_the_rest_to_it_too() -> None:
    def made() -> object:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            carry_out(lambda base: forking(base, -1))
            os.write(writing, b"%d" % os.getsid(0))
            os._exit(7)
        os.close(writing)
        return [pid, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), int(os.read(reading, 100))]

    pid, status, session = in_child(made)
    assert status == 0
    assert session != pid


def test_a_call_that_fails_is_told_in_words_and_nothing_runs(waiting: Callable[..., Waiting], tmp_path: Path) -> None:
    def build(base: int, outcome: int) -> bytes:
        calls = LastCalls(base)
        calls.add(numbers.OPENAT, process.AT_FDCWD, calls.hold(b"/nowhere\0"), 0, words="it can't be opened: ")
        return calls.data()

    container = waiting("/bin/echo", "echo", "here", build=build)
    container.open_gate()
    assert container.told() == errno.ENOENT.to_bytes(4, "little") + b"it can't be opened: "
    assert container.status() == 126
    assert container.printed() == ""


def test_a_call_that_does_less_than_demanded_is_a_failure(waiting: Callable[..., Waiting]) -> None:
    def build(base: int, outcome: int) -> bytes:
        calls = LastCalls(base)
        calls.add(numbers.WRITE, outcome, calls.hold(b"abc"), 3, at_least=4, words="short")
        return calls.data()

    container = waiting("/bin/true", "true", build=build)
    container.open_gate()
    assert container.told() == b"abc" + errno.EIO.to_bytes(4, "little") + b"short"
    assert container.status() == 126


def test_a_list_has_an_end() -> None:
    calls = StubCalls(0)
    for _ in range(StubCalls.LIMIT):
        calls.add(numbers.CLOSE_RANGE)
    with pytest.raises(ValueError, match="full"):
        calls.data()


@pytest.mark.parametrize("rest", [ERRNO | errno.EPERM, seccomp.SECCOMP_RET_KILL_PROCESS, seccomp.SECCOMP_RET_TRAP])
def test_a_filter_has_to_allow_nothing_but_execve(waiting: Callable[..., Waiting], rest: int) -> None:
    """The program needs more than that, so its end by the filter is what shows that it was executed."""
    filter_ = Filter(compiled([(ALLOW, "execve", ())], default=rest), 0, None)
    container = waiting("/bin/true", "true", before=process.set_no_new_privs, build=confined(filter=filter_))
    container.open_gate()
    assert int.from_bytes(container.told(), "little") == 0
    ends = {ERRNO | errno.EPERM: (127, -signal.SIGSEGV, -signal.SIGILL)}  # what the dynamic linker makes of it
    assert container.status() in ends.get(rest, (-signal.SIGSYS,))


@pytest.mark.parametrize(
    ("rest", "end"),
    [(ERRNO | errno.EPERM, -signal.SIGILL), (seccomp.SECCOMP_RET_KILL_PROCESS, -signal.SIGSYS)],
)
def test_a_failure_is_told_even_where_the_filter_forbids_to_speak_and_to_exit(
    waiting: Callable[..., Waiting], rest: int, end: int
) -> None:
    filter_ = Filter(compiled([(ALLOW, "execve", ())], default=rest), 0, None)
    container = waiting("/nowhere", "program", before=process.set_no_new_privs, build=confined(filter=filter_))
    container.open_gate()
    assert container.told() == errno.ENOENT.to_bytes(4, "little")
    assert container.status() == end


def test_the_stub_itself_is_not_filtered_while_it_waits(waiting: Callable[..., Waiting]) -> None:
    filter_ = Filter(compiled([]), 0, None)
    container = waiting(
        "/bin/cat", "cat", "/proc/self/status", before=process.set_no_new_privs, build=confined(filter=filter_)
    )
    assert "Seccomp:\t0\n" in container.proc("status")
    container.open_gate()
    fields = status_of(container)
    assert (fields["Seccomp"], fields["NoNewPrivs"]) == ("2", "1")


def test_a_filter_that_the_kernel_refuses_is_told(waiting: Callable[..., Waiting]) -> None:
    filter_ = Filter(b"\xff" * 8, 0, None)
    container = waiting("/bin/true", "true", before=process.set_no_new_privs, build=confined(filter=filter_))
    container.open_gate()
    told = container.told()
    assert told[:4] == errno.EINVAL.to_bytes(4, "little")
    assert told[4:] == b"config.json#/linux/seccomp: the filter can't be loaded: "
    assert container.status() == 126


@needs("root")
@pytest.mark.parametrize("uid", [0, 65534])
@pytest.mark.parametrize(
    "asked", [CapabilityPlan(0, 0, 0, 0, 0), CapabilityPlan(CHOWN | KILL, CHOWN, CHOWN, CHOWN, CHOWN)]
)
def test_without_no_new_privs_the_program_has_what_it_would_have_without_a_filter(
    waiting: Callable[..., Waiting], uid: int, asked: CapabilityPlan
) -> None:
    found = []
    for made in (None, Filter(compiled([]), 0, None)):
        kept: list[Confinement] = []

        def before(made: Filter | None = made, kept: list[Confinement] = kept) -> None:
            kept.append(prepare(NO_LABELS, made, asked, uid=uid, no_new_privs=False, outcome_fd=-1))
            retain(kept[0])
            limit_bounding(asked)
            process.set_keepcaps(True)
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            apply_capabilities(asked, retained=kept[0].retained)

        def build(base: int, outcome: int, kept: list[Confinement] = kept) -> bytes:
            return last_calls(kept[0]._replace(outcome_fd=outcome), base)

        container = waiting("/bin/cat", "cat", "/proc/self/status", before=before, build=build)
        holds = int(container.proc("status").partition("CapEff:\t")[2].split()[0], 16)
        assert bool(holds & CAP_SYS_ADMIN) == (made is not None)
        container.open_gate()
        fields = status_of(container)
        assert fields["Seccomp"] == ("2" if made else "0")
        found.append({name: fields[name] for name in fields if name.startswith("Cap")} | {"uid": fields["Uid"]})
    assert found[0] == found[1]


def test_who_may_not_load_a_filter_is_told_before_anything_is_done() -> None:
    def act() -> object:
        if os.geteuid() == 0:
            os.setresuid(65534, 65534, 65534)
        try:
            prepare(
                NO_LABELS, Filter(b"", 0, None), CapabilityPlan(0, 0, 0, 0, 0), uid=0, no_new_privs=False, outcome_fd=-1
            )
        except Exception as fault:
            return str(fault)
        return None

    assert "without process.noNewPrivileges it needs CAP_SYS_ADMIN" in in_child(act)


def test_a_listener_gets_its_fd_and_the_state_in_one_message(waiting: Callable[..., Waiting]) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    filter_ = Filter(
        compiled([(seccomp.SECCOMP_RET_USER_NOTIF, "mkdir", ())]),
        seccomp.SECCOMP_FILTER_FLAG_NEW_LISTENER,
        Listener("/somewhere", ""),
    )

    def before() -> None:
        process.set_no_new_privs()
        theirs.set_inheritable(True)

    build = confined(filter=filter_, listener_fd=theirs.fileno(), state=b'{"pid": 7}')
    container = waiting("/bin/sh", "sh", "-c", "mkdir /x; ls -l /proc/$$/fd", before=before, build=build)
    theirs.close()
    container.open_gate()
    data, fds, _, _ = socket.recv_fds(ours, 100, 4)
    assert data == b'{"pid": 7}'
    assert len(fds) == 1
    try:
        answer(fds[0], receive(fds[0]), error=errno.EDQUOT)
        listing = container.printed()
        assert "anon_inode" not in listing
        assert "socket:" not in listing
        assert ours.recv(1) == b""  # one state for each connection, and then its end
    finally:
        os.close(fds[0])
        ours.close()


def test_a_listener_that_has_gone_is_told(waiting: Callable[..., Waiting]) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    filter_ = Filter(
        compiled([(seccomp.SECCOMP_RET_USER_NOTIF, "mkdir", ())]),
        seccomp.SECCOMP_FILTER_FLAG_NEW_LISTENER,
        Listener("/somewhere", ""),
    )

    def before() -> None:
        process.set_no_new_privs()
        ours.close()
        theirs.set_inheritable(True)

    build = confined(filter=filter_, listener_fd=theirs.fileno(), state=b"{}")
    container = waiting("/bin/true", "true", before=before, build=build)
    ours.close()
    theirs.close()
    container.open_gate()
    told = container.told()
    assert told[:4] == errno.EPIPE.to_bytes(4, "little")
    assert b"listenerPath" in told
    assert container.status() == 126


def test_labels_are_written_before_the_filter_into_a_file_that_the_stub_opens(
    waiting: Callable[..., Waiting], tmp_path: Path
) -> None:
    (tmp_path / "apparmor").mkdir()
    for name in ("exec", "apparmor/exec"):
        (tmp_path / name).write_bytes(b"")
    attr_fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(attr_fd, True)
    labels = (Label("apparmor/exec", b"exec web", "/a"), Label("exec", b"user:role:type:level", "/b"))
    filter_ = Filter(compiled([(ALLOW, "execve", ())], default=ERRNO | 1), 0, None)
    container = waiting(
        "/bin/true",
        "true",
        before=process.set_no_new_privs,
        build=confined(labels=labels, attr_fd=attr_fd, filter=filter_),
    )
    os.close(attr_fd)
    assert (tmp_path / "exec").read_bytes() == b""
    container.open_gate()
    assert int.from_bytes(container.told(), "little") == 0
    assert (tmp_path / "exec").read_bytes() == b"user:role:type:level"
    assert (tmp_path / "apparmor/exec").read_bytes() == b"exec web"


def test_a_label_that_can_t_be_set_is_told(waiting: Callable[..., Waiting], tmp_path: Path) -> None:
    attr_fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(attr_fd, True)
    labels = (Label("exec", b"x", "config.json#/process/selinuxLabel"),)
    container = waiting("/bin/true", "true", build=confined(labels=labels, attr_fd=attr_fd))
    os.close(attr_fd)
    container.open_gate()
    assert container.told()[4:] == b"config.json#/process/selinuxLabel can't be set: "


def test_the_program_gets_no_fd_of_the_list(waiting: Callable[..., Waiting], tmp_path: Path) -> None:
    (tmp_path / "exec").write_bytes(b"")
    attr_fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(attr_fd, True)
    labels = (Label("exec", b"x", "/a"),)
    container = waiting("/bin/ls", "ls", "-l", "/proc/self/fd", build=confined(labels=labels, attr_fd=attr_fd))
    os.close(attr_fd)
    container.open_gate()
    assert str(tmp_path) not in container.printed()


def test_an_interpreter_carries_out_the_same_list(tmp_path: Path) -> None:
    (tmp_path / "exec").write_bytes(b"")

    def act() -> object:
        attr_fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
        process.set_no_new_privs()
        confinement = Confinement(
            labels=(Label("exec", b"label", "/a"),),
            attr_fd=attr_fd,
            filter=Filter(compiled([(ERRNO | errno.EXDEV, "getppid", ())]), 0, None),
        )
        carry_out(lambda base: last_calls(confinement, base, in_stub=False))
        return [errno_of("getppid"), os.get_inheritable(attr_fd)]

    assert in_child(act) == [errno.EXDEV, False]
    assert (tmp_path / "exec").read_bytes() == b"label"


def test_an_interpreter_tells_the_words_of_what_failed(tmp_path: Path) -> None:
    def act() -> object:
        confinement = Confinement(
            labels=(Label("exec", b"x", "config.json#/process/selinuxLabel"),), attr_fd=os.open(tmp_path, 0)
        )
        try:
            carry_out(lambda base: last_calls(confinement, base, in_stub=False))
        except OSError as error:
            return [error.errno, error.strerror]
        return None

    assert in_child(act) == [errno.ENOENT, "config.json#/process/selinuxLabel can't be set: "]
