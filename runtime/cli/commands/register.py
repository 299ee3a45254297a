"""runf register."""

from __future__ import annotations

from runtime.actions.foreign import parse_hook_state, register
from runtime.cli.hooking import read_state, tolerating

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """Enter the container whose state is on standard input."""

    named = parsed.options["runtime"]

    def enter() -> None:
        register(context, parse_hook_state(read_state()), runtime=None if named is None else str(named))

    return tolerating(enter, is_tolerant=bool(parsed.options["tolerant"]))
