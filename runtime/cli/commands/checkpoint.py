"""runf checkpoint."""

from __future__ import annotations

from runtime.actions.checkpoint import checkpoint
from runtime.cli.dumping import criu_options
from runtime.cli.report import tell_warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """Write the images."""
    warnings = checkpoint(context, parsed.arguments[0], criu_options(parsed))
    if warnings:
        tell_warnings([str(each) for each in warnings], parsed.globals, prints=True)
    return 0
