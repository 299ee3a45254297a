"""What the words of a command line may be completed to."""

from __future__ import annotations

import os

from runtime.actions.context import find_context
from runtime.cli.table import all_commands
from runtime.errors import Fault
from runtime.store.store import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    import click


def complete_ids(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The containers of the root that begin like this; none where the root can't be read."""
    general = context.parent.params if context.parent else {}
    try:
        store = open_store(find_context(os.environ, root=general.get("option_root")).roots.state)
        if store is None:
            return []
        try:
            return sorted(name for name, _ in store.scan() if name.startswith(incomplete))
        finally:
            store.close()
    except (Fault, OSError):
        return []  # the prompt is no place for an error: the command itself will tell


def complete_commands(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """The commands that begin like this."""
    return [command.name for command in all_commands() if command.name.startswith(incomplete)]
