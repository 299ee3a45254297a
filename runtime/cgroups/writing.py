"""Writes into a cgroup's files, whose failure tells the file, the value and the member of config.json."""

from __future__ import annotations

import errno
import os

from runtime.cgroups.claims import read_file, write_file
from runtime.errors import CgroupFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runtime.cgroups.resources import Write

    # called after a write with the file, the value, and what the file read before it; None where that can't be read
    Keep = Callable[[str, str, str | None], None]

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_CHOOSE = "choose a value that this machine and the cgroups above allow"
_DELEGATE = "have the cgroup and this controller delegated to you (systemd: Delegate=yes), or leave the limit out"


def put(path: str, *writes: Write) -> None:
    """Carry ``writes`` out in the cgroup at ``path``.  CgroupFault."""
    try:
        fd = os.open(path, DIRECTORY)
    except OSError as error:
        raise refusal(path, writes[0], error) from error
    try:
        put_all(fd, path, writes)
    finally:
        os.close(fd)


def put_all(fd: int, path: str, writes: Sequence[Write], keep: Keep | None = None) -> None:
    """Carry ``writes`` out in the cgroup ``fd``, which lies at ``path``.  CgroupFault.

    The kernel refuses a value that doesn't fit another one, memory above memory and swap for instance: what is refused
    is tried again after the others, so raising and lowering both come to their end.
    """
    while writes:
        refused: list[tuple[Write, OSError]] = []
        for write in writes:
            try:
                _put_one(fd, write, keep)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise refusal(path, write, error) from error
                refused.append((write, error))
        if len(refused) == len(writes):
            first, reason = refused[0]
            raise refusal(path, first, reason) from reason
        writes = [write for write, _ in refused]


def _put_one(fd: int, write: Write, keep: Keep | None) -> None:
    for file, value in ((write.file, write.value), *((write.instead,) if write.instead else ())):
        before = _read(fd, file) if keep else None
        try:
            write_file(fd, file, value)
        except FileNotFoundError:
            continue
        if keep:
            keep(file, value, before)
        return
    if not write.is_optional:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def _read(fd: int, file: str) -> str | None:
    try:
        return read_file(fd, file)
    except OSError:
        return None  # not there, or only to be written to


def refusal(path: str, write: Write, error: OSError) -> CgroupFault:
    """Why ``write`` was not carried out in the cgroup at ``path``."""
    return CgroupFault(
        f"config.json#{write.pointer}: {write.value} can't be written to {path}/{write.file}: {error.strerror}",
        hint=_hint(error.errno, write.file),
    )


def _hint(number: int | None, file: str) -> str:
    is_offer = file == "cgroup.subtree_control"
    if is_offer and number in (errno.EBUSY, errno.EOPNOTSUPP):
        return "a cgroup with processes in it can't pass this controller on: name an absolute path in cgroupsPath"
    if number == errno.EBUSY:
        return "the cgroup already uses more, or those beneath it need it"
    if number == errno.ENOENT:
        return "the cgroup above lacks the controller" if is_offer else f"the cgroup has no {file}"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return _DELEGATE
    return _CHOOSE if number in (errno.EINVAL, errno.ERANGE, errno.ENOSPC) else ""


def get(path: str, file: str) -> str | None:
    """What the file of the cgroup at ``path`` reads; None where the cgroup has no such file."""
    fd = os.open(path, DIRECTORY)
    try:
        return read_file(fd, file).strip()
    except FileNotFoundError:
        return None
    finally:
        os.close(fd)
