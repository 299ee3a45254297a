"""Whole numbers that are written with a fraction or an exponent, such as 1.0 and 1e9.

JSON Schema calls them integers, and so does ours; the kernel's files do not.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.spec.config import Config


def write_integers(config: Config) -> None:
    """Turn each float of ``config`` that is a whole number into an int, in place; it may be no configuration yet."""
    waiting: list[Any] = [[config]]
    while waiting:  # no recursion: members that nobody defined may be nested as deeply as they like
        value = waiting.pop()
        for key, item in value.items() if type(value) is dict else enumerate(value):
            kind = type(item)
            if kind is dict or kind is list:
                waiting.append(item)
            elif kind is float and item.is_integer():
                value[key] = int(item)
