"""Where the benches work: on tmpfs, as /run is on most hosts, whatever it is here, and nothing of it stays."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.kernel import mount, process

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED_MEMORY = "/dev/shm"
RUN = Path("/run/opencontainer")


@contextlib.contextmanager
def on_tmpfs(prefix: str) -> Iterator[Path]:
    """A directory there; and for whoever may, the watcher's own directories too, from now on in this process's view."""
    with tempfile.TemporaryDirectory(
        prefix=prefix, dir=SHARED_MEMORY if os.path.isdir(SHARED_MEMORY) else None
    ) as path:
        if os.geteuid() == 0:
            cover_run()
        else:
            os.environ["XDG_RUNTIME_DIR"] = path
        yield Path(path)


def cover_run() -> None:
    """Put a tmpfs over the system's place for watchers, in this process's view.  Root only."""
    RUN.mkdir(mode=0o755, exist_ok=True)
    process.unshare(process.CLONE_NEWNS)
    mount.mount(None, "/", None, mount.MS_REC | mount.MS_PRIVATE)
    mount.mount("runf-bench", str(RUN), "tmpfs", mount.MS_NOSUID | mount.MS_NODEV, "mode=755")
