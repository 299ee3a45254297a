"""Device programs."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from runtime.kernel import bpf
from tests.support.forked import as_user, failure, in_child, needs_root
from tests.support.session import unique_name

if TYPE_CHECKING:
    from collections.abc import Iterator

# struct bpf_insn of linux/bpf.h: code, registers, offset, immediate
ALLOW = bytes([0xB7, 0, 0, 0, 1, 0, 0, 0])  # r0 = 1
DENY = bytes([0xB7, 0, 0, 0, 0, 0, 0, 0])  # r0 = 0
EXIT = bytes([0x95, 0, 0, 0, 0, 0, 0, 0])
GENERIC_HIERARCHIES = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")


needs_programs = pytest.mark.needs("device programs")


@pytest.fixture
def program() -> Iterator[int]:
    fd = bpf.load_device_program(DENY + EXIT)
    yield fd
    os.close(fd)


@pytest.fixture
def cgroup() -> Iterator[str]:
    root = next((path for path in GENERIC_HIERARCHIES if os.path.exists(f"{path}/cgroup.controllers")), None)
    if root is None:
        pytest.skip("needs a mounted cgroup v2 hierarchy")
    path = f"{root}/{unique_name()}"
    os.mkdir(path)
    yield path
    os.rmdir(path)


@needs_programs
def test_a_program_that_passes_the_verifier_is_an_fd_closed_at_exec(program: int) -> None:
    assert os.readlink(f"/proc/self/fd/{program}") == "anon_inode:bpf-prog"
    assert not os.get_inheritable(program)
    fields = dict(line.split(":\t", 1) for line in open(f"/proc/self/fdinfo/{program}").read().splitlines())
    assert fields["prog_type"] == str(bpf.BPF_PROG_TYPE_CGROUP_DEVICE)


@needs_programs
@pytest.mark.parametrize("code", [ALLOW, b"", EXIT])
def test_one_that_does_not_is_refused(code: bytes) -> None:
    # no exit, nothing at all, and a result that was never set
    number, text = failure(lambda: bpf.load_device_program(code))
    assert number in (errno.EINVAL, errno.EACCES, errno.E2BIG)
    assert text.startswith("bpf(BPF_PROG_LOAD): ")


@needs_root
def test_an_ordinary_user_loads_none() -> None:
    told = in_child(as_user(lambda: failure(lambda: bpf.load_device_program(ALLOW + EXIT))))
    assert told[0] in (errno.EPERM, errno.ENOSYS, errno.EINVAL)


@needs_programs
def test_what_is_no_cgroup_takes_no_program(program: int) -> None:
    with open("/dev/null") as other:
        attach = failure(lambda: bpf.attach_device_program(other.fileno(), program))
        detach = failure(lambda: bpf.detach_device_program(other.fileno(), program))
    assert attach == [errno.EBADF, "bpf(BPF_PROG_ATTACH): Bad file descriptor"]
    assert detach == [errno.EBADF, "bpf(BPF_PROG_DETACH): Bad file descriptor"]


@needs_programs
def test_a_program_judges_each_open_in_its_cgroup_until_it_is_taken_away(cgroup: str, program: int) -> None:
    fd = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)

    def enter_and_open() -> object:
        with open(f"{cgroup}/cgroup.procs", "w") as procs:
            procs.write("0")
        try:
            os.close(os.open("/dev/null", os.O_RDONLY))
        except PermissionError:
            return "refused"
        return "opened"

    try:
        bpf.attach_device_program(fd, program)
        assert in_child(enter_and_open) == "refused"
        bpf.detach_device_program(fd, program)
        assert in_child(enter_and_open) == "opened"
    finally:
        os.close(fd)
