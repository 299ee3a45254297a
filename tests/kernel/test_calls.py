"""What the stub makes of a list of system calls: where results go, and where it goes on."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from runtime.kernel import numbers
from runtime.kernel.process import AT_FDCWD
from runtime.sandbox import stub
from runtime.sandbox.calls import LOOK, PROGRAM, WHATEVER, StubCalls
from tests.support.stubs import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.uname().machine not in stub.IMAGES, reason="no stub for this machine")

CREATES = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
STATX_TYPE, STATX_BYTES, MODE_AT = 1, 256, 28


class List(StubCalls):
    """A list that writes what it does into a directory."""

    def __init__(self, base: int, place: Path) -> None:
        super().__init__(base)
        self.place = place

    def path(self, name: str) -> int:
        return self.hold(os.fsencode(self.place / name) + b"\0")

    def make(self, name: str) -> int:
        """A call that makes a directory of that name."""
        return self.add(numbers.MKDIRAT, AT_FDCWD, self.path(name), 0o755)


@pytest.fixture
def carried_out(tmp_path: Path) -> Iterator[Callable[..., tuple[list[str], Waiting]]]:
    """The names that a list has made, in ``tmp_path``, and the process that carried it out."""
    with ExitStack() as stack:

        def carry_out(fill: Callable[[List], object], path: str = "/bin/true", **how: Any) -> tuple[list[str], Waiting]:
            def build(base: int, _outcome: int) -> bytes:
                calls = List(base, tmp_path)
                fill(calls)
                return calls.data()

            made = Waiting(path, "program", gate=False, build=build, **how)
            stack.callback(made.end)
            made.ended = made.status()  # type: ignore[attr-defined]
            return sorted(os.listdir(tmp_path)), made

        yield carry_out


def test_what_a_call_returns_is_an_argument_of_later_ones(
    carried_out: Callable[..., tuple[list[str], Waiting]], tmp_path: Path
) -> None:
    def fill(calls: List) -> None:
        directory = calls.keep(numbers.OPENAT, AT_FDCWD, calls.path("."), os.O_RDONLY | os.O_DIRECTORY, 0)
        file = calls.keep(numbers.OPENAT, directory, calls.hold(b"file\0"), CREATES, 0o640)
        calls.add(numbers.WRITE, file, calls.hold(b"text"), 4, at_least=4)
        calls.add(numbers.SYMLINKAT, calls.hold(b"file\0"), directory, calls.hold(b"link\0"))
        length = calls.keep(numbers.WRITE, file, calls.hold(b" and more"), 5)
        calls.add(numbers.WRITE, file, calls.hold(b"5 bytes, and no more"), length)

    assert carried_out(fill)[0] == ["file", "link"]
    assert (tmp_path / "link").read_text() == "text and 5 byt"


def test_an_error_that_is_expected_leads_elsewhere_and_others_end_it(
    carried_out: Callable[..., tuple[list[str], Waiting]],
) -> None:
    def fill(calls: List) -> None:
        for name, expected in (("there", -errno.EEXIST), ("there", -errno.EEXIST), (".", -errno.ENOENT)):
            tried = calls.add(numbers.MKDIRAT, AT_FDCWD, calls.path(name), 0o755, instead=expected)
            calls.make(f"after-{len(calls.calls())}")
            calls.lead(tried, calls.here())
        calls.make("never")

    names, process = carried_out(fill)
    assert [name.partition("-")[0] for name in names] == ["after", "there"]
    assert process.told()[:4] == errno.EEXIST.to_bytes(4, "little")
    assert process.ended == 126  # type: ignore[attr-defined]


def test_a_branch_is_left_out_where_the_call_succeeds(carried_out: Callable[..., tuple[list[str], Waiting]]) -> None:
    def fill(calls: List) -> None:
        for name in ("one", "one", "two"):
            tried = calls.add(numbers.MKDIRAT, AT_FDCWD, calls.path(name), 0o755, instead=-errno.EEXIST)
            calls.lead(tried, calls.here())
            calls.make(f"{name} was there")
            calls.follow(tried, calls.here())
        calls.make("end")

    assert carried_out(fill)[0] == ["end", "one", "one was there", "two"]


def test_a_look_reads_memory_and_leads_by_what_is_there(carried_out: Callable[..., tuple[list[str], Waiting]]) -> None:
    def fill(calls: List) -> None:
        for name, kind in (("/", stat.S_IFDIR), ("/bin/true", stat.S_IFDIR), ("/dev/null", stat.S_IFCHR)):
            found = calls.hold(bytes(STATX_BYTES))
            calls.add(numbers.STATX, AT_FDCWD, calls.hold(name.encode() + b"\0"), 0, STATX_TYPE, found)
            looked = calls.add(LOOK, found + MODE_AT, 0o170000, instead=kind)
            calls.make(f"{len(calls.calls())} differs")
            calls.lead(looked, calls.here())

    names, process = carried_out(fill)
    assert [name.partition(" ")[2] for name in names] == ["differs"]
    assert process.ended == 0  # type: ignore[attr-defined]


def test_failures_may_be_whatever_they_are(carried_out: Callable[..., tuple[list[str], Waiting]]) -> None:
    def fill(calls: List) -> None:
        calls.add(numbers.CLOSE, -1, at_least=WHATEVER)
        calls.make("end")

    assert carried_out(fill)[0] == ["end"]


def test_the_program_may_be_found_by_the_list(carried_out: Callable[..., tuple[list[str], Waiting]]) -> None:
    def fill(calls: List) -> None:
        for path in (b"/nowhere\0", b"/bin/echo\0", b"/bin/false\0"):
            address = calls.hold(path)
            there = calls.add(
                numbers.FACCESSAT2, AT_FDCWD, address, os.X_OK, 0,
                keep_at=calls.base + PROGRAM, more=address, instead=-errno.ENOENT,
            )  # fmt: skip
            calls.lead(there, calls.here())
            if path.startswith(b"/bin/echo"):
                break

    _, process = carried_out(fill, "/bin/false")
    assert (process.ended, process.printed()) == (0, "\n")  # type: ignore[attr-defined]
