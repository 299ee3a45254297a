"""Device rules: what a container's cgroup lets it open and make.  Pure.

Later rules win.  What no container can do without is allowed after a rule that denies everything.
Source: runtime-spec: config-linux.md#allowed-device-list, #default-devices.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NamedTuple
else:
    from runtime.values import NamedTuple

ANY = -1
ALL_ACCESS = "rwm"


class Rule(NamedTuple):
    """``kind`` is a, b or c; ANY stands for every number; ``access`` has letters of rwm."""

    allow: bool
    kind: str
    major: int
    minor: int
    access: str
    pointer: str


def _default(kind: str, major: int, minor: int, access: str = ALL_ACCESS) -> Rule:
    return Rule(True, kind, major, minor, access, "/linux/resources/devices")


# null zero full random urandom tty console ptmx and the ptys; nodes may be made, which opens nothing
DEFAULTS = (
    _default("c", ANY, ANY, "m"),
    _default("b", ANY, ANY, "m"),
    *(_default("c", 1, minor) for minor in (3, 5, 7, 8, 9)),
    *(_default("c", 5, minor) for minor in (0, 1, 2)),
    _default("c", 136, ANY),
)


def plan_rules(resources: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The rules of ``resources.devices`` and the defaults after them; none where config.json has none.

    A node of linux.devices gets no rule of its own: callers give it one, and that may allow less than everything.
    """
    asked = resources.get("devices", ())
    if not asked:
        return ()
    return (*(_rule(entry, f"/linux/resources/devices/{index}") for index, entry in enumerate(asked)), *DEFAULTS)


def _rule(entry: Mapping[str, Any], pointer: str) -> Rule:
    return Rule(
        allow=entry["allow"],
        kind=entry.get("type") or "a",
        major=entry.get("major", ANY),
        minor=entry.get("minor", ANY),
        access=entry.get("access") or ALL_ACCESS,
        pointer=pointer,
    )


def line_v1(rule: Rule) -> tuple[str, str]:
    """The file of the v1 controller, and what to write into it."""
    numbers = ":".join("*" if number == ANY else str(number) for number in (rule.major, rule.minor))
    file = "devices.allow" if rule.allow else "devices.deny"
    if rule.kind == "a":
        return file, "a"  # the kernel takes it for all devices and all access, whatever follows
    return file, f"{rule.kind} {numbers} {rule.access}"
