"""runf help."""

from __future__ import annotations

from runtime.cli.app import help_text
from runtime.cli.output import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(_: Context, parsed: Parsed) -> int:
    """What ``--help`` shows."""
    write(help_text(parsed.arguments[0] if parsed.arguments else None))
    return 0
