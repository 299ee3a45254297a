"""What a config.json asks for that the specification wants warned of, and not refused."""

from __future__ import annotations

from runtime.kernel.capabilities import NUMBERS
from runtime.spec.wording import pointer, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.spec.config import Config


def find_warnings(config: Config) -> Iterator[str]:
    """One line for each thing that will be left out or is on its way out of the specification."""
    for kind, names in config["process"].get("capabilities", {}).items():
        for index, name in enumerate(names if isinstance(names, list) else ()):
            if name not in NUMBERS:
                place = pointer("process", "capabilities", kind, index)
                yield f"config.json#{place}: {quote(name)} is no capability and is left out"
    for index, mount in enumerate(config.get("mounts", ())):
        destination = mount["destination"]
        if not destination.startswith("/"):
            place = pointer("mounts", index, "destination")
            yield f"config.json#{place}: {quote(destination)} is taken as {quote('/' + destination)}; write it so"
