"""The stub's bytes: what they claim to be, and where they come from."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from runtime.kernel.files import MFD_EXEC
from runtime.sandbox import stub

SOURCES = Path(stub.__file__).parent
PT_LOAD, PT_GNU_STACK = 1, 0x6474E551
EXECUTE, WRITE, READ = 1, 2, 4


def program_headers(image: bytes) -> list[tuple[int, ...]]:
    """Type, flags, offset, address, size in the file and in memory."""
    found = [struct.unpack_from("<II6Q", image, 64 + 56 * index) for index in range(3)]
    return [(kind, flags, offset, address, *sizes) for kind, flags, offset, address, _, *sizes, _ in found]


@pytest.mark.parametrize("machine", stub.IMAGES)
def test_the_bytes_are_what_the_source_assembles_to(machine: str, tmp_path: Path) -> None:
    prefix = "" if machine == os.uname().machine else f"{machine}-linux-gnu-"
    assembler, objcopy = f"{prefix}as", f"{prefix}objcopy"
    if not shutil.which(assembler) or not shutil.which(objcopy):
        pytest.skip(f"no assembler for {machine}: install binutils-{machine}-linux-gnu")
    subprocess.run([assembler, "-o", tmp_path / "stub.o", SOURCES / f"stub_{machine}.S"], check=True)
    subprocess.run([objcopy, "-O", "binary", "-j", ".text", tmp_path / "stub.o", tmp_path / "stub"], check=True)
    assert stub.image(machine) == (tmp_path / "stub").read_bytes()


@pytest.mark.parametrize("machine", stub.IMAGES)
def test_the_code_is_not_writable_and_what_is_writable_is_not_executable(machine: str) -> None:
    code = stub.image(machine)
    assert code is not None
    size = len(code)
    made = stub.compose(code, lambda base: b"x" * 40)
    assert made[size:] == b"x" * 40
    assert program_headers(made) == [
        (PT_LOAD, READ | EXECUTE, 0, 0x400000, size, size),
        (PT_LOAD, READ | WRITE, size, stub.DATA_ADDRESS + size, 40, 40),
        (PT_GNU_STACK, READ | WRITE, 0, 0, 0, 0),
    ]


@pytest.mark.parametrize("machine", stub.IMAGES)
def test_the_list_is_put_together_for_where_it_will_lie(machine: str) -> None:
    code = stub.image(machine) or b""
    bases = []

    def build(base: int) -> bytes:
        bases.append(base)
        return b""

    stub.compose(code, build)
    assert bases == [program_headers(code)[1][3]]


@pytest.mark.parametrize("machine", stub.IMAGES)
def test_the_image_is_smaller_than_850_bytes(machine: str) -> None:
    assert len(stub.image(machine) or b"") in range(232, 850)


def test_a_machine_without_an_image_has_no_stub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stub, "IMAGES", {})
    assert stub.image("x86_64") is None
    assert stub.stub_fd() is None


def test_a_kernel_that_forbids_executable_memfds_has_no_stub(monkeypatch: pytest.MonkeyPatch) -> None:
    def memfd_create(name: str, flags: int) -> int:
        raise PermissionError(13, "memfd_create(runf-init): Permission denied")

    monkeypatch.setattr(stub, "memfd_create", memfd_create)
    assert stub.stub_fd() is None


def test_a_kernel_without_the_flag_makes_the_stub_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def memfd_create(name: str, flags: int) -> int:
        tried.append(flags)
        if flags & MFD_EXEC:
            raise OSError(22, "memfd_create(runf-init): Invalid argument")
        return os.memfd_create(name, flags)

    monkeypatch.setattr(stub, "memfd_create", memfd_create)
    fd = stub.stub_fd()
    assert fd is not None
    os.close(fd)
    assert [bool(flags & MFD_EXEC) for flags in tried] == [True, False]


@pytest.mark.parametrize(
    ("gate", "outcome", "words"), [(5, 17, [b"5", b"17"]), (None, 3, [b"-", b"3"]), (0, None, [b"0", b"-"])]
)
def test_fds_become_decimal_words_or_a_hyphen(gate: int | None, outcome: int | None, words: list[bytes]) -> None:
    assert stub.stub_arguments(gate, outcome, b"/bin/sh", [b"sh", b"-c"]) == [
        b"runf-init",
        *words,
        b"/bin/sh",
        b"sh",
        b"-c",
    ]
