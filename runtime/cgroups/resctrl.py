"""Intel RDT: a container's share of caches and of memory bandwidth, as a group of the kernel's resctrl file system.

    plan_rdt     which group, what is written into its schemata; SpecFault, Unsupported
    begin_rdt    make it, or compare it with what is asked for; put the first process in, which all others come from
    join_rdt     one more process
    change_rdt   other schemata
    end_rdt      remove what is the container's own

    closID     schemata asked for     the group
    none       yes or no              <container id>, made now and removed with the container
    /          yes or no              that of everybody, which must have what is asked for
    a name     no                     must be there
    a name     yes                    made where it is missing; else it must have what is asked for

Source: runtime-spec: config-linux.md#intelrdt; Documentation/arch/x86/resctrl.rst of Linux.
"""

from __future__ import annotations

import os

from runtime.errors import CgroupFault, SpecFault, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NamedTuple

    from runtime.roots import Roots
else:
    from runtime.values import NamedTuple

POINTER = "/linux/intelRdt"
SCHEMATA, TASKS, MON_GROUPS = "schemata", "tasks", "mon_groups"
EVERYBODYS = "/"
# names in the root of resctrl that are no groups
TAKEN = ("info", "mon_data", MON_GROUPS)
MODE = 0o755


class RdtPlan(NamedTuple):
    """``group`` and ``monitor`` are directories, the latter empty without monitoring; ``lines`` are for schemata.

    ``is_own``: the group is made for this container and goes with it.
    """

    group: str
    monitor: str
    lines: tuple[str, ...]
    is_own: bool


def plan_rdt(config: Mapping[str, Any], container_id: str, roots: Roots) -> RdtPlan | None:
    """None where config.json doesn't ask for it.  Unsupported where the kernel, or the processor, hasn't got it."""
    asked: Mapping[str, Any] | None = config.get("linux", {}).get("intelRdt")
    if asked is None:
        return None
    top = f"{roots.sys}/fs/resctrl"
    if not os.path.isfile(f"{top}/{SCHEMATA}"):
        raise Unsupported(
            f"config.json#{POINTER}: no resctrl file system is mounted on {top}",
            hint=f"mount it (mount -t resctrl resctrl {top}), or leave intelRdt out",
        )
    name = asked.get("closID") or container_id
    if name != EVERYBODYS and ("/" in name or not name.strip(".") or name in TAKEN):
        raise SpecFault(f"{POINTER}/closID", f'"{name}" is no name of a group', hint="name it without slashes, or /")
    group = top if name == EVERYBODYS else f"{top}/{name}"
    lines = schema_lines(asked)
    if asked.get("closID") and name != EVERYBODYS and not lines and not os.path.isdir(group):
        raise SpecFault(f"{POINTER}/closID", f'there is no group "{name}"', hint="make it, or add schemata")
    monitor = f"{group}/{MON_GROUPS}/{container_id}" if asked.get("enableMonitoring") else ""
    return RdtPlan(group, monitor, lines, not asked.get("closID"))


def schema_lines(asked: Mapping[str, Any]) -> tuple[str, ...]:
    """The lines for schemata, in the order that the specification gives them.  SpecFault."""
    lines = []
    for member, prefix in (("l3CacheSchema", "L3"), ("memBwSchema", "MB:")):
        line = asked.get(member, "")
        if line and not line.startswith(prefix):
            raise SpecFault(f"{POINTER}/{member}", f'"{line}" does not begin with {prefix}', hint="correct it there")
        lines.append((f"{POINTER}/{member}", line))
    lines += [(f"{POINTER}/schemata/{index}", line) for index, line in enumerate(asked.get("schemata", ()))]
    for pointer, line in lines:
        if "\n" in line:
            raise SpecFault(pointer, "has more than one line", hint="make each an item of schemata")
    return tuple(line.strip() for _, line in lines if line.strip())


def begin_rdt(plan: RdtPlan, pid: int) -> None:
    """Have the group, and ``pid`` in it.  CgroupFault: nothing new is left over."""
    made: list[str] = []
    try:
        if _make(plan.group, must_be_new=plan.is_own):
            made.append(plan.group)
            _write_lines(plan.group, plan.lines)
        else:
            _compare(plan.group, plan.lines)
        if plan.monitor and _make(plan.monitor, must_be_new=True):
            made.append(plan.monitor)
        _join(plan, pid)
    except BaseException as fault:
        for path in reversed(made):
            try:
                os.rmdir(path)
            except OSError as error:
                fault.add_note(f"the group {path} can't be removed: {error.strerror}")
        raise


def _make(path: str, *, must_be_new: bool) -> bool:
    """Whether it was made; an existing one is fine unless it must be new."""
    try:
        os.mkdir(path, MODE)
    except FileExistsError:
        if must_be_new:
            raise CgroupFault(
                f"the resctrl group {path} is there already", hint="remove it, or name one in linux.intelRdt.closID"
            ) from None
        return False
    except OSError as error:
        raise CgroupFault(
            f"the resctrl group {path} can't be made: {error.strerror}{_last_word(path)}",
            hint="the processor has only so many: remove one" if error.errno == 28 else "",
        ) from error
    return True


def _write_lines(group: str, lines: Sequence[str]) -> None:
    """A line at a time, so that a refused one can be named."""
    for line in lines:
        try:
            _write(f"{group}/{SCHEMATA}", f"{line}\n")
        except OSError as error:
            raise CgroupFault(
                f"config.json#{POINTER}: {line} can't be written to {group}/{SCHEMATA}: "
                f"{error.strerror}{_last_word(group)}"
            ) from error


def _compare(group: str, lines: Sequence[str]) -> None:
    """Each share that ``lines`` ask for must be what the group has."""
    if not lines:
        return
    with open(f"{group}/{SCHEMATA}", encoding="ascii") as schemata:
        found = parse_schemata(schemata.read())
    for line in lines:
        for (resource, domain), value in parse_schemata(line).items():
            if found.get((resource, domain)) != value:
                raise CgroupFault(
                    f"config.json#{POINTER}: {line} is not what the group {group} has", hint=f"see {group}/{SCHEMATA}"
                )


def parse_schemata(text: str) -> dict[tuple[str, str], str]:
    """Shares by resource and domain; bitmasks without their leading zeros."""
    found = {}
    for line in text.split("\n"):
        resource, _, domains = line.strip().partition(":")
        for each in domains.split(";") if domains else ():
            domain, _, value = each.partition("=")
            found[resource.strip(), domain.strip()] = value.strip().lower().lstrip("0") or "0"
    return found


def join_rdt(plan: RdtPlan, pid: int) -> None:
    """Put one more process in.  CgroupFault."""
    _join(plan, pid)


def _join(plan: RdtPlan, pid: int) -> None:
    for directory in (plan.group, *((plan.monitor,) if plan.monitor else ())):
        try:
            _write(f"{directory}/{TASKS}", f"{pid}\n")
        except OSError as error:
            raise CgroupFault(f"process {pid} can't join the resctrl group {directory}: {error.strerror}") from error


def change_rdt(plan: RdtPlan, lines: Sequence[str]) -> None:
    """Write other schemata.  CgroupFault."""
    _write_lines(plan.group, lines)


def end_rdt(plan: RdtPlan) -> None:
    """Remove what was made for the container alone; fine where it has gone.  CgroupFault."""
    for path in (*((plan.monitor,) if plan.monitor else ()), *((plan.group,) if plan.is_own else ())):
        try:
            os.rmdir(path)
        except FileNotFoundError:
            continue  # a create that was interrupted before, or a delete
        except OSError as error:
            raise CgroupFault(f"the resctrl group {path} can't be removed: {error.strerror}") from error


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _last_word(path: str) -> str:
    """What resctrl says in words of the last refusal, which an errno hardly tells apart."""
    while path != "/" and not os.path.isdir(f"{path}/info"):
        path = os.path.dirname(path)
    try:
        with open(f"{path}/info/last_cmd_status", encoding="ascii") as status:
            word = status.read().strip()
    except OSError:
        return ""
    return f" ({word})" if word and word != "ok" else ""
