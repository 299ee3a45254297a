"""runf start."""

from __future__ import annotations

import os

from runtime.actions.start import start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """Execute the program of a created container; where systemd is to hear of it, wait until it is ready."""
    container_id = parsed.arguments[0]
    target = os.environ.get("NOTIFY_SOCKET")
    if not target:
        start(context, container_id)
        return 0
    from runtime.actions.notify import open_proxy, wait_until_ready  # hardly anybody asks for it

    proxy = open_proxy(context, container_id, target)
    record = start(context, container_id)
    if proxy:
        wait_until_ready(context, proxy, record)
    return 0
