"""runf run."""

from __future__ import annotations

from runtime.actions.run import run as run_container
from runtime.cli.inherited import teller
from runtime.cli.making import request_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """Create and start; in the foreground the exit status is the program's."""
    options = parsed.options
    return run_container(
        context,
        parsed.arguments[0],
        request_of(parsed),
        detach=bool(options["detach"]),
        keep=bool(options["keep"]),
        no_subreaper=bool(options["no-subreaper"]),
        warn=teller(parsed),
    )
