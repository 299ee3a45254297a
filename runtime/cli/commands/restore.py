"""runf restore."""

from __future__ import annotations

from runtime.actions.beginning import Request
from runtime.actions.restore import restore
from runtime.cli.dumping import criu_options
from runtime.cli.inherited import teller
from runtime.cli.making import wants_systemd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """Bring the processes back; in the foreground the exit status is the program's."""
    options: dict[str, Any] = parsed.options
    request = Request(
        bundle=options["bundle"] or ".",
        pid_file=options["pid-file"],
        console_socket=options["console-socket"],
        no_cgroup=parsed.globals["cgroup-manager"] == "disabled",
        systemd_cgroup=wants_systemd(parsed),
    )
    return restore(
        context,
        parsed.arguments[0],
        request,
        criu_options(parsed),
        detach=options["detach"],
        no_subreaper=options["no-subreaper"],
        warn=teller(parsed),
    )
