"""Intel RDT for those few containers that ask for it: the others don't pay for its module.

config.json, frozen at create, tells all that there is to know, also after a crash.
"""

from __future__ import annotations

from runtime.errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from runtime.cgroups.resctrl import RdtPlan
    from runtime.roots import Roots


def plan(config: Mapping[str, Any], container_id: str, roots: Roots) -> RdtPlan | None:
    """None where config.json doesn't ask for it.  SpecFault, Unsupported."""
    if "intelRdt" not in config.get("linux", {}):
        return None
    from runtime.cgroups import resctrl  # see above

    return resctrl.plan_rdt(config, container_id, roots)


def begin(planned: RdtPlan, pid: int) -> None:
    """Make the group and put the first process in.  CgroupFault."""
    from runtime.cgroups import resctrl  # see above

    resctrl.begin_rdt(planned, pid)


def join(config: Mapping[str, Any] | None, container_id: str, pid: int, roots: Roots) -> None:
    """Put a process of `exec` in, where the container has a group.  CgroupFault."""
    planned = plan(config, container_id, roots) if config else None
    if planned:
        from runtime.cgroups import resctrl  # see above

        resctrl.join_rdt(planned, pid)


def change(config: Mapping[str, Any], container_id: str, schemas: Mapping[str, str], roots: Roots) -> Mapping[str, Any]:
    """Other ``schemas``, by their members of linux.intelRdt: which reads that way from now on.  CgroupFault, Fault."""
    planned = plan(config, container_id, roots)
    if planned is None:
        raise Fault(
            "the container has no share of caches or memory bandwidth that could be changed",
            hint="add linux.intelRdt to its config.json before it is created",
        )
    from runtime.cgroups import resctrl  # see above

    resctrl.change_rdt(planned, resctrl.schema_lines(schemas))
    return {**config["linux"]["intelRdt"], **schemas}


def end(config: Mapping[str, Any], container_id: str, roots: Roots) -> None:
    """Remove what was made for the container alone.  CgroupFault."""
    try:
        planned = plan(config, container_id, roots)
    except Fault:
        return  # resctrl isn't mounted any more, or the group has gone: so has all that was ours
    if planned:
        from runtime.cgroups import resctrl  # see above

        resctrl.end_rdt(planned)
