"""From linux.resources to the files of a cgroup.  Pure.

    plan_v1   controller -> writes, in the order in which the kernel accepts them
    plan_v2   writes, with the conversions that runtimes agree on; what v2 has no file for is refused by name

Source: runtime-spec: config-linux.md#control-groups; Documentation/admin-guide/cgroup-v1, cgroup-v2.rst of Linux.
"""

from __future__ import annotations

from runtime.errors import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NamedTuple
else:
    from runtime.values import NamedTuple

POINTER = "/linux/resources"
SWAPPINESS_UNSET = (1 << 64) - 1  # Docker's -1, for no wish
DEFAULT_CPU_PERIOD_US = 100000
SHARES_LEAST, SHARES_MOST = 2, 262144
WEIGHT_MOST = 10000
V1_WITHOUT = (("unified",),)
V2_WITHOUT = (
    ("memory", "kernelTCP"),
    ("memory", "disableOOMKiller"),
    ("cpu", "realtimeRuntime"),
    ("cpu", "realtimePeriod"),
    ("blockIO", "leafWeight"),
    ("network", "classID"),
    ("network", "priorities"),
)
THROTTLES = (
    ("throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps"),
    ("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps"),
    ("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops"),
    ("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops"),
)


class Write(NamedTuple):
    """One write into a cgroup's file; ``pointer`` leads to the member of config.json that asks for it.

    Where the cgroup has no such file: ``instead`` is another one and its value, ``is_optional`` says that what is
    asked for is so anyway.
    """

    file: str
    value: str
    pointer: str
    instead: tuple[str, str] | None = None
    is_optional: bool = False


def plan_v1(resources: Mapping[str, Any]) -> dict[str, tuple[Write, ...]]:
    """The writes for each v1 controller.  Unsupported: v1 has no file for it."""
    _refuse(resources, V1_WITHOUT, "cgroup v1")
    plans = {
        "memory": _memory_v1(resources.get("memory", {})),
        "cpu": _cpu_v1(resources.get("cpu", {})),
        "cpuset": _cpuset(resources.get("cpu", {})),
        "pids": _pids(resources.get("pids", {})),
        "blkio": _blkio_v1(resources.get("blockIO", {})),
        "hugetlb": _hugetlb(resources, "limit_in_bytes"),
        "rdma": tuple(_rdma(resources)),
        "net_cls": _class_id(resources.get("network", {})),
        "net_prio": _priorities(resources.get("network", {})),
    }
    return {controller: writes for controller, writes in plans.items() if writes}


def plan_v2(resources: Mapping[str, Any]) -> tuple[Write, ...]:
    """The writes into the one v2 directory.  Unsupported: v2 has no file for it."""
    _refuse(resources, V2_WITHOUT, "cgroup v2")
    return (
        *_memory_v2(resources.get("memory", {})),
        *_cpu_v2(resources.get("cpu", {})),
        *_cpuset(resources.get("cpu", {})),
        *_pids(resources.get("pids", {})),
        *_io_v2(resources.get("blockIO", {})),
        *_hugetlb(resources, "max"),
        *_rdma(resources),
        *_unified(resources.get("unified", {})),
    )


def _unified(files: Mapping[str, str]) -> list[Write]:
    """As they are; the kernel takes a line at a time where a file has one for each device or key."""
    return [
        Write(name, line, _at("unified", name))
        for name, value in files.items()
        for line in (value.rstrip("\n").split("\n") if "\n" in value else (value,))
    ]


def demanded(writes: Sequence[Write]) -> tuple[Write, ...]:
    """Those that need their file."""
    return tuple(write for write in writes if not write.is_optional)


def controllers_v2(writes: Sequence[Write]) -> tuple[str, ...]:
    """The controllers that ``writes`` need: the first part of each file's name, those of the core left out."""
    names = (write.file.split(".", 1)[0] for write in demanded(writes))
    return tuple(dict.fromkeys(name for name in names if name != "cgroup"))


def _at(*parts: str | int) -> str:
    return "/".join((POINTER, *(str(part).replace("~", "~0").replace("/", "~1") for part in parts)))


def _refuse(resources: Mapping[str, Any], paths: Sequence[tuple[str, ...]], version: str) -> None:
    for path in paths:
        value: Any = resources
        for part in path:
            value = value.get(part) if value else None
        if value:
            raise Unsupported(f"config.json#{_at(*path)}: {version} has nothing like it", hint="leave it out")


def _memory_v1(memory: Mapping[str, Any]) -> tuple[Write, ...]:
    writes = []
    limit, swap = memory.get("limit", 0), memory.get("swap", 0)
    if limit:
        writes.append(Write("memory.limit_in_bytes", str(limit), _at("memory", "limit")))
    if swap:
        is_unlimited = swap == -1  # as it is where the kernel doesn't count swap
        write = Write("memory.memsw.limit_in_bytes", str(swap), _at("memory", "swap"), is_optional=is_unlimited)
        writes.append(write)
    elif limit == -1:
        writes.append(Write("memory.memsw.limit_in_bytes", "-1", _at("memory", "limit"), is_optional=True))
    if swap == -1 or limit == -1:
        writes.reverse()  # the limit of memory and swap together must never lie below that of memory
    for member, file in (
        ("reservation", "memory.soft_limit_in_bytes"),
        ("kernelTCP", "memory.kmem.tcp.limit_in_bytes"),
    ):
        if memory.get(member):
            writes.append(Write(file, str(memory[member]), _at("memory", member)))
    if memory.get("swappiness", SWAPPINESS_UNSET) != SWAPPINESS_UNSET:
        writes.append(Write("memory.swappiness", str(memory["swappiness"]), _at("memory", "swappiness")))
    if memory.get("disableOOMKiller"):
        writes.append(Write("memory.oom_control", "1", _at("memory", "disableOOMKiller")))
    return tuple(writes)


def _cpu_v1(cpu: Mapping[str, Any]) -> tuple[Write, ...]:
    members = (
        ("period", "cpu.cfs_period_us"),
        ("quota", "cpu.cfs_quota_us"),
        ("realtimePeriod", "cpu.rt_period_us"),
        ("realtimeRuntime", "cpu.rt_runtime_us"),
    )
    writes = list(_idle(cpu))
    if cpu.get("shares") and not cpu.get("idle"):  # an idle group has no shares
        writes.append(Write("cpu.shares", str(cpu["shares"]), _at("cpu", "shares")))
    writes += [Write(file, str(cpu[member]), _at("cpu", member)) for member, file in members if cpu.get(member)]
    return (*writes, *_burst(cpu, "cpu.cfs_burst_us"))


def _idle(cpu: Mapping[str, Any]) -> tuple[Write, ...]:
    if cpu.get("idle") is None:
        return ()
    return (Write("cpu.idle", str(cpu["idle"]), _at("cpu", "idle"), is_optional=not cpu["idle"]),)


def _burst(cpu: Mapping[str, Any], file: str) -> tuple[Write, ...]:
    if cpu.get("burst") is None:
        return ()
    return (Write(file, str(cpu["burst"]), _at("cpu", "burst"), is_optional=not cpu["burst"]),)


def _cpuset(cpu: Mapping[str, Any]) -> tuple[Write, ...]:
    return tuple(Write(f"cpuset.{name}", cpu[name], _at("cpu", name)) for name in ("cpus", "mems") if cpu.get(name))


def _pids(pids: Mapping[str, Any]) -> tuple[Write, ...]:
    """No limit asks for nothing, a negative one for no limit, and 0 for a program that can't fork."""
    limit = pids.get("limit")
    if limit is None:
        return ()
    return (Write("pids.max", str(limit) if limit >= 0 else "max", _at("pids", "limit")),)


def _blkio_v1(block: Mapping[str, Any]) -> tuple[Write, ...]:
    writes = []
    for member, file in (("weight", "blkio.weight"), ("leafWeight", "blkio.leaf_weight")):
        bfq = "blkio.bfq.weight" if member == "weight" else None  # Linux 5.0 has no other that weighs
        if block.get(member):
            value = str(block[member])
            writes.append(Write(file, value, _at("blockIO", member), instead=(bfq, value) if bfq else None))
        for index, device in enumerate(block.get("weightDevice", ())):
            if device.get(member):
                value = f"{device['major']}:{device['minor']} {device[member]}"
                instead = (f"{bfq}_device", value) if bfq else None
                writes.append(Write(f"{file}_device", value, _at("blockIO", "weightDevice", index), instead=instead))
    for member, file, _ in THROTTLES:
        for index, device in enumerate(block.get(member, ())):
            value = f"{device['major']}:{device['minor']} {device['rate']}"
            writes.append(Write(file, value, _at("blockIO", member, index)))
    return tuple(writes)


def _hugetlb(resources: Mapping[str, Any], suffix: str) -> tuple[Write, ...]:
    """Of reservations, which Linux 5.7 counts, and of pages in use, which are all that is left without."""
    return tuple(
        Write(f"hugetlb.{entry['pageSize']}.{kind}{suffix}", str(entry["limit"]), at, is_optional=kind != "")
        for index, entry in enumerate(resources.get("hugepageLimits", ()))
        for at in (_at("hugepageLimits", index),)
        for kind in ("rsvd.", "")
    )


def _rdma(resources: Mapping[str, Any]) -> list[Write]:
    writes = []
    for name, limits in resources.get("rdma", {}).items():
        parts = [
            f"{key}={limits[member]}"
            for member, key in (("hcaHandles", "hca_handle"), ("hcaObjects", "hca_object"))
            if member in limits
        ]
        writes.append(Write("rdma.max", " ".join((name, *parts)), _at("rdma", name)))
    return writes


def _class_id(network: Mapping[str, Any]) -> tuple[Write, ...]:
    if not network.get("classID"):
        return ()
    return (Write("net_cls.classid", str(network["classID"]), _at("network", "classID")),)


def _priorities(network: Mapping[str, Any]) -> tuple[Write, ...]:
    return tuple(
        Write("net_prio.ifpriomap", f"{entry['name']} {entry['priority']}", _at("network", "priorities", index))
        for index, entry in enumerate(network.get("priorities", ()))
    )


def _memory_v2(memory: Mapping[str, Any]) -> tuple[Write, ...]:
    """v2 limits swap by itself, where the specification means memory and swap together."""
    writes = []
    limit, swap = memory.get("limit", 0), memory.get("swap", 0)
    if swap > 0:
        if limit <= 0 or swap < limit:
            raise Unsupported(
                f"config.json#{_at('memory', 'swap')}: memory and swap together can't be less than memory.limit",
                hint="set memory.limit too, at most as large",
            )
        is_none = swap == limit  # as it is where the kernel has no swap
        writes.append(Write("memory.swap.max", str(swap - limit), _at("memory", "swap"), is_optional=is_none))
    elif swap < 0 or (limit == -1 and not swap):
        writes.append(Write("memory.swap.max", "max", _at("memory", "swap"), is_optional=True))
    if limit:
        writes.append(Write("memory.max", str(limit) if limit > 0 else "max", _at("memory", "limit")))
    if memory.get("reservation"):
        value = str(memory["reservation"]) if memory["reservation"] > 0 else "max"
        writes.append(Write("memory.low", value, _at("memory", "reservation")))
    if memory.get("swappiness", SWAPPINESS_UNSET) != SWAPPINESS_UNSET:
        raise Unsupported(
            f"config.json#{_at('memory', 'swappiness')}: cgroup v2 has nothing like it", hint="leave it out"
        )
    return tuple(writes)


def weight_of_shares(shares: int) -> int:
    """cpu.weight, 1 to 10000, for v1's cpu.shares, 2 to 262144, so that the default of one is that of the other.

    The power of ten of the weight is the parabola, over the power of two of the shares, through (1, 0), (10, 2) and
    (18, 4): the ends of both scales, and their defaults, 1024 and 100.  runc has it from 1.4 on, crun from 1.23 on.
    """
    if shares <= SHARES_LEAST:
        return 1
    if shares >= SHARES_MOST:
        return WEIGHT_MOST
    from math import ceil, log2  # only who asks for shares pays for it

    power = log2(shares)
    return ceil(10 ** ((power * power + 125 * power - 126) / 612))


def io_weight(weight: int) -> int:
    """io.weight, 1 to 10000, for v1's blkio.weight, 10 to 1000."""
    return 1 + (weight - 10) * (WEIGHT_MOST - 1) // 990


def _cpu_v2(cpu: Mapping[str, Any]) -> tuple[Write, ...]:
    writes = list(_idle(cpu))
    if cpu.get("shares") and not cpu.get("idle"):
        writes.append(Write("cpu.weight", str(weight_of_shares(cpu["shares"])), _at("cpu", "shares")))
    quota, period = cpu.get("quota", 0), cpu.get("period") or DEFAULT_CPU_PERIOD_US
    if quota or cpu.get("period"):
        value = f"{quota if quota > 0 else 'max'} {period}"
        writes.append(Write("cpu.max", value, _at("cpu", "quota" if quota else "period")))
    return (*writes, *_burst(cpu, "cpu.max.burst"))


def _io_v2(block: Mapping[str, Any]) -> tuple[Write, ...]:
    writes = []
    if block.get("weight"):
        value, instead = f"default {io_weight(block['weight'])}", ("io.bfq.weight", f"default {block['weight']}")
        writes.append(Write("io.weight", value, _at("blockIO", "weight"), instead=instead))
    for index, device in enumerate(block.get("weightDevice", ())):
        if device.get("leafWeight"):
            raise Unsupported(
                f"config.json#{_at('blockIO', 'weightDevice', index, 'leafWeight')}: cgroup v2 has nothing like it",
                hint="leave it out",
            )
        name, weight = f"{device['major']}:{device['minor']}", device["weight"]
        instead = ("io.bfq.weight", f"{name} {weight}")
        value = f"{name} {io_weight(weight)}"
        writes.append(Write("io.weight", value, _at("blockIO", "weightDevice", index), instead=instead))
    for member, _, key in THROTTLES:
        for index, device in enumerate(block.get(member, ())):
            value = f"{device['major']}:{device['minor']} {key}={device['rate']}"
            writes.append(Write("io.max", value, _at("blockIO", member, index)))
    return tuple(writes)
