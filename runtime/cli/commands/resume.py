"""runf resume."""

from __future__ import annotations

from runtime.actions.pause import resume

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """Let the container go on."""
    resume(context, parsed.arguments[0])
    return 0
