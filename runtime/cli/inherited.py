"""What a command inherits from its caller and passes on: file descriptors, and a stderr that is a program's."""

from __future__ import annotations

import os

from runtime.cli.argv import DIGITS_LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runtime.cli.options import Parsed

STDERR = 2
LENT = ("create", "exec")  # their stderr is the program's


def listen_fds(environ: Mapping[str, str], pid: int) -> int:
    """How many fds from 3 on LISTEN_FDS passes on (runtime-tools: command-line-interface.md#create, sd_listen_fds(3)).

    None where LISTEN_PID says that they are meant for another process than ``pid``, our caller for instance.
    """
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID", str(pid)) != str(pid):
        return 0
    return int(count) if count.isascii() and count.isdigit() and len(count) <= DIGITS_LIMIT else 0


def teller(parsed: Parsed) -> Callable[[Sequence[str]], None]:
    """What tells the warnings of create, run and exec: in the log where there is one, else on stderr.

    After create stderr is the container's, and what isn't a terminal stays as it is (runtime-tools:
    command-line-interface.md#create); while exec waits it is the program's.
    """

    def tell(warnings: Sequence[str]) -> None:
        from runtime.cli.report import tell_warnings  # only a command with something to say pays for it

        tell_warnings(warnings, parsed.globals, prints=parsed.command not in LENT or os.isatty(STDERR))

    return tell
