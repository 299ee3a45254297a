"""seccomp(2) and libseccomp: each action and operator, on the kernel that is here."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import resource
import signal
import socket

import pytest

from runtime.kernel import libseccomp, seccomp
from runtime.kernel.libseccomp import Comparison, Filter, system_call
from tests.support.filters import (
    ALLOW,
    ERRNO,
    answer,
    compiled,
    errno_of,
    receive,
    under,
    wait_status,
)
from tests.support.forked import in_child
from tests.support.needs import needs

pytestmark = needs("libseccomp")
on_x86_64 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="needs x86_64")

BIG = 1 << 33 | 5  # more than 32 bits, so that both halves of an argument count


def refuses(error: int, *comparisons: Comparison) -> bytes:
    return compiled([(ERRNO | error, "lseek", comparisons)])


def lseek_at(offset: int) -> int:
    """lseek of a closed fd: EBADF where the call gets through."""
    return errno_of("lseek", 999, offset, 0)


@pytest.mark.parametrize(
    ("operator", "matching", "passing"),
    [
        ("SCMP_CMP_EQ", [BIG], [5, BIG - 1, BIG + 1, 1 << 33]),
        ("SCMP_CMP_NE", [5, BIG - 1, 1 << 33], [BIG]),
        ("SCMP_CMP_LT", [0, BIG - 1, 6], [BIG, BIG + 1]),
        ("SCMP_CMP_LE", [0, BIG], [BIG + 1, 1 << 34]),
        ("SCMP_CMP_GE", [BIG, 1 << 34], [BIG - 1, 6]),
        ("SCMP_CMP_GT", [BIG + 1, 1 << 62], [BIG, 6]),
    ],
)
def test_an_operator_compares_all_64_bits(operator: str, matching: list[int], passing: list[int]) -> None:
    program = refuses(errno.EXDEV, Comparison(1, seccomp.OPERATORS[operator], BIG, 0))
    found = in_child(under(program, lambda: [lseek_at(offset) for offset in (*matching, *passing)]))
    assert found == [errno.EXDEV] * len(matching) + [errno.EBADF] * len(passing)


def test_masked_eq_looks_at_the_bits_of_its_mask() -> None:
    program = refuses(errno.EXDEV, Comparison(1, seccomp.OPERATORS["SCMP_CMP_MASKED_EQ"], 0xF0, 0x30))
    found = in_child(under(program, lambda: [lseek_at(offset) for offset in (0x30, 0x1000F3F, 0x31, 0x20, 0xF0, 0)]))
    assert found == [errno.EXDEV] * 3 + [errno.EBADF] * 3


def test_all_comparisons_of_a_rule_must_hold() -> None:
    equal = seccomp.OPERATORS["SCMP_CMP_EQ"]
    program = refuses(errno.EXDEV, Comparison(1, equal, 7, 0), Comparison(2, equal, 1, 0))
    calls = [(999, 7, 1), (999, 7, 0), (999, 8, 1)]
    found = in_child(under(program, lambda: [errno_of("lseek", *arguments) for arguments in calls]))
    assert found == [errno.EXDEV, errno.EBADF, errno.EBADF]


@pytest.mark.parametrize("code", [1, errno.ENOSYS, 4094])
def test_errno_returns_its_number(code: int) -> None:
    assert in_child(under(compiled([(ERRNO | code, "getppid", ())]), lambda: errno_of("getppid"))) == code


@pytest.mark.parametrize(("name", "default"), [("SCMP_ACT_LOG", "SCMP_ACT_ALLOW"), ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG")])
def test_allow_and_log_let_the_call_happen(name: str, default: str) -> None:
    program = compiled([(seccomp.ACTIONS[name], "getppid", ())], default=seccomp.ACTIONS[default])
    assert in_child(under(program, os.getppid)) == os.getpid()


@pytest.mark.parametrize("name", ["SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP"])
def test_kill_and_trap_end_the_process_by_sigsys(name: str) -> None:
    program = compiled([(seccomp.ACTIONS[name], "getppid", ())])

    def act() -> object:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return under(program, os.getppid)()

    assert wait_status(act) == -signal.SIGSYS


def test_trap_can_be_handled() -> None:
    program = compiled([(seccomp.ACTIONS["SCMP_ACT_TRAP"], "getppid", ())])

    def act() -> object:
        caught: list[int] = []
        signal.signal(signal.SIGSYS, lambda number, frame: caught.append(number))
        under(program, os.getppid)()
        return caught

    assert in_child(act) == [signal.SIGSYS]


def test_trace_without_a_tracer_is_enosys() -> None:
    program = compiled([(seccomp.ACTIONS["SCMP_ACT_TRACE"] | 7, "getppid", ())])
    assert in_child(under(program, lambda: errno_of("getppid"))) == errno.ENOSYS


def test_notify_lets_a_listener_answer() -> None:
    program = compiled([(seccomp.ACTIONS["SCMP_ACT_NOTIFY"], "lseek", ())])
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:

            def tell() -> None:
                theirs.send(bytes((lseek_at(1), lseek_at(2))))

            def load() -> int:
                from runtime.kernel.process import set_no_new_privs

                set_no_new_privs()
                return seccomp.set_filter(program, seccomp.SECCOMP_FILTER_FLAG_NEW_LISTENER)

            socket.send_fds(theirs, [b"x"], [load()])
            tell()
            os._exit(0)
        finally:
            os._exit(98)
    _, (listener,), _, _ = socket.recv_fds(ours, 1, 1)
    try:
        for offset, reply in ((1, {"error": errno.EXDEV}), (2, {"continues": True})):
            notification = receive(listener)
            assert notification.pid == pid
            assert notification.number == system_call("lseek")
            assert notification.arguments[1] == offset
            answer(listener, notification, **reply)  # type: ignore[arg-type]
        assert list(ours.recv(2)) == [errno.EXDEV, errno.EBADF]
    finally:
        os.close(listener)
        os.waitpid(pid, 0)
        ours.close()
        theirs.close()


@pytest.mark.parametrize("name", seccomp.ACTIONS)
def test_this_kernel_knows_each_action(name: str) -> None:
    assert seccomp.knows_action(seccomp.ACTIONS[name])


def test_an_action_that_nobody_defined_is_not_known() -> None:
    assert not seccomp.knows_action(0x12340000)


@pytest.mark.parametrize("name", seccomp.FLAGS)
def test_this_kernel_knows_each_flag(name: str) -> None:
    assert seccomp.knows_flags(seccomp.FLAGS[name])


def test_a_flag_that_nobody_defined_is_not_known() -> None:
    assert not seccomp.knows_flags(1 << 25)


@pytest.mark.parametrize(
    "flags", [seccomp.FLAGS["SECCOMP_FILTER_FLAG_LOG"], seccomp.FLAGS["SECCOMP_FILTER_FLAG_SPEC_ALLOW"], 0]
)
def test_a_filter_is_loaded_with_flags(flags: int) -> None:
    def mode() -> list[str]:
        with open("/proc/self/status") as status:
            return [line.split()[1] for line in status if line.startswith("Seccomp:")]

    assert in_child(under(compiled([]), mode, flags)) == ["2"]


def test_a_filter_needs_no_new_privs_or_a_capability() -> None:
    def act() -> object:
        if os.geteuid() == 0:
            os.setresuid(65534, 65534, 65534)
        try:
            seccomp.set_filter(compiled([]), 0)
        except OSError as error:
            return [error.errno, error.strerror]
        return None

    assert in_child(act) == [errno.EACCES, "seccomp(SECCOMP_SET_MODE_FILTER): Permission denied"]


def test_the_tokens_of_architectures_are_those_of_libseccomp() -> None:
    library = ctypes.CDLL(libseccomp.LIBRARY)
    library.seccomp_arch_resolve_name.restype = ctypes.c_uint32
    known = {}
    for name, token in seccomp.ARCHITECTURES.items():
        found = library.seccomp_arch_resolve_name(name.removeprefix("SCMP_ARCH_").lower().encode())
        if found:  # what came after this version of the library is unknown to it
            known[name] = (found, token)
    assert len(known) > 15
    assert {name: found for name, (found, _) in known.items()} == {name: token for name, (_, token) in known.items()}


def test_the_version_has_three_numbers() -> None:
    assert libseccomp.version() >= (2, 3, 0)


def test_names_have_numbers_and_others_none() -> None:
    assert system_call("read") == libseccomp.system_call_of(libseccomp.native_architecture(), "read")
    assert system_call("nosuchcall") is None
    assert libseccomp.system_call_of(seccomp.ARCHITECTURES["SCMP_ARCH_X86"], "waitpid") == 7
    assert libseccomp.system_call_of(seccomp.ARCHITECTURES["SCMP_ARCH_X86_64"], "waitpid") is None
    assert libseccomp.system_call_of(seccomp.ARCHITECTURES["SCMP_ARCH_X86"], "nosuchcall") is None


def test_a_rule_that_repeats_the_default_is_an_error() -> None:
    with Filter(ALLOW) as made, pytest.raises(OSError, match=r"seccomp_rule_add\(0x7fff0000, 0\)") as caught:
        made.add_rule(ALLOW, 0)
    assert caught.value.errno in (errno.EACCES, errno.EPERM)


def test_an_architecture_of_the_other_byte_order_is_an_error() -> None:
    other = "SCMP_ARCH_S390X" if os.uname().machine in ("x86_64", "aarch64") else "SCMP_ARCH_X86_64"
    with Filter(ALLOW) as made, pytest.raises(OSError, match="seccomp_arch_add") as caught:
        made.add_architecture(seccomp.ARCHITECTURES[other])
    assert caught.value.errno == errno.EDOM


def test_a_default_action_that_nobody_defined_is_an_error() -> None:
    with pytest.raises(OSError, match="seccomp_init"):
        Filter(0x12345678)


def by_int_80(number: int) -> int:
    """What a call of 32-bit x86 returns; only from a child, since a kernel without them ends it by SIGSEGV."""
    code = bytes((0x53, 0xB8, *number.to_bytes(4, "little"), 0x31, 0xDB, 0xCD, 0x80, 0x5B, 0xC3))
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
    return int(function())


@pytest.fixture
def needs_32_bits() -> None:
    if wait_status(lambda: by_int_80(20)) != 0:
        pytest.skip("this kernel has no 32-bit x86 calls")


@on_x86_64
@pytest.mark.usefixtures("needs_32_bits")
def test_rules_hold_for_the_32_bit_calls_of_x86_where_that_is_added() -> None:
    with Filter(ALLOW) as made:
        made.add_architecture(seccomp.ARCHITECTURES["SCMP_ARCH_X86"])
        number = system_call("getppid")
        assert number is not None
        made.add_rule(ERRNO | errno.EXDEV, number)
        program = made.export()
    assert in_child(under(program, lambda: [by_int_80(64), errno_of("getppid")])) == [-errno.EXDEV, errno.EXDEV]


@on_x86_64
@pytest.mark.usefixtures("needs_32_bits")
def test_calls_of_an_architecture_that_is_not_added_kill() -> None:
    assert wait_status(under(compiled([]), lambda: by_int_80(64))) == -signal.SIGSYS
