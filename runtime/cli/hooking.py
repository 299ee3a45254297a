"""What the commands share that a runtime calls as OCI hooks."""

from __future__ import annotations

import os

from runtime.errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

STATE_LIMIT_BYTES = 1 << 20
STDIN = 0


def read_state() -> bytes:
    """All of standard input; Fault where it is a terminal, or too much to be a state."""
    if os.isatty(STDIN):
        raise Fault("standard input is a terminal", hint="a hook gets the container's state there, as JSON")
    text = b""
    while len(text) <= STATE_LIMIT_BYTES:
        chunk = os.read(STDIN, STATE_LIMIT_BYTES)
        if not chunk:
            return text
        text += chunk
    raise Fault(f"standard input has more than {STATE_LIMIT_BYTES} bytes", hint="a state is shorter")


def tolerating(act: Callable[[], object], *, is_tolerant: bool) -> int:
    """The exit status; with ``is_tolerant`` a failure is told on stderr, and the status is 0 all the same."""
    try:
        act()
    except (Fault, OSError) as fault:
        if not is_tolerant:
            raise
        from runtime.cli.report import warn  # only a failing hook pays for it

        warn(str(fault))
    return 0
