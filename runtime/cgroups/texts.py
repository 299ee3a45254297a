"""The forms in which cgroup files tell numbers.  Pure; what a line of another form says is passed over.

Source: Documentation/admin-guide/cgroup-v2.rst ("Format"), cgroup-v1/blkio-controller.rst, accounting/psi.rst of Linux.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX = "max"
PRESSURES = ("some", "full")
_DEVICE_NUMBERS = 2


def number(text: str | None) -> int | None:
    """The one number of a file; None for ``max``, for anything else that is none, and where there is no file."""
    value = (text or "").strip()
    is_number = value.removeprefix("-").isdigit() and value.isascii()
    return int(value) if is_number else None


def numbers(text: str | None) -> list[int] | None:
    """All numbers of a file with nothing else in it; None where there is no file."""
    return None if text is None else [int(word) for word in text.split() if word.isdigit()]


def flat_keyed(text: str | None) -> dict[str, int]:
    """Lines of a key and a number; empty where there is no file."""
    found = {}
    for line in (text or "").split("\n"):
        key, _, value = line.partition(" ")
        if value.isdigit():
            found[key] = int(value)
    return found


def pressure(text: str | None) -> dict[str, dict[str, Any]] | None:
    """Pressure stall information: percentages over 10, 60 and 300 seconds, and microseconds in total."""
    found: dict[str, dict[str, Any]] = {}
    for line in (text or "").split("\n"):
        name, *pairs = line.split(" ")
        if name in PRESSURES:
            values = dict(pair.partition("=")[::2] for pair in pairs)
            total = int(values.pop("total"))
            found[name] = {**{key: float(value) for key, value in values.items()}, "total": total}
    return found or None


def cpu_list(text: str | None) -> list[int] | None:
    """``0-2,7`` as its numbers; None where there is no file."""
    if text is None:
        return None
    found: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def device(text: str) -> tuple[int, int] | None:
    """``8:16`` as its numbers."""
    parts = text.split(":")
    if len(parts) != _DEVICE_NUMBERS or not all(part.isdigit() for part in parts):
        return None
    return int(parts[0]), int(parts[1])


def device_lines(text: str | None) -> list[dict[str, Any]] | None:
    """Lines of v1: a device, an operation where there are several, and a number; None where there is no file."""
    if text is None:
        return None
    found = []
    for line in text.split("\n"):
        words = line.split()
        numbers_of = device(words[0]) if words else None
        if numbers_of is None or not words[-1].isdigit():
            continue
        operation = {"op": words[1]} if len(words) > _DEVICE_NUMBERS else {}
        found.append({"major": numbers_of[0], "minor": numbers_of[1], **operation, "value": int(words[-1])})
    return found


def nested_keyed(text: str | None) -> list[tuple[tuple[int, int], dict[str, int]]]:
    """Lines of v2: a device, and pairs of a key and a number."""
    found = []
    for line in (text or "").split("\n"):
        name, *pairs = line.split(" ")
        numbers_of = device(name)
        if numbers_of is not None:
            values = dict(pair.partition("=")[::2] for pair in pairs)
            found.append((numbers_of, {key: int(value) for key, value in values.items() if value.isdigit()}))
    return found
