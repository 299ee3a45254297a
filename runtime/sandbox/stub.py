"""The program in which a created container waits for ``start``: under 512 bytes of machine code, no interpreter.

Two reasons. What ``/proc/<pid>/exe`` of a container's process leads to can be opened from inside the container: with
an interpreter waiting, that is the host's python (the CVE-2019-5736 family); here it is a sealed memfd that nobody can
write and nobody else runs. And a waiting interpreter keeps 2.6 MB, this keeps one page of code and one of stack.

    execveat(stub_fd(), "", ["runf-init", GATE, OUTCOME, PATH, ARG0, ...], environment, AT_EMPTY_PATH)

    takes the name "runf-init"; a signal from 1 to 15 ends it with 128 + signal, even as the first process of a
    pid namespace, which would be deaf to one without a handler (a created container can be killed with TERM)
    GATE and OUTCOME, decimal fds or "-" for none, become FD_CLOEXEC; no other fd is touched
    GATE    one byte is awaited; end of file or an error: exit 1
    execve(PATH, [ARG0, ...], environment), with those 15 signals at their default
    OUTCOME only if that failed: errno, 4 bytes, little endian; then exit 127 for ENOENT, 126 for anything else

So a hang-up of OUTCOME with the process alive means that PATH runs.  Each image is the whole ELF file, assembled from
the ``.S`` file beside this one; a test assembles it again and compares byte for byte.
"""

from __future__ import annotations

import errno
import os

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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "runf-init"

# ``as -o stub.o stub_<machine>.S && objcopy -O binary -j .text stub.o stub``, in hexadecimal
IMAGES = {
    "x86_64": """
    7f454c4602010100000000000000000002003e0001000000d000400000000000400000000000000000000000000000000000000040003800
    02000000000000000100000005000000000000000000000000004000000000000000400000000000bf01000000000000bf01000000000000
    001000000000000051e574640600000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    10000000000000008f0140000000000000000004000000008f014000000000000000000000000000584889e54c8d74c5084883f8057268bf
    0f000000488b7500b89d0000000f05bb0f00000089df488d35b3ffffff31d241ba08000000b80d0000000f05ffcb75e4488b7508e87b0000
    0089fb488b7510e8700000004189fc85db782389df488d7424f8ba0100000031c00f054883f801740d4883f8fc74e4bf01000000eb3a488b
    7d18488d75204c89f2b83b0000000f05f7d8894424f8bb7e00000083f8027502ffc34489e7488d7424f8ba04000000b8010000000f0589df
    b8e70000000f0583ef80ebf483cfffac3c2d742231ff0fb6c06bff0a8d7c07d0ac84c075f1be02000000ba01000000b8480000000f05c3
    """,
    "aarch64": """
    7f454c460201010000000000000000000200b70001000000d000400000000000400000000000000000000000000000000000000040003800
    02000000000000000100000005000000000000000000000000004000000000000000400000000000f801000000000000f801000000000000
    000001000000000051e574640600000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    1000000000000000b001400000000000000000000000000000000000000000000000000000000000e00340f9f3230091740e008b94220091
    1f1400f1e3030054e00180d2610240f9e81480d2010000d4f5018052e003152a81fdff10020080d2030180d2c81080d2010000d4b5060071
    21ffff54610640f926000094f503092a610a40f923000094f603092aff4300d19501f837e003152ae1030091220080d2e80780d2010000d4
    1f0400f1a00000541f1000b100ffff542000805211000014600e40f961820091e20314aaa81b80d2010000d4e003004be00300b91f080071
    d50f8052b516951ae003162ae1030091820080d2080880d2010000d4e003152ac80b80d2010000d400000211fdffff170900801220144038
    1fb4007180010054090080524a01805200c0005129010a1b20144038a0ffff35e003092a410080d2220080d2280380d2010000d4c0035fd6
    """,
}


def image(machine: str) -> bytes | None:
    """The ELF file for ``machine`` (as uname(2) calls it), or None where there is none."""
    text = IMAGES.get(machine)
    return bytes.fromhex(text) if text else None


def stub_fd() -> int | None:
    """A new sealed, executable memfd with the stub for this machine, to be executed once and owned by the caller.

    None where there is no image for the machine, or where ``vm.memfd_noexec=2`` forbids executable memfds.
    """
    content = image(os.uname().machine)
    if content is None:
        return None
    fd = _executable_memfd()
    if fd is None:
        return None
    try:
        os.write(fd, content)
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
