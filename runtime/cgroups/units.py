"""A container's systemd scope: its name, where its cgroup lies, and what systemd is told of its limits.  Pure.

    cgroupsPath   slice:prefix:name   ->   prefix-name.scope below slice
    slice         a-b.slice lies in a.slice; empty: system.slice, a user's: user.slice; -.slice is the root

systemd rewrites the files of its units whenever it is told to read them anew.  So it is told what we write into them
ourselves, as far as it has words for it: each write has a row in the table of its version.
Source: systemd.slice(5), systemd.resource-control(5), org.freedesktop.systemd1(5).
"""

from __future__ import annotations

from runtime.cgroups.devices import ALL_ACCESS, ANY
from runtime.cgroups.texts import MAX, cpu_list
from runtime.errors import SpecFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, NamedTuple

    from runtime.cgroups.devices import Rule
    from runtime.cgroups.resources import Write

    # name, signature, value: what a D-Bus message has of a property
    Property = tuple[str, str, Any]
else:
    from runtime.values import NamedTuple

INFINITY = (1 << 64) - 1
SECOND_US = 1_000_000
PERCENT_US = SECOND_US // 100  # systemd keeps quotas as a percentage
PARTS = 3
SCOPE, SLICE = ".scope", ".slice"
NAME_MOST = 255


class Unit(NamedTuple):
    """``slice`` is empty for the manager's root; ``uid`` is whose manager it is, None for the system's.

    ``asked`` are properties that annotations ask for (see annotated.py).
    """

    name: str
    slice: str
    uid: int | None
    asked: tuple[Property, ...] = ()


def plan_unit(path: str, container_id: str, uid: int | None) -> Unit:
    """The unit that ``path`` names; an empty one is ours to choose.  SpecFault: it is no such name."""
    if path and (path.count(":") != PARTS - 1 or "/" in path):
        raise _refused(
            path, "is no slice:prefix:name, which --systemd-cgroup needs", "write it as in system.slice:runf:one"
        )
    above, prefix, name = path.split(":") if path else ("", "runf", container_id)
    above = above or ("system.slice" if uid is None else "user.slice")
    full = f"{prefix}-{name}" if prefix else name
    if not name or name.endswith(SLICE):
        raise _refused(path, "names no scope", "give the part behind the last colon a name of its own")
    if above != "-.slice" and not _is_slice(above):
        raise _refused(path, f'"{above}" is no slice', "name one as in system.slice, or a-b.slice for one in a.slice")
    unit = f"{full}{SCOPE}"
    if not all(character.isascii() and (character.isalnum() or character in ":-_.\\@") for character in unit):
        raise _refused(path, f'"{unit}" is no name of a unit', "use letters, digits, and any of :-_.\\@")
    if len(unit) > NAME_MOST:
        raise _refused(path, f"the unit's name would have {len(unit)} characters", f"{NAME_MOST} are the most")
    return Unit(unit, "" if above == "-.slice" else above, uid)


def _is_slice(name: str) -> bool:
    return name.endswith(SLICE) and all(name.removesuffix(SLICE).split("-"))


def _refused(path: str, reason: str, hint: str) -> SpecFault:
    return SpecFault("/linux/cgroupsPath", f'"{path}" {reason}', hint=hint)


def manager_of(directory: str) -> int | None:
    """Whose manager has the unit whose cgroup lies at ``directory``: a user's uid, or None for the system's."""
    for part in directory.split("/"):
        uid = part.removeprefix("user@").removesuffix(".service")
        if part == f"user@{uid}.service" and uid.isascii() and uid.isdigit():
            return int(uid)
    return None


def directory_of(unit: Unit) -> str:
    """Where its cgroup lies below that of its manager."""
    if not unit.slice:
        return unit.name
    parts = unit.slice.removesuffix(SLICE).split("-")
    slices = ["-".join(parts[: count + 1]) + SLICE for count in range(len(parts))]
    return "/".join((*slices, unit.name))


def start_properties(unit: Unit, container_id: str, pid: int) -> list[Property]:
    """What a scope has beside its limits; it goes by itself once nothing runs in it any more."""
    above = [("Slice", "s", unit.slice)] if unit.slice else []
    return [
        ("Description", "s", f"container {container_id}"),
        *above,
        ("PIDs", "au", [pid]),
        ("Delegate", "b", True),
        ("DefaultDependencies", "b", False),
        ("CollectMode", "s", "inactive-or-failed"),
        *((f"{name}Accounting", "b", True) for name in ("CPU", "Memory", "IO", "Tasks")),
    ]


def limits_v2(writes: Iterable[Write]) -> list[Property]:
    """The properties that ask for the same as ``writes`` into the files of v2."""
    return [each for write in writes if write.file in _V2 for each in _V2[write.file](write.value)]


def limits_v1(writes: Iterable[Write]) -> list[Property]:
    """The same for v1, whose CPU quota and period are two files and one wish."""
    found: list[Property] = []
    values = {write.file: write.value for write in writes}
    for file, value in values.items():
        found += _V1[file](value) if file in _V1 else []
    quota, period = values.get("cpu.cfs_quota_us"), values.get("cpu.cfs_period_us", "100000")
    if quota is not None:
        found += _quota(f"{MAX if int(quota) < 0 else quota} {period}")
    return found


def unlimited(properties: Iterable[Property]) -> list[Property]:
    """What takes ``properties`` away again."""
    return [
        (name, signature, b"" if signature == "ay" else 0 if name in ("MemoryLow", "MemoryMin") else INFINITY)
        for name, signature, _ in properties
    ]


def _number(name: str) -> Callable[[str], list[Property]]:
    """For a file of one number, or of `max`; v1 has negative ones for no limit."""

    def of(value: str) -> list[Property]:
        text = value.strip()
        if text == MAX:
            return [(name, "t", INFINITY)]
        if not text.isascii() or not text.removeprefix("-").isdigit():
            return []  # of unified, in a form that only the kernel knows
        return [(name, "t", INFINITY if text.startswith("-") else int(text))]

    return of


def _tasks(value: str) -> list[Property]:
    return [] if value == "0" else _number("TasksMax")(value)  # systemd has no limit of none


def _idle(value: str) -> list[Property]:
    return [("CPUWeight", "t", 0)] if value == "1" else []  # systemd 252


def _quota(value: str) -> list[Property]:
    """Rounded up to whole percents; what the file reads in the end is what we write into it afterwards."""
    quota, _, period = value.partition(" ")
    if not all(part.isascii() and part.isdigit() for part in (quota.replace(MAX, "0"), period or "1")):
        return []
    length = int(period or 100000)
    if quota == MAX:
        return [("CPUQuotaPerSecUSec", "t", INFINITY), ("CPUQuotaPeriodUSec", "t", length)]
    each_second = -(-int(quota) * SECOND_US // length)
    rounded = -(-each_second // PERCENT_US) * PERCENT_US
    return [("CPUQuotaPerSecUSec", "t", rounded), ("CPUQuotaPeriodUSec", "t", length)]


def _set_of(name: str) -> Callable[[str], list[Property]]:
    """For a list of processors or nodes: a byte for each eight of them, the lowest bit first."""

    def of(value: str) -> list[Property]:
        try:
            members = cpu_list(value) or []
        except ValueError:
            return []  # no list: the file's own refusal tells
        mask = sum(1 << member for member in members)
        return [(name, "ay", mask.to_bytes((mask.bit_length() + 7) // 8, "little"))]

    return of


def _io_weight(value: str) -> list[Property]:
    word, _, weight = value.partition(" ")
    return _number("IOWeight")(weight) if word == "default" else []


_V2: dict[str, Callable[[str], list[Property]]] = {
    "memory.max": _number("MemoryMax"),
    "memory.high": _number("MemoryHigh"),
    "memory.low": _number("MemoryLow"),
    "memory.min": _number("MemoryMin"),
    "memory.swap.max": _number("MemorySwapMax"),
    "pids.max": _tasks,
    "cpu.weight": _number("CPUWeight"),
    "cpu.idle": _idle,
    "cpu.max": _quota,
    "cpuset.cpus": _set_of("AllowedCPUs"),
    "cpuset.mems": _set_of("AllowedMemoryNodes"),
    "io.weight": _io_weight,
}
_V1: dict[str, Callable[[str], list[Property]]] = {
    "memory.limit_in_bytes": _number("MemoryLimit"),
    "pids.max": _tasks,
    "cpu.shares": _number("CPUShares"),
    "blkio.weight": _number("BlockIOWeight"),
}


def device_properties(rules: Sequence[Rule]) -> list[Property] | None:
    """The list of allowed devices that ``rules`` amount to; None where they are no such list.

    systemd knows a list of what is allowed and nothing else: so rules fit that deny everything and then allow.
    """
    is_strict = False
    allowed: list[tuple[str, str]] = []
    for rule in rules:
        if rule.kind == "a":
            is_strict, allowed = not rule.allow, []
        elif is_strict and rule.allow:
            name = _device_name(rule)
            if name is None:
                return None
            allowed.append((name, "".join(letter for letter in ALL_ACCESS if letter in rule.access)))
        elif not rule.allow:
            return None
    if not is_strict:
        return []
    return [("DevicePolicy", "s", "strict"), ("DeviceAllow", "a(ss)", allowed)]


def _device_name(rule: Rule) -> str | None:
    kind = {"c": "char", "b": "block"}[rule.kind]
    if rule.major == ANY:
        return f"{kind}-*" if rule.minor == ANY else None
    return f"{kind}-{rule.major}" if rule.minor == ANY else f"/dev/{kind}/{rule.major}:{rule.minor}"
