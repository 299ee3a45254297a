"""runf exec."""

from __future__ import annotations

import os

from runtime.actions.exec import Request, execute
from runtime.cli.inherited import listen_fds, teller
from runtime.spec.process_options import Changes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """Add the process; in the foreground the exit status is the program's."""
    container_id, *args = parsed.arguments
    return execute(context, container_id, _request(parsed.options, tuple(args)), warn=teller(parsed))


def _request(options: dict[str, Any], args: tuple[str, ...]) -> Request:
    return Request(
        document=options["process"],
        changes=Changes(
            args=args,
            cwd=options["cwd"],
            env=options["env"],
            user=options["user"],
            additional_gids=options["additional-gids"],
            capabilities=options["cap"],
            no_new_privs=options["no-new-privs"],
            apparmor=options["apparmor"],
            label=options["process-label"],
        ),
        terminal=options["tty"],
        detach=options["detach"],
        pid_file=options["pid-file"],
        console_socket=options["console-socket"],
        pidfd_socket=options["pidfd-socket"],
        preserve_fds=options["preserve-fds"] + listen_fds(os.environ, os.getpid()),
        cgroups=options["cgroup"],
        ignore_paused=options["ignore-paused"],
    )
