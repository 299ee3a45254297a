"""What create and run share: their options become one request."""

from __future__ import annotations

import os

from runtime.actions.beginning import Request
from runtime.cli.inherited import listen_fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.cli.options import Parsed


def request_of(parsed: Parsed) -> Request:
    """The request that the options make."""
    options: dict[str, Any] = parsed.options
    return Request(
        bundle=options["bundle"] or ".",
        config=options["config"],
        pid_file=options["pid-file"],
        console_socket=options["console-socket"],
        no_pivot=options["no-pivot"],
        no_new_keyring=options["no-new-keyring"],
        preserve_fds=options["preserve-fds"],
        listen_fds=listen_fds(os.environ, os.getpid()),
        no_cgroup=parsed.globals["cgroup-manager"] == "disabled",
        notify_socket=os.environ.get("NOTIFY_SOCKET"),
        pidfd_socket=options["pidfd-socket"],
        systemd_cgroup=wants_systemd(parsed),
    )


def wants_systemd(parsed: Parsed) -> bool:
    """Whether systemd is to make the cgroup, as callers of runc or of crun ask for it."""
    return bool(parsed.globals["systemd-cgroup"]) or parsed.globals["cgroup-manager"] == "systemd"
