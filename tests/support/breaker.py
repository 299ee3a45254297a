"""Breaks the n-th of the calls through which the store reaches the kernel."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Any

from runtime.kernel import files

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = {
    os: (
        ("open", "close", "read", "write", "rename", "unlink", "rmdir", "mkdir", "mkfifo", "chmod", "fchmod", "stat")
        + ("fstat", "listdir", "ftruncate", "fsync", "posix_fallocate", "urandom", "chown", "readlink")
    ),
    files: ("openat2", "renameat2", "fallocate", "statfs_type"),
    fcntl: ("flock",),
}
KILLED = 9
NEVER = 1 << 30


class Breaker:
    """Counts the calls and breaks the n-th: by death, or by an error."""

    def __init__(self, number: int, error: int | None) -> None:
        self.left = number
        self.error = error
        self.count = 0

    def install(self) -> None:
        """Put itself before each call; there is no way back, so only a child does it."""
        for module, names in CALLS.items():
            for name in names:
                setattr(module, name, self.wrap(name, getattr(module, name)))

    def wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            self.left -= 1
            if self.left:
                return real(*arguments, **options)
            if self.error is None:
                os._exit(KILLED)
            if name == "close":
                real(*arguments)  # close(2) closes, whatever it answers
            raise OSError(self.error, os.strerror(self.error))

        return call
