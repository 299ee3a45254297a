"""Rules for the linux section: namespaces, id maps, kernel parameters, devices, paths.

Same form as in rules.py.  Source: runtime-spec, config-linux.md.
"""

from __future__ import annotations

from runtime.errors import SpecFault
from runtime.spec.fields import linux_of, namespace_paths, user_of
from runtime.spec.wording import pointer, quote, require_absolute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runtime.spec.config import Config, IdMapping

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


def namespaces_are_unique(config: Config) -> None:
    seen = set()
    for index, namespace in enumerate(linux_of(config).get("namespaces", ())):
        if namespace["type"] in seen:
            raise SpecFault(
                pointer("linux", "namespaces", index),
                f"a second namespace of type {namespace['type']}",
                hint="keep one of them",
            )
        seen.add(namespace["type"])


def namespace_paths_are_absolute(config: Config) -> None:
    for index, namespace in enumerate(linux_of(config).get("namespaces", ())):
        if "path" in namespace:
            require_absolute(namespace["path"], "linux", "namespaces", index, "path")


def id_maps_have_a_namespace(config: Config) -> None:
    """A new user namespace needs both maps, and maps need a user namespace.

    One that is joined has its maps; callers give some nevertheless, since other runtimes insist, and they are ignored.
    """
    namespaces = namespace_paths(config)
    for name, mappings in _id_maps(config):
        if mappings and "user" not in namespaces:
            raise SpecFault(
                pointer("linux", name),
                "ids are mapped without a user namespace",
                hint='add {"type": "user"} to linux.namespaces, or leave the map out',
            )
        if not mappings and _makes_user_namespace(config):
            raise SpecFault(
                pointer("linux", name),
                "a new user namespace needs this map",
                hint='map at least one id: {"containerID": 0, "hostID": 1000, "size": 1}',
            )


def id_maps_do_not_overlap(config: Config) -> None:
    """The kernel takes no id twice, neither inside nor outside."""
    for name, mappings in _id_maps(config):
        inside = [(entry["containerID"], entry["size"], index) for index, entry in enumerate(mappings)]
        outside = [(entry["hostID"], entry["size"], index) for index, entry in enumerate(mappings)]
        for ranges, member in ((inside, "containerID"), (outside, "hostID")):
            _require_disjoint(ranges, name, member)


def _require_disjoint(ranges: list[tuple[int, int, int]], name: str, member: str) -> None:
    free = 0
    for first, size, index in sorted(ranges):
        if first < free:
            raise SpecFault(
                pointer("linux", name, index, member),
                f"{first} belongs to another entry already",
                hint="let the ranges follow each other",
            )
        free = first + size
        if free > 1 << 32:
            raise SpecFault(
                pointer("linux", name, index, "size"), "the range goes beyond 32 bits", hint="make it smaller"
            )


def user_is_mapped(config: Config) -> None:
    """An id without a counterpart outside can't be taken on."""
    if not _makes_user_namespace(config):
        return
    user = user_of(config)
    groups: list[tuple[int, tuple[str | int, ...]]] = [(user["gid"], ("gid",))]
    groups += [(gid, ("additionalGids", index)) for index, gid in enumerate(user.get("additionalGids", ()))]
    _require_mapped([(user["uid"], ("uid",))], linux_of(config).get("uidMappings", ()), "uidMappings")
    _require_mapped(groups, linux_of(config).get("gidMappings", ()), "gidMappings")


def _require_mapped(ids: Sequence[tuple[int, tuple[str | int, ...]]], mappings: Sequence[IdMapping], name: str) -> None:
    for number, parts in ids:
        if not any(entry["containerID"] <= number < entry["containerID"] + entry["size"] for entry in mappings):
            raise SpecFault(
                pointer("process", "user", *parts),
                f"{number} has no counterpart outside of the user namespace",
                hint=f"map it in linux.{name}",
            )


def _id_maps(config: Config) -> Iterator[tuple[str, Sequence[IdMapping]]]:
    yield "uidMappings", linux_of(config).get("uidMappings", ())
    yield "gidMappings", linux_of(config).get("gidMappings", ())


def _makes_user_namespace(config: Config) -> bool:
    return namespace_paths(config).get("user", "none") is None


def sysctls_have_a_namespace(config: Config) -> None:
    """A parameter that belongs to no namespace of the container would change the host."""
    for name in linux_of(config).get("sysctl", {}):
        place = pointer("linux", "sysctl", name)
        parts = sysctl_parts(name)
        if not parts or any(part in ("", ".", "..") for part in parts):
            raise SpecFault(place, "is no name of a kernel parameter", hint="write it as in net.ipv4.ip_forward")
        needed = next((kind for prefix, kind in SYSCTL_NAMESPACES if parts[: len(prefix)] == prefix), None)
        if needed is None:
            raise SpecFault(place, "belongs to the whole host, not to a namespace", hint="set it on the host")
        if needed not in namespace_paths(config):
            raise SpecFault(
                place,
                "would change the host",
                hint=f'add {{"type": "{needed}"}} to linux.namespaces, or leave it out',
            )


def sysctl_parts(name: str) -> tuple[str, ...]:
    """The path of a kernel parameter below /proc/sys; the first separator decides what the other one means.

    As in sysctl(8): ``net.ipv4.conf.eth0/1.forwarding`` and ``net/ipv4/conf/eth0.1/forwarding`` are one.
    """
    slash, dot = name.find("/"), name.find(".")
    if slash >= 0 and (dot < 0 or slash < dot):
        return tuple(name.split("/"))
    return tuple(part.replace("/", ".") for part in name.split("."))


def devices_are_complete(config: Config) -> None:
    """All but a FIFO have numbers, and one path is one device."""
    seen: dict[str, tuple[str, int | None, int | None]] = {}
    for index, device in enumerate(linux_of(config).get("devices", ())):
        path = device["path"]
        require_absolute(path, "linux", "devices", index, "path")
        for member in ("major", "minor"):
            if device["type"] != "p" and member not in device:
                raise SpecFault(
                    pointer("linux", "devices", index),
                    f"the device {quote(path)} lacks its {member} number",
                    hint="`ls -l` shows both numbers of a device",
                )
        identity = (device["type"], device.get("major"), device.get("minor"))
        if seen.setdefault(path, identity) != identity:
            raise SpecFault(
                pointer("linux", "devices", index, "path"),
                f"{quote(path)} is another device already",
                hint="keep one of them",
            )


def hidden_paths_are_absolute(config: Config) -> None:
    linux = linux_of(config)
    for name, paths in (
        ("maskedPaths", linux.get("maskedPaths", ())),
        ("readonlyPaths", linux.get("readonlyPaths", ())),
    ):
        for index, path in enumerate(paths):
            require_absolute(path, "linux", name, index)


def cgroups_path_stays_beneath(config: Config) -> None:
    path = linux_of(config).get("cgroupsPath", "")
    if ".." in path.split("/"):
        raise SpecFault("/linux/cgroupsPath", f"{quote(path)} climbs with ..", hint="write the path without ..")


RULES = (
    namespaces_are_unique,
    namespace_paths_are_absolute,
    id_maps_have_a_namespace,
    id_maps_do_not_overlap,
    user_is_mapped,
    sysctls_have_a_namespace,
    devices_are_complete,
    hidden_paths_are_absolute,
    cgroups_path_stays_beneath,
)
