"""Completion in shells, by click's own machinery."""

from __future__ import annotations

from runtime.cli.app import make_group
from runtime.cli.entry import COMPLETE
from runtime.errors import UsageFault


def script(shell: str) -> str:
    """The script that has ``shell`` ask runf for completions.  UsageFault: click knows no such shell."""
    from click.shell_completion import get_completion_class  # app has made click importable

    found = get_completion_class(shell)
    if found is None:
        raise UsageFault(f'no completion for the shell "{shell}"', hint="name bash, zsh or fish")
    return found(make_group(), {}, "runf", COMPLETE).source()


def answer(instruction: str) -> int:
    """Answer a shell that asks through ``_RUNF_COMPLETE``; its script hands over the words in variables."""
    from click.shell_completion import shell_complete

    return shell_complete(make_group(), {}, "runf", COMPLETE, instruction)
