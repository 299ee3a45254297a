"""Compiled filters, kept: libseccomp takes 10 ms for the profile that podman and Docker pass with each container.

    <state root>/.seccomp/     0700, ours
      <digest>                 the program for what the digest is of; written elsewhere and renamed into place

A file here decides what a container may do, so a directory is only used that nobody else can have written to.  All is
best effort: what can't be read is compiled, what can't be written is compiled again next time.
"""

from __future__ import annotations

import os
import stat

from runtime import jsontext
from runtime.kernel.files import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, openat2
from runtime.kernel.seccomp import BPF_MAXINSNS, INSTRUCTION_BYTES

DIRECTORY = ".seccomp"
FORMAT = 1  # rises with each change of what is put into a program beside libseccomp's part
ENTRIES_LIMIT = 64
_SAFE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
_LIMIT_BYTES = BPF_MAXINSNS * INSTRUCTION_BYTES
_DIGEST_BYTES = 32


def read(root: int, key: object) -> bytes | None:
    """The program that was compiled for ``key``, or None."""
    try:
        directory = _open(root)
    except OSError:
        return None
    try:
        fd = openat2(directory, _name(key), os.O_RDONLY | os.O_NONBLOCK, resolve=_SAFE)
    except OSError:
        return None
    finally:
        os.close(directory)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            return None
        program = os.read(fd, _LIMIT_BYTES + 1)
    finally:
        os.close(fd)
    return program if 0 < len(program) <= _LIMIT_BYTES and len(program) % INSTRUCTION_BYTES == 0 else None


def write(root: int, key: object, program: bytes) -> None:
    """Keep ``program``; with ENTRIES_LIMIT others there, the oldest goes."""
    try:
        try:
            os.mkdir(DIRECTORY, 0o700, dir_fd=root)
        except FileExistsError:
            pass
        directory = _open(root)
    except OSError:
        return
    try:
        _make_room(directory)
        _write(directory, _name(key), program)
    except OSError:
        return
    finally:
        os.close(directory)


def _open(root: int) -> int:
    """The directory's fd; PermissionError where somebody else could have written to it."""
    fd = openat2(root, DIRECTORY, os.O_RDONLY | os.O_DIRECTORY, resolve=_SAFE)
    found = os.fstat(fd)
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        os.close(fd)
        raise PermissionError(f"{DIRECTORY} is not ours alone")
    return fd


def _name(key: object) -> str:
    """The digest of ``key`` and of what else a program depends on."""
    from _blake2 import blake2b  # only a container with seccomp pays for it, and saves forty times as much

    system = os.uname()
    text = jsontext.encode([FORMAT, system.machine, system.release, key])
    digest: str = blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return digest


def _write(directory: int, name: str, program: bytes) -> None:
    temporary = f"{name}.{os.urandom(8).hex()}"
    fd = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory
    )
    try:
        try:
            if os.write(fd, program) != len(program):
                raise OSError("a short write")
        finally:
            os.close(fd)
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        os.unlink(temporary, dir_fd=directory)
        raise


def _make_room(directory: int) -> None:
    names = os.listdir(directory)
    if len(names) < ENTRIES_LIMIT:
        return
    ages = []
    for name in names:
        try:
            ages.append((os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime_ns, name))
        except FileNotFoundError:
            continue  # another command made room at the same time
    for _, name in sorted(ages)[: len(names) - ENTRIES_LIMIT + 1]:
        try:
            os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            continue  # see above
