"""Rules for linux.resources that hold for every version of cgroups.

Same form as in rules.py.  Source: runtime-spec, config-linux.md#control-groups.
"""

from __future__ import annotations

from runtime.errors import SpecFault
from runtime.spec.fields import resources_of
from runtime.spec.wording import pointer, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.spec.config import Config
    from runtime.spec.wording import Faults

SWAPPINESS_MOST = 100
SWAPPINESS_UNSET = (1 << 64) - 1
PAGE_SIZE_UNITS = ("KB", "MB", "GB")


def _pointer(*parts: str | int) -> str:
    return pointer("linux", "resources", *parts)


def device_rules_use_letters_once(config: Config) -> Faults:
    for index, rule in enumerate(resources_of(config).get("devices", ())):
        access = rule.get("access", "")
        if len(set(access)) < len(access):
            yield SpecFault(
                _pointer("devices", index, "access"), f"{quote(access)} has a letter twice", hint='write it as in "rwm"'
            )


def swappiness_is_a_percentage(config: Config) -> Faults:
    """Docker passes its -1, for no wish, as an unsigned number."""
    swappiness = resources_of(config).get("memory", {}).get("swappiness", 0)
    if SWAPPINESS_MOST < swappiness < SWAPPINESS_UNSET:
        yield SpecFault(
            _pointer("memory", "swappiness"), f"{swappiness} is too large", hint=f"{SWAPPINESS_MOST} is the most"
        )


def swap_holds_memory(config: Config) -> Faults:
    """What limits memory and swap together can't lie below what limits memory alone."""
    memory = resources_of(config).get("memory", {})
    limit, swap = memory.get("limit", 0), memory.get("swap", 0)
    if swap > 0 and (limit > swap or limit == -1):
        yield SpecFault(
            _pointer("memory", "swap"),
            f"{swap} is below memory.limit, {'which is unlimited' if limit == -1 else limit}",
            hint="it limits memory and swap together: raise it, or lower memory.limit",
        )


def burst_fits_into_quota(config: Config) -> Faults:
    cpu = resources_of(config).get("cpu", {})
    quota, burst = cpu.get("quota", 0), cpu.get("burst", 0)
    if 0 < quota < burst:
        yield SpecFault(
            _pointer("cpu", "burst"), f"{burst} is above the quota, {quota}", hint="lower burst or raise quota"
        )


def weights_are_given(config: Config) -> Faults:
    for index, device in enumerate(resources_of(config).get("blockIO", {}).get("weightDevice", ())):
        if "weight" not in device and "leafWeight" not in device:
            yield SpecFault(
                _pointer("blockIO", "weightDevice", index), "has no weight", hint="add weight, leafWeight or both"
            )


def page_sizes_have_a_unit(config: Config) -> Faults:
    for index, limit in enumerate(resources_of(config).get("hugepageLimits", ())):
        size = limit["pageSize"]
        number, unit = size[:-2], size[-2:]
        if unit not in PAGE_SIZE_UNITS or not number.isascii() or not number.isdigit() or number[0] == "0":
            yield SpecFault(
                _pointer("hugepageLimits", index, "pageSize"),
                f"{quote(size)} is no page size",
                hint="write it as in 64KB, 2MB, 1GB",
            )


def rdma_devices_have_a_limit(config: Config) -> Faults:
    for name, limits in resources_of(config).get("rdma", {}).items():
        if not limits.keys() & {"hcaHandles", "hcaObjects"}:
            yield SpecFault(_pointer("rdma", name), "has no limit", hint="add hcaHandles, hcaObjects or both")


def unified_names_are_file_names(config: Config) -> Faults:
    """Each key becomes a file in the container's cgroup, and nowhere else."""
    for name in resources_of(config).get("unified", {}):
        if "/" in name or not name.strip("."):
            yield SpecFault(
                _pointer("unified", name),
                "is no file of a cgroup",
                hint="name a file as in memory.high, without a path",
            )


RULES = (
    device_rules_use_letters_once,
    swappiness_is_a_percentage,
    swap_holds_memory,
    burst_fits_into_quota,
    weights_are_given,
    page_sizes_have_a_unit,
    rdma_devices_have_a_limit,
    unified_names_are_file_names,
)
