"""runf features."""

from __future__ import annotations

from runtime import jsontext
from runtime.actions.features import features
from runtime.cli.output import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(_context: Context, _parsed: Parsed) -> int:
    """Print the document."""
    write(jsontext.render(features()) + "\n")
    return 0
