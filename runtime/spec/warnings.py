"""What a config.json asks for that the specification wants warned of, and not refused."""

from __future__ import annotations

from runtime.kernel.capabilities import NUMBERS
from runtime.spec.wording import pointer, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from runtime.spec.config import Config


def find_warnings(config: Config) -> Iterator[str]:
    """One line for each thing that will be left out or is on its way out of the specification."""
    yield from find_unknown_capabilities(config)
    yield from find_resource_warnings(config.get("linux", {}).get("resources", {}))
    for index, mount in enumerate(config.get("mounts", ())):
        destination = mount["destination"]
        if not destination.startswith("/"):
            place = pointer("mounts", index, "destination")
            yield f"config.json#{place}: {quote(destination)} is taken as {quote('/' + destination)}; write it so"


def find_unknown_capabilities(config: Config, *, place: str = "config.json#/process") -> Iterator[str]:
    """One line for each name of ``process``, found at ``place``, that no kernel so far knows."""
    for kind, names in config["process"].get("capabilities", {}).items():
        for index, name in enumerate(names if isinstance(names, list) else ()):
            if name not in NUMBERS:
                yield f"{place}{pointer('capabilities', kind, index)}: {quote(name)} is no capability and is left out"


def find_resource_warnings(resources: Mapping[str, Any]) -> Iterator[str]:
    """One line for each limit of linux.resources that nothing can apply any more."""
    if resources.get("memory", {}).get("kernel"):
        place = pointer("linux", "resources", "memory", "kernel")
        yield f"config.json#{place}: ignored, since Linux counts kernel memory into memory.limit"
