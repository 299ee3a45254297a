"""runf kill."""

from __future__ import annotations

from runtime.actions.kill import kill, parse_signal
from runtime.errors import UsageFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """Send the signal that the option or the argument names, to one container or to all that match."""
    container_id, *positional = parsed.arguments
    named = parsed.options["signal"]
    if named is not None and positional:
        raise UsageFault(f"two signals were named: {named} and {positional[0]}", hint="name one")
    signal = parse_signal(str(named) if named is not None else positional[0] if positional else "TERM")
    everyone = bool(parsed.options["all"])
    if parsed.options["regex"]:
        from runtime.actions.matching import with_each  # callers that name a container do without

        with_each(context, container_id, lambda each: kill(context, each, signal, everyone=everyone))
    else:
        kill(context, container_id, signal, everyone=everyone)
    return 0
