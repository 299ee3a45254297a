"""What the specification allows and this runtime doesn't do: refused by name, never passed over."""

from __future__ import annotations

from runtime.errors import Unsupported
from runtime.spec.fields import namespace_paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.spec.config import Config


def refuse_unsupported(config: Config) -> None:
    """Raise the first fault that ``find_unsupported`` tells."""
    for fault in find_unsupported(config):
        raise fault


def find_unsupported(config: Config) -> Iterator[Unsupported]:
    """A fault, with its JSON pointer, for each thing asked for that isn't done."""
    if config.get("vm"):
        yield Unsupported(
            "config.json#/vm: virtual machines are not supported",
            hint="leave it out, or use a runtime that has it",
            pointer="/vm",
        )
    # the root is entered with pivot_root, which would move everybody else in that mount namespace as well; and what is
    # mounted for the container would stay in it
    if namespace_paths(config).get("mount", "the host's") is not None:
        yield Unsupported(
            "config.json#/linux/namespaces: a container without a mount namespace of its own is not supported",
            hint='add {"type": "mount"}, without a path, to linux.namespaces',
            pointer="/linux/namespaces",
        )
