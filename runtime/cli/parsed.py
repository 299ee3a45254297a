"""What a command line comes to, whoever has read it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from runtime.values import NamedTuple


class Parsed(NamedTuple):
    """A command line, read: every option by its name, with its default where it wasn't given."""

    command: str
    globals: dict[str, object]
    options: dict[str, object]
    arguments: tuple[str, ...]
