"""runf ps."""

from __future__ import annotations

from runtime import jsontext
from runtime.actions.processes import pids_of, table_of
from runtime.cli.output import write
from runtime.errors import UsageFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed

DEFAULT_WORDS = ("-ef",)


def run(context: Context, parsed: Parsed) -> int:
    """Print pids as JSON, or what ps(1) says about them; further arguments are for that."""
    container_id, *words = parsed.arguments
    if parsed.options["format"] == "json":
        if words:
            raise UsageFault(f"ps is not asked for JSON: {words[0]}", hint="leave it out, or choose --format table")
        write(jsontext.encode(pids_of(context, container_id)) + "\n")
    else:
        write(table_of(context, container_id, words or DEFAULT_WORDS))
    return 0
