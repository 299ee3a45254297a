"""Rules for the linux section: namespaces, id maps, kernel parameters, devices, paths.

Same form as in rules.py.  Source: runtime-spec, config-linux.md.
"""

from __future__ import annotations

from runtime.errors import SpecFault
from runtime.kernel.sysctl import sysctl_parts
from runtime.spec.fields import linux_of, namespace_paths, user_of
from runtime.spec.wording import find_relative, pointer, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runtime.spec.config import Config, IdMapping
    from runtime.spec.wording import Faults

# kernel parameters that belong to a namespace, by their path below /proc/sys; a directory stands for all in it
SYSCTL_NAMESPACES = (
    (("net",), "network"),
    (("fs", "mqueue"), "ipc"),
    (("kernel", "auto_msgmni"), "ipc"),
    (("kernel", "msg_next_id"), "ipc"),
    (("kernel", "msgmax"), "ipc"),
    (("kernel", "msgmnb"), "ipc"),
    (("kernel", "msgmni"), "ipc"),
    (("kernel", "sem"), "ipc"),
    (("kernel", "sem_next_id"), "ipc"),
    (("kernel", "shm_next_id"), "ipc"),
    (("kernel", "shm_rmid_forced"), "ipc"),
    (("kernel", "shmall"), "ipc"),
    (("kernel", "shmmax"), "ipc"),
    (("kernel", "shmmni"), "ipc"),
    (("kernel", "domainname"), "uts"),
    (("kernel", "hostname"), "uts"),
    (("user",), "user"),
)
CLOCKS = ("monotonic", "boottime")
NANOSECONDS = 10**9
DEVICE_NAME_BYTES = 15  # IFNAMSIZ, without the NUL
NAME_TEMPLATE = "%d"  # the kernel puts a number there


def namespaces_are_unique(config: Config) -> Faults:
    seen = set()
    for index, namespace in enumerate(linux_of(config).get("namespaces", ())):
        if namespace["type"] in seen:
            yield SpecFault(
                pointer("linux", "namespaces", index),
                f"a second namespace of type {namespace['type']}",
                hint="keep one of them",
            )
        seen.add(namespace["type"])


def namespace_paths_are_absolute(config: Config) -> Faults:
    for index, namespace in enumerate(linux_of(config).get("namespaces", ())):
        if "path" in namespace:
            yield from find_relative(namespace["path"], "linux", "namespaces", index, "path")


def id_maps_have_a_namespace(config: Config) -> Faults:
    """A new user namespace needs both maps, and maps need a user namespace.

    One that is joined has its maps; callers give some nevertheless, since other runtimes insist, and they are ignored.
    """
    namespaces = namespace_paths(config)
    for name, mappings in _id_maps(config):
        if mappings and "user" not in namespaces:
            yield SpecFault(
                pointer("linux", name),
                "ids are mapped without a user namespace",
                hint='add {"type": "user"} to linux.namespaces, or leave the map out',
            )
        if not mappings and _makes_user_namespace(config):
            yield SpecFault(
                pointer("linux", name),
                "a new user namespace needs this map",
                hint='map at least one id: {"containerID": 0, "hostID": 1000, "size": 1}',
            )


def id_maps_do_not_overlap(config: Config) -> Faults:
    """The kernel takes no id twice, neither inside nor outside."""
    for name, mappings in _id_maps(config):
        yield from find_overlaps(mappings, "linux", name)


def find_overlaps(mappings: Sequence[IdMapping], *parts: str | int) -> Faults:
    """A fault below ``parts`` for each entry that maps an id again."""
    inside = [(entry["containerID"], entry["size"], index) for index, entry in enumerate(mappings)]
    outside = [(entry["hostID"], entry["size"], index) for index, entry in enumerate(mappings)]
    for ranges, member in ((inside, "containerID"), (outside, "hostID")):
        yield from _find_overlapping(ranges, member, *parts)


def _find_overlapping(ranges: list[tuple[int, int, int]], member: str, *parts: str | int) -> Faults:
    free = 0
    for first, size, index in sorted(ranges):
        if first < free:
            yield SpecFault(
                pointer(*parts, index, member),
                f"{first} belongs to another entry already",
                hint="let the ranges follow each other",
            )
        free = max(free, first + size)
        if first + size > 1 << 32:
            yield SpecFault(pointer(*parts, index, "size"), "the range goes beyond 32 bits", hint="make it smaller")


def user_is_mapped(config: Config) -> Faults:
    """An id without a counterpart outside can't be taken on."""
    if not _makes_user_namespace(config):
        return
    user = user_of(config)
    groups: list[tuple[int, tuple[str | int, ...]]] = [(user["gid"], ("gid",))]
    groups += [(gid, ("additionalGids", index)) for index, gid in enumerate(user.get("additionalGids", ()))]
    yield from _find_unmapped([(user["uid"], ("uid",))], linux_of(config).get("uidMappings", ()), "uidMappings")
    yield from _find_unmapped(groups, linux_of(config).get("gidMappings", ()), "gidMappings")


def _find_unmapped(
    ids: Sequence[tuple[int, tuple[str | int, ...]]], mappings: Sequence[IdMapping], name: str
) -> Faults:
    for number, parts in ids:
        if not any(entry["containerID"] <= number < entry["containerID"] + entry["size"] for entry in mappings):
            yield SpecFault(
                pointer("process", "user", *parts),
                f"{number} has no counterpart outside of the user namespace",
                hint=f"map it in linux.{name}",
            )


def _id_maps(config: Config) -> Iterator[tuple[str, Sequence[IdMapping]]]:
    yield "uidMappings", linux_of(config).get("uidMappings", ())
    yield "gidMappings", linux_of(config).get("gidMappings", ())


def _makes_user_namespace(config: Config) -> bool:
    return namespace_paths(config).get("user", "none") is None


def network_devices_have_names(config: Config) -> Faults:
    """They move into a network namespace of the container, and each gets a name of its own there."""
    taken: set[str] = set()
    for name, device in linux_of(config).get("netDevices", {}).items():
        place = pointer("linux", "netDevices", name)
        if "network" not in namespace_paths(config):
            yield SpecFault(
                place,
                "there is no network to move it to",
                hint='add {"type": "network"} to linux.namespaces, or leave it out',
            )
        if not _is_device_name(name):
            yield SpecFault(place, "is no name of a network device", hint="`ip link` shows their names")
        inside = device.get("name") or name
        if not _is_device_name(inside.removesuffix(NAME_TEMPLATE) or inside):
            yield SpecFault(
                f"{place}/name",
                f"{quote(inside)} is no name of a network device",
                hint="write one such as eth0 or eth%d",
            )
        elif inside in taken and not inside.endswith(NAME_TEMPLATE):
            yield SpecFault(f"{place}/name", f"{quote(inside)} is another one's already", hint="choose another name")
        taken.add(inside)


def _is_device_name(name: str) -> bool:
    """As dev_valid_name() of the kernel has it; % is for templates."""
    return (
        0 < len(name.encode()) <= DEVICE_NAME_BYTES
        and name not in (".", "..")
        and not any(character in "/:%" or character.isspace() for character in name)
    )


def clocks_have_a_namespace(config: Config) -> Faults:
    """Only the clocks of a new time namespace can be moved, and Linux has two that can (time_namespaces(7))."""
    for clock, offset in linux_of(config).get("timeOffsets", {}).items():
        place = pointer("linux", "timeOffsets", clock)
        if clock not in CLOCKS:
            yield SpecFault(place, "is no clock that can be moved", hint="name monotonic or boottime")
        if namespace_paths(config).get("time", "none") is not None:
            yield SpecFault(
                place,
                "only the clocks of a new time namespace can be moved",
                hint='add {"type": "time"}, without a path, to linux.namespaces, or leave it out',
            )
        if offset.get("nanosecs", 0) >= NANOSECONDS:
            yield SpecFault(f"{place}/nanosecs", "is a second or more", hint="put whole seconds into secs")


def sysctls_have_a_namespace(config: Config) -> Faults:
    """A parameter that belongs to no namespace of the container would change the host."""
    for name in linux_of(config).get("sysctl", {}):
        place = pointer("linux", "sysctl", name)
        parts = sysctl_parts(name)
        if not parts or any(part in ("", ".", "..") for part in parts):
            yield SpecFault(place, "is no name of a kernel parameter", hint="write it as in net.ipv4.ip_forward")
            continue
        needed = next((kind for prefix, kind in SYSCTL_NAMESPACES if parts[: len(prefix)] == prefix), None)
        if needed is None:
            yield SpecFault(place, "belongs to the whole host, not to a namespace", hint="set it on the host")
        elif needed not in namespace_paths(config):
            yield SpecFault(
                place,
                "would change the host",
                hint=f'add {{"type": "{needed}"}} to linux.namespaces, or leave it out',
            )


def devices_are_complete(config: Config) -> Faults:
    """All but a FIFO have numbers, and one path is one device."""
    seen: dict[str, tuple[str, int | None, int | None]] = {}
    for index, device in enumerate(linux_of(config).get("devices", ())):
        path = device["path"]
        yield from find_relative(path, "linux", "devices", index, "path")
        for member in ("major", "minor"):
            if device["type"] != "p" and member not in device:
                yield SpecFault(
                    pointer("linux", "devices", index),
                    f"the device {quote(path)} lacks its {member} number",
                    hint="`ls -l` shows both numbers of a device",
                )
        identity = (device["type"], device.get("major"), device.get("minor"))
        if seen.setdefault(path, identity) != identity:
            yield SpecFault(
                pointer("linux", "devices", index, "path"),
                f"{quote(path)} is another device already",
                hint="keep one of them",
            )


def hidden_paths_are_absolute(config: Config) -> Faults:
    linux = linux_of(config)
    for name, paths in (
        ("maskedPaths", linux.get("maskedPaths", ())),
        ("readonlyPaths", linux.get("readonlyPaths", ())),
    ):
        for index, path in enumerate(paths):
            yield from find_relative(path, "linux", name, index)


def cgroups_path_stays_beneath(config: Config) -> Faults:
    path = linux_of(config).get("cgroupsPath", "")
    if ".." in path.split("/"):
        yield SpecFault("/linux/cgroupsPath", f"{quote(path)} climbs with ..", hint="write the path without ..")


RULES = (
    namespaces_are_unique,
    namespace_paths_are_absolute,
    id_maps_have_a_namespace,
    id_maps_do_not_overlap,
    user_is_mapped,
    network_devices_have_names,
    clocks_have_a_namespace,
    sysctls_have_a_namespace,
    devices_are_complete,
    hidden_paths_are_absolute,
    cgroups_path_stays_beneath,
)
