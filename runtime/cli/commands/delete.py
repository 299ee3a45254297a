"""runf delete."""

from __future__ import annotations

from runtime.actions.delete import delete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """Remove the container, or all that match; failed poststop hooks are warnings."""
    name, force = parsed.arguments[0], bool(parsed.options["force"])
    if parsed.options["regex"]:
        from runtime.actions.matching import with_each  # callers that name a container do without

        with_each(context, name, lambda container_id: _delete(context, container_id, force=force))
    else:
        _delete(context, name, force=force)
    return 0


def _delete(context: Context, container_id: str, *, force: bool) -> None:
    warnings = delete(context, container_id, force=force)
    if warnings:
        from runtime.cli.report import warn  # only a command with something to say pays for it

        for warning in warnings:
            warn(str(warning))
