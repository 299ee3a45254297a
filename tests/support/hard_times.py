"""What befalls a machine, made for a test."""

from __future__ import annotations

import fcntl
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BOOT_ID = "/proc/sys/kernel/random/boot_id"
ANOTHER = "deadbeef-0000-4000-8000-000000000001"


def in_another_boot(place: Path) -> tuple[str, ...]:
    """A prefix for a command that sees another boot id than ours."""
    (place / "boot_id").write_text(f"{ANOTHER}\n")
    script = f'mount --make-rprivate / && mount --bind {place}/boot_id {BOOT_ID} && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", script, "sh")


def hold(path: Path, operation: int = fcntl.LOCK_EX) -> int:
    """The pid of a child that holds the lock and does nothing."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            fd = os.open(path, os.O_RDWR)
            fcntl.flock(fd, operation)
            os.write(writing, b".")
            while True:
                signal.pause()
        finally:
            os._exit(1)
    os.close(writing)
    try:
        assert os.read(reading, 1), "the holder has no lock"
    finally:
        os.close(reading)
    return pid
