"""Capabilities of the container's program: five sets as bit masks.

What the specification's names mean is in capabilities(7).  A name that this kernel doesn't know is left out, and so is
what can't be granted: the parent warns of both.  Nothing is inheritable unless asked for (CVE-2022-29162).
Source: runtime-spec: config.md#linux-process.
"""

from __future__ import annotations

import errno

from runtime.kernel.capabilities import (
    NUMBERS,
    clear_ambient,
    drop_bounding,
    get_capabilities,
    in_bounding,
    raise_ambient,
    set_capabilities,
)
from runtime.sandbox.program import CONFIG_PLACE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, NamedTuple
else:
    from runtime.values import NamedTuple


SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")


class CapabilityPlan(NamedTuple):
    """The sets as masks: bit n stands for the capability of number n."""

    bounding: int
    effective: int
    permitted: int
    inheritable: int
    ambient: int


def plan_capabilities(config: Mapping[str, Any]) -> CapabilityPlan:
    """The sets that ``process.capabilities`` names; all empty where it is absent."""
    sets = config["process"].get("capabilities", {})
    return CapabilityPlan(*(_mask(sets.get(name, ())) for name in SETS))


def _mask(names: Sequence[str]) -> int:
    mask = 0
    for name in names:
        if name in NUMBERS:
            mask |= 1 << NUMBERS[name]
    return mask


def limit_bounding(plan: CapabilityPlan) -> None:
    """Take all else out of the bounding set, while that is still permitted (CAP_SETPCAP)."""
    number = 0
    while True:
        try:
            if plan.bounding >> number & 1:
                in_bounding(number)
            else:
                _take_out(number)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return  # past the last one that the kernel knows
            raise
        number += 1


def _take_out(number: int) -> None:
    try:
        drop_bounding(number)
    except PermissionError:
        if in_bounding(number):
            raise  # what isn't in it needs no CAP_SETPCAP to be left out


def make_inheritable(mask: int) -> None:
    """Let ``mask`` be inheritable: permitted only as long as it is in the bounding set."""
    effective, permitted, inheritable = get_capabilities()
    if mask & ~permitted:
        raise PermissionError(errno.EPERM, "a capability that is to be inherited isn't held")
    set_capabilities(effective, permitted, inheritable | mask)


def apply_capabilities(plan: CapabilityPlan, *, retained: int = 0) -> None:
    """Set the other sets, for good: of what is asked for, that which can be given.

    ``retained`` is a mask, made inheritable before, that goes through one more execve(2) as if it were asked for.
    """
    grant = grantable(plan, get_capabilities()[1])
    set_capabilities(*(mask | retained for mask in (grant.effective, grant.permitted, grant.inheritable)))
    clear_ambient()
    ambient = grant.ambient | retained
    for number in range(ambient.bit_length()):
        if ambient >> number & 1:
            raise_ambient(number)


def grantable(plan: CapabilityPlan, held: int) -> CapabilityPlan:
    """What is left of ``plan`` where the mask ``held`` is permitted to us, by the rules of capset(2) and prctl(2)."""
    permitted = plan.permitted & held
    inheritable = plan.inheritable & held & plan.bounding
    return plan._replace(
        permitted=permitted,
        effective=plan.effective & permitted,
        inheritable=inheritable,
        ambient=plan.ambient & permitted & inheritable,
    )


def kept_by_execve(plan: CapabilityPlan, held: int, *, uid: int) -> int:
    """The mask of what is granted of ``plan`` and stays permitted when ``uid`` executes a program (capabilities(7))."""
    grant = grantable(plan, held)
    if uid:
        return grant.ambient
    asked = grant.permitted & plan.bounding
    return sum(1 << number for number in range(asked.bit_length()) if asked >> number & 1 and in_bounding(number))


def find_ungranted(plan: CapabilityPlan, *, has_user: bool, place: str = CONFIG_PLACE) -> Iterator[str]:
    """One line for each set of which a part can't be granted, as the specification wants it warned of.

    ``has_user``: in a user namespace of its own every capability is held.
    """
    grant = grantable(plan, -1 if has_user else get_capabilities()[1])
    for name, asked, given in zip(SETS, plan, grant, strict=True):
        names = ", ".join(cap for cap, number in NUMBERS.items() if (asked & ~given) >> number & 1)
        if names:
            yield f"{place}/capabilities/{name}: {names} can't be granted here, and is left out"
