"""What the specification allows and this runtime doesn't do yet: refused by name, never passed over.

A row leaves the table when its subject is built.
"""

from __future__ import annotations

from runtime.errors import Unsupported
from runtime.spec.fields import namespace_paths
from runtime.spec.wording import pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    from runtime.spec.config import Config
else:
    from runtime.values import NamedTuple

EACH = "*"
HINT = "leave it out, or use a runtime that has it"


class Gap(NamedTuple):
    """A member by its path (EACH stands for every item of a list), and what it would ask for.

    Only ``values`` are refused where there are any; an empty value asks for nothing unless ``even_empty``.
    """

    path: tuple[str, ...]
    what: str
    values: frozenset[str] = frozenset()
    even_empty: bool = False


GAPS = (
    Gap(("vm",), "virtual machines"),
    Gap(("process", "apparmorProfile"), "AppArmor"),
    Gap(("process", "selinuxLabel"), "SELinux"),
    Gap(("process", "scheduler"), "scheduling policies"),
    Gap(("process", "ioPriority"), "I/O priorities"),
    Gap(("process", "execCPUAffinity"), "CPU affinity of added processes"),
    Gap(("mounts", EACH, "uidMappings"), "id-mapped mounts"),
    Gap(("mounts", EACH, "gidMappings"), "id-mapped mounts"),
    Gap(("mounts", EACH, "options", EACH), "id-mapped mounts", values=frozenset(("idmap", "ridmap"))),
    Gap(("linux", "seccomp"), "seccomp filters"),
    Gap(("linux", "mountLabel"), "SELinux"),
    Gap(("linux", "intelRdt"), "Intel RDT", even_empty=True),
    Gap(("linux", "netDevices"), "moving network devices"),
    Gap(("linux", "memoryPolicy"), "NUMA memory policies"),
    Gap(("linux", "personality"), "execution domains"),
    Gap(("linux", "timeOffsets"), "clock offsets"),
)


def refuse_unsupported(config: Config) -> None:
    """Raise Unsupported, with its JSON pointer, for the first thing asked for that isn't built."""
    for gap in GAPS:
        found = _find(gap, config)
        if found is not None:
            raise Unsupported(f"config.json#{pointer(*found)}: {gap.what} are not supported", hint=HINT)
    _refuse_shared_mounts(config)


def _find(gap: Gap, value: Any, depth: int = 0) -> list[str | int] | None:
    """The way from ``value`` down to what ``gap`` refuses; None where nothing asks for it."""
    if depth == len(gap.path):
        is_asked = value in gap.values if gap.values else bool(value) or gap.even_empty
        return [] if is_asked else None
    part = gap.path[depth]
    members = enumerate(value) if part == EACH else [(part, value[part])] if part in value else ()
    for name, member in members:
        rest = _find(gap, member, depth + 1)
        if rest is not None:
            return [name, *rest]
    return None


def _refuse_shared_mounts(config: Config) -> None:
    """The root is entered with pivot_root, which would move everybody else in that mount namespace as well."""
    if namespace_paths(config).get("mount", "the host's") is not None:
        raise Unsupported(
            "config.json#/linux/namespaces: a container without a mount namespace of its own is not supported",
            hint='add {"type": "mount"}, without a path, to linux.namespaces',
        )
