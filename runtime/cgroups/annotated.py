"""Properties of a container's scope that its annotations ask for.  Pure.

    org.systemd.property.NAME = VALUE     "org.systemd.property.TimeoutStopUSec": "uint64 5000000"

VALUE is in GVariant's text format, and of the type that systemd wants.  A NAME that ends with Sec is what unit files
call it: any number is its seconds, and the property is that with USec.  They overrule what runf sets itself, but for
what decides where the container is.
Source: runc: docs/systemd.md, "Auxiliary properties"; org.freedesktop.systemd1(5).
"""

from __future__ import annotations

from runtime.cgroups import gvariant
from runtime.cgroups.gvariant import RANGES
from runtime.errors import SpecFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from runtime.cgroups.units import Property

PREFIX = "org.systemd.property."
OURS = ("PIDs", "Slice")
SHORTEST = 3
SECOND_US = 1_000_000
_GUIDE = "write it as in uint64 5, 'text', true, or ['a', 'b']"


def asked_properties(annotations: Mapping[str, str]) -> tuple[Property, ...]:
    """In the order of the annotations.  SpecFault names the one that can't be had."""
    return tuple(_property(key, text) for key, text in annotations.items() if key.startswith(PREFIX))


def overruled(properties: Iterable[Property], asked: Iterable[Property]) -> list[Property]:
    """``properties``, but for those that ``asked`` gives another value; systemd takes some lists as additions."""
    by_name = {each[0]: each for each in asked}
    return [*(each for each in properties if each[0] not in by_name), *by_name.values()]


def _property(key: str, text: str) -> Property:
    name = key.removeprefix(PREFIX)
    if len(name) < SHORTEST or not (name.isascii() and name.isalpha()):
        raise _refused(key, f"{name!r} is no property of a unit", "systemctl show names them")
    if name in OURS:
        raise _refused(key, "what decides where the container is can't be changed", "name the slice in cgroupsPath")
    try:
        signature, value = gvariant.parse(text)
    except gvariant.BadText as reason:
        raise _refused(key, str(reason), _GUIDE) from None
    bare = name.removesuffix("Sec")
    if bare != name and bare[-1:].islower():
        return f"{bare}USec", "t", _microseconds(key, signature, value)
    return name, signature, value


def _microseconds(key: str, signature: str, value: Any) -> int:
    if signature not in RANGES and signature != "d":
        raise _refused(key, "seconds are a number", "write it as in 5, or 0.5")
    most = RANGES["t"][1]
    if not 0 <= value <= most // SECOND_US:  # which no NaN does
        raise _refused(key, f"{value} seconds are not between 0 and {most // SECOND_US}", "give another number")
    return int(value * SECOND_US)


def _refused(key: str, reason: str, hint: str) -> SpecFault:
    pointer = key.replace("~", "~0").replace("/", "~1")
    return SpecFault(f"/annotations/{pointer}", reason, hint=hint)
