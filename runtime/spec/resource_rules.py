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

SWAPPINESS_MOST = 100
SWAPPINESS_UNSET = (1 << 64) - 1
PAGE_SIZE_UNITS = ("KB", "MB", "GB")


def _pointer(*parts: str | int) -> str:
    return pointer("linux", "resources", *parts)


def device_rules_use_letters_once(config: Config) -> None:
    for index, rule in enumerate(resources_of(config).get("devices", ())):
        access = rule.get("access", "")
        if len(set(access)) < len(access):
            raise SpecFault(
                _pointer("devices", index, "access"), f"{quote(access)} has a letter twice", hint='write it as in "rwm"'
            )


def swappiness_is_a_percentage(config: Config) -> None:
    """Docker passes its -1, for no wish, as an unsigned number."""
    swappiness = resources_of(config).get("memory", {}).get("swappiness", 0)
    if SWAPPINESS_MOST < swappiness < SWAPPINESS_UNSET:
        raise SpecFault(
            _pointer("memory", "swappiness"), f"{swappiness} is too large", hint=f"{SWAPPINESS_MOST} is the most"
        )


def burst_fits_into_quota(config: Config) -> None:
    cpu = resources_of(config).get("cpu", {})
    quota, burst = cpu.get("quota", 0), cpu.get("burst", 0)
    if 0 < quota < burst:
        raise SpecFault(
            _pointer("cpu", "burst"), f"{burst} is above the quota, {quota}", hint="lower burst or raise quota"
        )


def weights_are_given(config: Config) -> None:
    for index, device in enumerate(resources_of(config).get("blockIO", {}).get("weightDevice", ())):
        if "weight" not in device and "leafWeight" not in device:
            raise SpecFault(
                _pointer("blockIO", "weightDevice", index), "has no weight", hint="add weight, leafWeight or both"
            )


def page_sizes_have_a_unit(config: Config) -> None:
    for index, limit in enumerate(resources_of(config).get("hugepageLimits", ())):
        size = limit["pageSize"]
        number, unit = size[:-2], size[-2:]
        if unit not in PAGE_SIZE_UNITS or not number.isascii() or not number.isdigit() or number[0] == "0":
            raise SpecFault(
                _pointer("hugepageLimits", index, "pageSize"),
                f"{quote(size)} is no page size",
                hint="write it as in 64KB, 2MB, 1GB",
            )


def rdma_devices_have_a_limit(config: Config) -> None:
    for name, limits in resources_of(config).get("rdma", {}).items():
        if not limits.keys() & {"hcaHandles", "hcaObjects"}:
            raise SpecFault(_pointer("rdma", name), "has no limit", hint="add hcaHandles, hcaObjects or both")


def unified_names_are_file_names(config: Config) -> None:
    """Each key becomes a file in the container's cgroup, and nowhere else."""
    for name in resources_of(config).get("unified", {}):
        if "/" in name or not name.strip("."):
            raise SpecFault(
                _pointer("unified", name),
                "is no file of a cgroup",
                hint="name a file as in memory.high, without a path",
            )


RULES = (
    device_rules_use_letters_once,
    swappiness_is_a_percentage,
    burst_fits_into_quota,
    weights_are_given,
    page_sizes_have_a_unit,
    rdma_devices_have_a_limit,
    unified_names_are_file_names,
)
