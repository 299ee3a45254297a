"""runf create."""

from __future__ import annotations

from runtime.actions.create import create
from runtime.cli.inherited import teller
from runtime.cli.making import request_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """Make the container."""
    create(context, parsed.arguments[0], request_of(parsed), warn=teller(parsed))
    return 0
