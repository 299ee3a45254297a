"""runf wait."""

from __future__ import annotations

from runtime.actions.wait import wait
from runtime.cli.output import write
from runtime.errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """A line for each container, in the order of the ids, each as soon as it is known."""
    for container_id in parsed.arguments:
        found = wait(context, container_id)
        if found["code"] is None:
            raise Fault(
                f'container "{container_id}" has ended, and nobody knows how',
                hint="with runf-watcher at work every exit code is recorded",
            )
        write(f"{found['code']}\n")
    return 0
