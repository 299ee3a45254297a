"""runf pause."""

from __future__ import annotations

from runtime.actions.pause import pause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """Freeze the container."""
    pause(context, parsed.arguments[0])
    return 0
