"""The program in which a created container waits for ``start``: some hundred bytes of machine code, no interpreter.

Two reasons. What ``/proc/<pid>/exe`` of a container's process leads to can be opened from inside the container: with
an interpreter waiting, that is the host's python (the CVE-2019-5736 family); here it is a sealed memfd that nobody can
write and nobody else runs. And a waiting interpreter keeps 2.6 MB, this keeps one page of code and one of stack.
It is also the last one to act before the program: see last_calls.py for what it does after the gate.

    execveat(stub_fd(CALLS), "", ["runf-init", GATE, OUTCOME, PATH, ARG0, ...], environment, AT_EMPTY_PATH)

    takes the name "runf-init"; a signal from 1 to 15 ends it with 128 + signal, even as the first process of a
    pid namespace, which would be deaf to one without a handler (a created container can be killed with TERM)
    GATE and OUTCOME, decimal fds or "-" for none, become FD_CLOEXEC; no other fd is touched
    GATE    one byte is awaited; end of file or an error: exit 1 ("-": if so, the list has the wait in it)
    CALLS   one after the other, again where a signal interrupted one
    execve(PATH, [ARG0, ...], environment), with those 15 signals at their default
    OUTCOME only if one of these failed: errno, 4 bytes, little endian, and the words of the call; then exit 126, or
            127 for an execve that ended with ENOENT, or by SIGILL where a filter forbids to exit

So a hang-up of OUTCOME with no errno in it means that PATH runs.  Where the list ``tells_by_memory``, OUTCOME holds 4
bytes from then on, which are zero for as long as nothing fails: read them after the hang-up, and not before.

Each image is the first part of an ELF file, assembled from the ``.S`` file beside this one; a test assembles it again
and compares byte for byte. The list follows it, writable for the one process that runs it.
"""

from __future__ import annotations

import errno
import os
from _struct import pack_into

from runtime.kernel.files import (
    F_SEAL_GROW,
    F_SEAL_SEAL,
    F_SEAL_SHRINK,
    F_SEAL_WRITE,
    MFD_ALLOW_SEALING,
    MFD_CLOEXEC,
    MFD_EXEC,
    memfd_create,
    seal,
)
from runtime.sandbox.calls import StubCalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAME = "runf-init"
DATA_ADDRESS = 0x500000  # and the length of the code, at which the list lies in the file
DATA_SIZES_OFFSET = 64 + 56 + 32  # p_filesz and p_memsz of the second program header

# ``as -o stub.o stub_<machine>.S && objcopy -O binary -j .text stub.o stub``, in hexadecimal
IMAGES = {
    "x86_64": """
    7f454c4602010100000000000000000002003e00010000000801400000000000400000000000000000000000000000000000000040003800
    03000000000000000100000005000000000000000000000000004000000000000000400000000000e002000000000000e002000000000000
    00100000000000000100000006000000e002000000000000e002500000000000e00250000000000000000000000000000000000000000000
    001000000000000051e574640600000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    1000000000000000a4024000000000000000000400000000a4024000000000000000000000000000584889e54c8d74c5084883f8057268bf
    0f000000488b7500b89d0000000f05bb0f00000089df488d35b3ffffff31d241ba08000000b80d0000000f05ffcb75e4488b7508e8580100
    0089fb488b7510e84d0100004189fc85db782689df488d7424f8ba0100000031c00f054883f80174104883f8fc74e4bf01000000e9120100
    0041bfe00250004d8d6f2049c70700000000bb7e000000498b45004883f8ff0f84980000004d8b5d38498b7d0841f6c3017403488b3f498b
    751041f6c3027403488b36498b551841f6c3047403488b124d8b552041f6c30874034d8b124d8b452841f6c31074034d8b004d8b4d3041f6
    c32074034d8b094885c078300f054883f8fc7493493b4560742a493b45407c4f31ff493b45487f7b49034558498b4d504889014d8b6d70e9
    6bffffff488b074821f0ebd04d8b6d68e95affffff498b7f184885ff7504488b7d18488d75204c89f2b83b0000000f0583f8fe7502ffc3f7
    d87f05b8050000004189074489e74c89fe498b5708b8010000000f054489e7498b7578498b9580000000b8010000000f0589dfb8e7000000
    0f050f0b83ef80ebf283cfffac3c2d742231ff0fb6c06bff0a8d7c07d0ac84c075f1be02000000ba01000000b8480000000f05c366662e0f
    1f84000000000090
    """,
    "aarch64": """
    7f454c460201010000000000000000000200b700010000000801400000000000400000000000000000000000000000000000000040003800
    0300000000000000010000000500000000000000000000000000400000000000000040000000000020030000000000002003000000000000
    0000010000000000010000000600000020030000000000002003500000000000200350000000000000000000000000000000000000000000
    000001000000000051e574640600000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    1000000000000000c402400000000000000000000000000000000000000000000000000000000000e00340f9f3230091740e008b94220091
    1f1400f1e3030054e00180d2610240f9e81480d2010000d4f5018052e003152a81fdff10020080d2030180d2c81080d2010000d4b5060071
    21ffff54610640f95d000094f503092a610a40f95a000094f603092aff4300d19501f837e003152ae1030091220080d2e80780d2010000d4
    1f0400f1a00000541f1000b100ffff542000805247000014970b0058f8820091ff0200f9d50f8052080340f91f0500b120050054091f40f9
    008740a9028f41a9049742a949000036000040f949000836210040f949001036420040f949001836630040f949002036840040f949002836
    a50040f96802f8b7010000d41f1000b140fdff54011346a91f0001eb00020054010b44a91f0001eb0b0300541f0002ebe10300aa00008052
    4c040054020f45a92100038b410000f9183b40f9dbffff17000040f90000018aefffff17f80304aad6ffff17e00e40f9400000b5600e40f9
    61820091e20314aaa81b80d2010000d41f0800b1b516951ae003006b4c000054a0008052e00200b9e003162ae10317aae20640f9080880d2
    010000d4e003162a018b47a9080880d2010000d4e003152ac80b80d2010000d40000000000000211fcffff1709008012201440381fb40071
    80010054090080524a01805200c0005129010a1b20144038a0ffff35e003092a410080d2220080d2280380d2010000d4c0035fd600000000
    20035000000000001f2003d51f2003d5
    """,
}


def image(machine: str) -> bytes | None:
    """The code for ``machine`` (as uname(2) calls it), or None where there is none."""
    text = IMAGES.get(machine)
    return bytes.fromhex(text) if text else None


def compose(code: bytes, build: Callable[[int], bytes]) -> bytes:
    """The whole ELF file: ``code``, and the list that ``build`` puts together for the address where it will lie."""
    data = build(DATA_ADDRESS + len(code))
    made = bytearray(code + data)
    pack_into("=QQ", made, DATA_SIZES_OFFSET, len(data), len(data))
    return bytes(made)


def no_calls(base: int) -> bytes:
    """The list of a stub that executes the program and does nothing before."""
    return StubCalls(base).data()


def stub_fd(build: Callable[[int], bytes] = no_calls) -> int | None:
    """A new sealed, executable memfd with the stub for this machine, to be executed once and owned by the caller.

    None where there is no image for the machine, or where ``vm.memfd_noexec=2`` forbids executable memfds.
    """
    code = image(os.uname().machine)
    if code is None:
        return None
    fd = _executable_memfd()
    if fd is None:
        return None
    try:
        content = memoryview(compose(code, build))
        while content:
            content = content[os.write(fd, content) :]
        os.fchmod(fd, 0o555)  # any uid of any user namespace may execute it, and F_SEAL_WRITE leaves modes alone
        seal(fd, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _executable_memfd() -> int | None:
    flags = MFD_CLOEXEC | MFD_ALLOW_SEALING
    try:
        return memfd_create(NAME, flags | MFD_EXEC)
    except OSError as error:
        if error.errno == errno.EACCES:  # vm.memfd_noexec=2
            return None
        if error.errno != errno.EINVAL:  # before Linux 6.3 the flag is unknown, and every memfd is executable
            raise
    return memfd_create(NAME, flags)


def stub_arguments(gate: int | None, outcome: int | None, path: bytes, arguments: Sequence[bytes]) -> list[bytes]:
    """The vector that makes the stub wait on ``gate`` and then execute ``path``; ``arguments`` has at least one."""
    return [NAME.encode(), _number(gate), _number(outcome), path, *arguments]


def _number(fd: int | None) -> bytes:
    return b"-" if fd is None else b"%d" % fd
