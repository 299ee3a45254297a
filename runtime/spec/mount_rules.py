"""Rules for mounts: what each kind needs, and the maps of those with ids of their own.

Same form as in rules.py.  Source: runtime-spec, config.md#mounts.
"""

from __future__ import annotations

from runtime.errors import SpecFault
from runtime.spec.fields import namespace_paths
from runtime.spec.linux_rules import find_overlaps
from runtime.spec.wording import pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.spec.config import Config
    from runtime.spec.wording import Faults

BIND_OPTIONS = frozenset(("bind", "rbind"))
# a mount with one of these changes what is there already, so it needs no file system type
CHANGING_OPTIONS = frozenset(
    ("remount", "private", "shared", "slave", "unbindable", "rprivate", "rshared", "rslave", "runbindable")
)
ID_MAPPING_OPTIONS = frozenset(("idmap", "ridmap"))


def mounts_are_complete(config: Config) -> Faults:
    """A bind mount shows something; any other one has a file system type, unless it changes what is there."""
    for index, mount in enumerate(config.get("mounts", ())):
        options = mount.get("options", ())
        if not BIND_OPTIONS.isdisjoint(options):
            if not mount.get("source"):
                yield SpecFault(
                    pointer("mounts", index), "a bind mount lacks its source", hint="name what it shows in source"
                )
        elif not mount.get("type") and CHANGING_OPTIONS.isdisjoint(options):
            yield SpecFault(
                pointer("mounts", index),
                "the mount lacks its type",
                hint="name a file system in type, or put bind or rbind into options",
            )


def mount_id_maps_are_complete(config: Config) -> Faults:
    """A mount has both maps or none; with none, an id-mapped one has those of the container's user namespace."""
    for index, mount in enumerate(config.get("mounts", ())):
        maps = {"uidMappings": mount.get("uidMappings", []), "gidMappings": mount.get("gidMappings", [])}
        for name, lines in maps.items():
            if not lines and any(maps.values()):
                yield SpecFault(
                    pointer("mounts", index), f"has one id map, and lacks {name}", hint="give both, or leave both out"
                )
            yield from find_overlaps(lines, "mounts", index, name)
        options = mount.get("options", ())
        if not any(maps.values()) and "user" not in namespace_paths(config):
            for place, option in enumerate(options):
                if option in ID_MAPPING_OPTIONS:
                    yield SpecFault(
                        pointer("mounts", index, "options", place),
                        f"{option} needs to know which ids to map",
                        hint="add uidMappings and gidMappings to the mount, or a user namespace",
                    )


RULES = (mounts_are_complete, mount_id_maps_are_complete)
