"""A process in namespaces of its own, for containers that join them."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any, Self

from runtime.kernel.process import unshare

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = {"network": "net", "mount": "mnt"}  # config.json's word: procfs's


class Elsewhere:
    """It waits in new namespaces of the kinds ``flags`` until the block is left; ``prepare`` is done there first."""

    def __init__(self, flags: int, prepare: Callable[[], object] | None = None) -> None:
        self.flags = flags
        self.prepare = prepare
        self.pid = -1

    def __enter__(self) -> Self:
        reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self._wait(writing)
        os.close(writing)
        answer = os.read(reading, 1)
        os.close(reading)
        if answer != b"x":
            self.__exit__()
            raise AssertionError("nothing was made elsewhere")
        return self

    def _wait(self, writing: int) -> None:
        try:
            unshare(self.flags)
            if self.prepare:
                self.prepare()
            os.write(writing, b"x")
            signal.pause()
        finally:
            os._exit(1)

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def name(self, kind: str) -> str:
        """What a link of procfs says that leads to its namespace ``kind``."""
        return os.readlink(f"/proc/{self.pid}/ns/{kind}")

    def join(self, config: dict[str, Any], kind: str, *, name: str | None = None) -> None:
        """Have ``config`` join its namespace ``kind``, or by mistake the one of procfs's ``name``."""
        path = f"/proc/{self.pid}/ns/{name or NAMES.get(kind, kind)}"
        others = [entry for entry in config["linux"]["namespaces"] if entry["type"] != kind]
        config["linux"]["namespaces"] = [*others, {"type": kind, "path": path}]
