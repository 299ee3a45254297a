"""runf state."""

from __future__ import annotations

from runtime import jsontext
from runtime.actions.inspect import state
from runtime.cli.output import write
from runtime.errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """One id: an object; several: an array in their order."""
    if len(parsed.arguments) == 1:
        write(jsontext.render(state(context, parsed.arguments[0])) + "\n")
        return 0
    return _several(context, parsed.arguments)


def _several(context: Context, ids: Sequence[str]) -> int:
    """The state of all that can be told; then the fault for those that can't, which may have gone a moment ago."""
    answers = []
    faults: list[Fault] = []
    for container_id in ids:
        try:
            answers.append(state(context, container_id))
        except Fault as fault:
            faults.append(fault)
    write(jsontext.render(answers) + "\n")
    if faults:
        raise faults[0] if len(faults) == 1 else Fault(", and ".join(fault.message for fault in faults))
    return 0
