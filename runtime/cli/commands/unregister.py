"""runf unregister."""

from __future__ import annotations

from runtime.actions.foreign import parse_hook_state, unregister
from runtime.cli.hooking import read_state, tolerating

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """Remove the record of the named container, or of the one whose state is on standard input."""

    def remove() -> None:
        container_id = parsed.arguments[0] if parsed.arguments else parse_hook_state(read_state()).id
        unregister(context, container_id)

    return tolerating(remove, is_tolerant=bool(parsed.options["tolerant"]))
