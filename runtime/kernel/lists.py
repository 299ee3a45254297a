"""Lists of CPUs and memory nodes as the kernel writes them: ``0-3,7`` (cpuset(7), List format)."""

from __future__ import annotations


def parse_list(text: str, *, limit: int) -> tuple[int, ...]:
    """The numbers of ``text``, sorted; ValueError where it is no such list, or one reaches ``limit``."""
    found: set[int] = set()
    for part in text.split(",") if text else ():
        first, dash, last = part.strip().partition("-")
        low = _number(first, limit)
        high = _number(last, limit) if dash else low
        if high < low:
            raise ValueError(f"{part.strip()} runs backwards")
        found.update(range(low, high + 1))
    return tuple(sorted(found))


def _number(text: str, limit: int) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text or 'nothing'} is no number")
    if len(text) > len(str(limit)) or int(text) >= limit:
        raise ValueError(f"{text} is too large: {limit - 1} is the most")
    return int(text)
