"""runf validate."""

from __future__ import annotations

from runtime import jsontext
from runtime.actions.validate import validate
from runtime.cli.output import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.actions.validate import Finding
    from runtime.cli.options import Parsed


def run(_: Context, parsed: Parsed) -> int:
    """One line, or one object, for each finding; the exit status is 1 if any of them is an error."""
    found: list[Finding] = []
    as_json = parsed.options["format"] == "json"
    for path in parsed.arguments or (".",):
        here = list(validate(path))
        if not as_json:
            write("".join(f"{finding.line()}\n" for finding in here))
        found += here
    if as_json:
        write(jsontext.render([finding._asdict() for finding in found]) + "\n")
    return 1 if any(finding.level == "error" for finding in found) else 0
