"""``python -m runtime.cli.reference`` writes docs/cli.md from the table; a test compares the two."""

from __future__ import annotations

from pathlib import Path

from runtime.cli.app import metavar
from runtime.cli.options import Command, Option
from runtime.cli.table import GLOBALS, all_commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"

HEAD = """# The command line

<!-- Written by `make docs` from runtime/cli/table.py: change that, not this. -->

    runf [global options] COMMAND [options] [arguments]

Options may stand before or behind a command's arguments; `--` ends them. `--name VALUE` and `--name=VALUE` are the
same, and long options may have one dash only (`-no-subreaper`), as callers of runc write them. `runf help COMMAND`
shows what stands here.

The column *from* says who defined an option first, so that nobody takes ours for a standard:

| from | is |
|---|---|
| minimal API | the OCI's command-line interface for runtimes |
| runc, crun | what callers of these rely on |
| runf | ours |
"""

TAIL = """## What it prints, and how it ends

- Answers go to stdout; they are JSON in ASCII, but for the table of `list` and the lines of `events --text`.
- An error is one line on stderr, `runf: what failed; what to do`. With `--log` the same goes to the log, one line for a
  failed command: `{"level":"error","msg":...,"time":...}` with `--log-format json`. Control characters are
  escaped. A warning, `runf: warning: ...`, doesn't change the exit status and is not logged.
- `state` of several containers prints those that it finds, and then fails if any is missing.
- `list` names an unreadable record on stderr and passes it over.

| exit status | means |
|---|---|
| 0 | done; `delete --force` of a container that doesn't exist, too |
| 1 | it failed: the line on stderr says why |
| 130 | interrupted |
| any | `run` in the foreground: that of the program, or 128 and the number of the signal that ended it |

## Environment

The default root is `/run/opencontainer/containers`, for root in the first user namespace.

| variable | is |
|---|---|
| `RUNF_ROOT` | the root, where `--root` isn't given |
| `XDG_RUNTIME_DIR` | the default root of an ordinary user is `opencontainer/containers` in it |
| `RUNF_WATCHER_SOCKET` | the watcher's socket, where `events --socket` isn't given |
| `LISTEN_FDS` | that many file descriptors, from 3 on, are passed on to the container, with `LISTEN_PID` |
"""


def render() -> str:
    """The whole page."""
    parts = [HEAD, _commands(), "## Global options\n", _options(GLOBALS), *map(_command, all_commands()), TAIL]
    return "\n".join(parts)


def _commands() -> str:
    rows = [(f"[`{command.name}`](#{command.name})", command.summary, command.origin) for command in all_commands()]
    return _table(("command", "does", "from"), rows)


def _command(command: Command) -> str:
    words = ["runf", command.name, *(["[options]"] if command.options else []), *map(metavar, command.arguments)]
    parts = [f"## {command.name}\n", f"    {' '.join(words)}\n", f"{command.summary}.\n"]
    if command.options:
        parts.append(_options(command.options))
    parts.append(f"Example: `{command.example}`\n")
    return "\n".join(parts)


def _options(options: tuple[Option, ...]) -> str:
    rows = [(_spelling(option), option.help + _notes(option), option.origin) for option in options]
    return _table(("option", "does", "from"), rows)


def _spelling(option: Option) -> str:
    short = f"`-{option.short}`, " if option.short else ""
    if option.kind == "flag":
        return f"{short}`--{option.name}`"
    return f"{short}`--{option.name} {option.metavar or '|'.join(option.choices)}`"


def _notes(option: Option) -> str:
    several = "; may be given several times" if option.kind == "list" else ""
    return several + (f" (default: {option.default})" if option.default else "")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(render())
