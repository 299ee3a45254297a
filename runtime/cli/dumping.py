"""What checkpoint and restore share: their options become criu's."""

from __future__ import annotations

import os

from runtime.errors import UsageFault
from runtime.sandbox.criu import FLAGS, CriuOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.cli.options import Parsed

DEFAULT_IMAGES = "checkpoint"


def criu_options(parsed: Parsed) -> CriuOptions:
    """The options that are the same for both, and those that only one of them has."""
    given: dict[str, Any] = parsed.options
    images = os.path.abspath(given["image-path"] or DEFAULT_IMAGES)
    return CriuOptions(
        images=images,
        work=os.path.abspath(given["work-path"] or images),
        flags=tuple(name for name in FLAGS if given.get(name)),
        parent=given.get("parent-path") or "",
        pre_dump=given.get("pre-dump", False),
        leave_running=given.get("leave-running", False),
        manage_cgroups=given["manage-cgroups-mode"] or "soft",
        empty_namespaces=tuple(given["empty-ns"]),
        network_lock=given.get("network-lock") or "",
        page_server=given.get("page-server") or "",
        status_fd=_status_fd(given.get("status-fd")),
        lsm_profile=given.get("lsm-profile") or "",
        lsm_mount_context=given.get("lsm-mount-context") or "",
        program=parsed.globals["criu"] or "",  # type: ignore[arg-type]
    )


def _status_fd(text: str | None) -> int | None:
    if not text:
        return None
    try:
        fd = int(text)
        os.fstat(fd)
    except (ValueError, OSError):
        raise UsageFault(f"--status-fd {text} is no open file descriptor", hint="pass it on open") from None
    return fd
