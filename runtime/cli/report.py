"""One line for each fault: on stderr, and where asked in the log, as callers of runc parse it."""

from __future__ import annotations

import errno
import os
import sys

from runtime import jsontext
from runtime.errors import OUT_OF_MEMORY, BadLog, Fault
from runtime.kernel import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FAILED = 1


def report(error: Exception, options: Mapping[str, object]) -> int:
    """Tell ``error``, and return the exit status that it asks for; ``options`` are the global ones.

    The log gets exactly one line: podman reads the whole file as one JSON object.
    """
    message = one_line(message_of(error))
    if options["debug"] and not isinstance(error, Fault):
        import traceback  # it loads a dozen modules

        _print("".join(traceback.format_exception(error)).rstrip())
    path = options["log"]
    if path and not isinstance(error, BadLog):
        _append(str(path), message, str(options["log-format"]), "error")
    _print(f"runf: {message}")
    return error.exit_status if isinstance(error, Fault) else FAILED


def tell_warnings(warnings: Sequence[str], options: Mapping[str, object], *, prints: bool) -> None:
    """Into the log where there is one; otherwise on stderr, if that ``prints``."""
    for text in warnings:
        if options["log"]:
            _append(str(options["log"]), one_line(text), str(options["log-format"]), "warning")
        elif prints:
            warn(text)


def tell_progress(message: str, options: Mapping[str, object]) -> None:
    """For --debug: into the log where there is one, otherwise as its line on stderr."""
    if options["log"]:
        _append(str(options["log"]), one_line(message), str(options["log-format"]), "debug")
    else:
        _print(_line(one_line(message), str(options["log-format"]), "debug"))


def warn(message: str) -> None:
    """A warning on stderr: what went wrong without stopping the command."""
    _print(f"runf: warning: {one_line(message)}")


def message_of(error: Exception) -> str:
    """What a user is told about ``error``; the notes are what went wrong while cleaning up."""
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    if isinstance(error, Fault):
        return f"{error}{notes}"
    if isinstance(error, OSError):
        place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes)) else ""
        return f"{place}{error.strerror or error}{notes}"
    if isinstance(error, MemoryError):
        return f"{OUT_OF_MEMORY}{notes}; a limit of this process may be too small (ulimit -v)"
    if isinstance(error, ImportError) and os.strerror(errno.EMFILE) in str(error):
        return f"{error}{notes}"  # no defect of ours: a module was needed, and no fd was left to load it
    return f"internal error: {type(error).__name__}: {error}{notes}; please report this, with what `runf --debug` shows"


def one_line(text: str) -> str:
    """``text`` with everything escaped that would break the line or drive a terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def _line(message: str, form: str, level: str) -> str:
    now = clock.now()
    if form == "json":
        return jsontext.encode({"level": level, "msg": message, "time": now})
    return f'time="{now}" level={level} msg={jsontext.encode(message)}'


def _append(path: str, message: str, form: str, level: str) -> None:
    line = _line(message, form, level)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            os.write(fd, f"{line}\n".encode())
        finally:
            os.close(fd)
    except OSError as error:
        warn(f"the log {path} can't be written: {error.strerror}")


def _print(text: str) -> None:
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, AttributeError):
        return  # stderr is closed, or nobody reads it: the exit status tells
