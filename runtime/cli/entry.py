"""From the command line to one command and its exit status; every fault becomes one line."""

from __future__ import annotations

import os
import sys

from runtime.cli import argv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from runtime.actions.context import Context
    from runtime.cli.options import Parsed

INTERRUPTED = 130
FAILED = 1
OWN_FAULT_OF_EXEC = 255  # which no program that callers run so ends with: theirs are passed on
STANDARD_FDS = (0, 1, 2)
CLEANING = ("delete", "kill")  # what ends a container never fails for the sake of its log
LOG_MODE = 0o644
COMPLETE = "_RUNF_COMPLETE"


def main(words: Sequence[str]) -> NoReturn:
    """Run the command line ``words``, the program's name first, and end the process.

    ``os._exit``, since everything is flushed when it is written: taking the interpreter down in good order costs an
    eighth of a command.
    """
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        fill_standard_fds()
    os._exit(answer(words))


def fill_standard_fds() -> None:
    """Open /dev/null where a caller closed fd 0, 1 or 2.

    The next file that we open would get that number, and the container it as its standard input or output.
    """
    for fd in STANDARD_FDS:
        try:
            os.fstat(fd)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def answer(words: Sequence[str]) -> int:
    """The exit status of the command line ``words``."""
    parsed: Parsed | int | None = None
    try:
        parsed = argv.read(words[1:])
        if parsed is None:
            parsed = _read_slowly(words)
        if isinstance(parsed, int):
            return parsed
        return _carry_out(parsed)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # the last line of defence: no traceback ever reaches a user
        if isinstance(error, BrokenPipeError) and _is_unread():
            return FAILED
        general, place = argv.read_globals(words[1:])
        status = _tell(error, general)
        return OWN_FAULT_OF_EXEC if place is not None and words[1:][place : place + 1] == ["exec"] else status


def _is_unread() -> bool:
    """Whether whoever read our answer has gone: then nobody is left to tell."""
    import select  # most commands do without

    poll = select.poll()
    poll.register(STANDARD_FDS[1], 0)  # POLLERR and POLLHUP come unasked
    return bool(poll.poll(0))


def _tell(error: Exception, options: Mapping[str, object]) -> int:
    """Report it; in its plainest form where no fd is left to load even that."""
    try:
        from runtime.cli.report import report  # only a failing command pays for it
    except (OSError, ImportError):
        text = " ".join(str(getattr(error, "strerror", None) or error).split())
        os.write(STANDARD_FDS[2], f"runf: {text}\n".encode(errors="backslashreplace"))
        return FAILED
    return report(error, options)


def _read_slowly(words: Sequence[str]) -> Parsed | int:
    """What the fast reader left; an exit status where that answers it."""
    from runtime.cli.version import program_name, version_text  # machines rarely ask

    program = program_name(words[0])
    if words[1:] in (["--version"], ["-v"]):  # dockerd asks often
        from runtime.cli.output import write

        write(version_text(program))
        return 0
    if len(words) == 1 and COMPLETE in os.environ:
        from runtime.cli import completion

        return completion.answer(os.environ[COMPLETE])
    from runtime.cli import app  # click takes several times as long to load as a command takes to run

    return app.read(words[1:], program)


def _carry_out(parsed: Parsed) -> int:
    if parsed.globals["log"] and parsed.command not in CLEANING:
        _try_log(str(parsed.globals["log"]))
    if parsed.globals["debug"]:
        return _carry_out_loudly(parsed)
    return _run(_context(parsed), parsed)


def _run(context: Context, parsed: Parsed) -> int:
    # one command's module, not all of them: each loads what only it needs
    module = __import__(f"runtime.cli.commands.{parsed.command}", fromlist=("run",))
    status: int = module.run(context, parsed)
    return status


def _carry_out_loudly(parsed: Parsed) -> int:
    """With lines before and after it; of options only the names, since values may be secrets."""
    from runtime.cli.report import tell_progress
    from runtime.cli.version import version_text

    context = _context(parsed)
    version = " ".join(version_text("runf").split())
    given = " ".join(f"--{name}" for name, value in parsed.options.items() if value)
    tell_progress(f"{version}: process {os.getpid()}, uid {os.geteuid()}", parsed.globals)
    tell_progress(f"{parsed.command} {' '.join(parsed.arguments[:1])} {given}".rstrip(), parsed.globals)
    tell_progress(f"state root {context.roots.state}", parsed.globals)
    status = _run(context, parsed)
    tell_progress(f"{parsed.command} ends with exit status {status}", parsed.globals)
    return status


def _try_log(path: str) -> None:
    """Make the log, as callers know it, while nothing has been done yet; BadLog where that can't be."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, LOG_MODE))
    except OSError as error:
        from runtime.errors import BadLog  # only a command that fails needs it

        raise BadLog(f"--log {path}: {error.strerror}", hint="name a file in a directory that is there") from None


def _context(parsed: Parsed) -> Context:
    from runtime.actions.context import find_context  # help and mistakes do without

    root = parsed.globals["root"]
    return find_context(os.environ, root=root, public_state=bool(parsed.globals["public-state"]))  # type: ignore[arg-type]
