"""runf delete."""

from __future__ import annotations

from runtime.actions.delete import delete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.table import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """Remove the container; failed poststop hooks are warnings."""
    warnings = delete(context, parsed.arguments[0], force=bool(parsed.options["force"]))
    if warnings:
        from runtime.cli.report import warn  # only a command with something to say pays for it

        for warning in warnings:
            warn(str(warning))
    return 0
