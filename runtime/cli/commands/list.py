"""runf list."""

from __future__ import annotations

from runtime import jsontext
from runtime.actions.listing import BRIEF, Filters, listing, listing_of_all_roots
from runtime.cli.output import write
from runtime.cli.quick import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(context: Context, parsed: Parsed) -> int:
    """All containers that match; an unreadable record is named on stderr, and passed over."""
    is_wide = parsed.options["all-roots"]
    is_json = parsed.options["format"] == "json" and not parsed.options["quiet"]
    find = listing_of_all_roots if is_wide else listing
    answers, faults = find(context, filters=filters_of(parsed.options), brief=not is_json)
    if parsed.options["quiet"]:
        text = "".join(f"{answer['id']}\n" for answer in answers)
    elif is_json:
        text = jsontext.encode(answers) + "\n"
    else:
        columns = (*BRIEF, "root") if is_wide else BRIEF
        text = table([[name.upper() for name in columns], *(_cells(answer, columns) for answer in answers)])
    write(text)
    if faults:
        from runtime.cli.report import warn  # only a command with something to say pays for it

        for fault in faults:
            warn(str(fault))
    return 0


def filters_of(options: dict[str, Any]) -> Filters:
    """What the options that commands for many containers share ask for."""
    annotations: dict[str, str | None] = {}
    for text in options["annotation"]:
        key, given, value = text.partition("=")
        annotations[key] = value if given else None
    return Filters(options["owner"], options["status"], annotations, options["runtime"])


def _cells(answer: dict[str, Any], columns: Sequence[str]) -> list[str]:
    """A path may hold line ends, and what drives a terminal."""
    cells = [str(answer[name]) for name in columns]
    if "".join(cells).isprintable():
        return cells
    from runtime.cli.report import one_line  # only such a name pays for it

    return [one_line(cell) for cell in cells]
