"""runf completion."""

from __future__ import annotations

from runtime.cli.completion import script
from runtime.cli.output import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(_: Context, parsed: Parsed) -> int:
    """Print the script for the shell."""
    write(script(parsed.arguments[0]))
    return 0
