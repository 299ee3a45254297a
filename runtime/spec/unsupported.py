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
    # the kernel lets nobody mount in a namespace that a user namespace above owns (mount_namespaces(7))
    namespaces = namespace_paths(config)
    if namespaces.get("user", "ours") is None and namespaces.get("mount", "ours") is not None:
        yield Unsupported(
            "config.json#/linux/namespaces: a new user namespace can mount nothing in a mount namespace of others",
            hint='add {"type": "mount"}, without a path, to linux.namespaces',
            pointer="/linux/namespaces",
        )
