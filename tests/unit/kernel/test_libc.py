"""System calls by number."""

import errno
import os

import pytest

from runtime.kernel import libc, numbers


def test_a_failure_is_an_oserror_that_names_the_call_and_the_reason() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        libc.syscall(numbers.OPENAT2, -100, b"/nowhere", bytes(24), 24, text="openat2(/nowhere)")
    assert caught.value.errno == errno.ENOENT
    assert caught.value.strerror == "openat2(/nowhere): No such file or directory"


def test_errno_is_that_of_the_call_even_after_others() -> None:
    with pytest.raises(FileNotFoundError):
        os.stat("/nowhere")
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        libc.syscall(numbers.FSTATFS, 1 << 20, 0, text="fstatfs(1048576)")
    assert caught.value.errno == errno.EBADF


def test_an_unknown_call_is_not_implemented() -> None:
    with pytest.raises(OSError, match="nothing: Function not implemented") as caught:
        libc.syscall(100_000, text="nothing")
    assert caught.value.errno == errno.ENOSYS


def test_a_result_is_passed_on_and_missing_arguments_are_zero() -> None:
    # close_range(first, last, flags) of nothing
    assert libc.syscall(numbers.CLOSE_RANGE, 1 << 30, (1 << 30) + 1, text="close_range") == 0


def test_negative_numbers_reach_the_kernel_as_such() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        libc.syscall(numbers.FSTATFS, -1, 0, text="fstatfs(-1)")


def test_an_address_that_is_not_ours_is_a_fault_and_no_crash() -> None:
    with pytest.raises(OSError, match="Bad address") as caught:
        libc.syscall(numbers.FSTATFS, 0, None, text="fstatfs(0)")
    assert caught.value.errno == errno.EFAULT


def test_a_buffer_is_zeroed_and_takes_bytes() -> None:
    memory = libc.buffer(4)
    assert bytes(memory) == bytes(4)
    memory[:] = b"a\0b\xff"
    assert bytes(memory) == b"a\0b\xff"


def test_a_buffer_of_nothing_has_an_address() -> None:
    memory = libc.buffer(0)
    assert libc.address_of(memory)
    assert bytes(memory) == b""


@pytest.mark.parametrize("texts", [[], [b""], [b"one"], [b"one", b"", b"three\xff"]])
def test_a_vector_ends_with_null_and_points_to_terminated_copies(texts: list[bytes]) -> None:
    vector, kept = libc.pointers(texts)
    assert [*vector] == [libc.address_of(copy) for copy in kept] + [None]
    assert [bytes(copy) for copy in kept] == [text + b"\0" for text in texts]
