"""The pid file: the decimal pid and no newline, complete at every moment."""

from __future__ import annotations

import os

from runtime.errors import Fault


def write_pid_file(path: str, pid: int) -> None:
    """Put ``pid`` into ``path`` by rename; raises Fault that names the path."""
    directory, name = os.path.split(os.path.abspath(path))
    temporary = os.path.join(directory, f".{name}.{os.getpid()}")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            os.write(fd, b"%d" % pid)
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except OSError as error:
        raise Fault(f"cannot write the pid file {path}: {error.strerror}", hint="name a writable place") from error
