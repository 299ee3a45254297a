"""What config.json sets on the container's own kernel objects: names, parameters, limits.

Source: runtime-spec: config.md#hostname, #domainname, #posix-process, config-linux.md#sysctl.
"""

from __future__ import annotations

import _socket
import errno
import os

from runtime.errors import InitFault
from runtime.kernel.limits import NUMBERS, set_limit
from runtime.kernel.network import loopback_up
from runtime.kernel.sysctl import set_domain_name, sysctl_parts, write_sysctl
from runtime.sandbox.program import CONFIG_PLACE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NamedTuple
else:
    from runtime.values import NamedTuple


class SettingsPlan(NamedTuple):
    """``None`` and empty ask for nothing; ``rlimits`` are (number, soft, hard, name).

    ``place`` is where the limits and the score are written, for messages.
    """

    hostname: str | None
    domainname: str | None
    sysctls: tuple[tuple[tuple[str, ...], str], ...]
    rlimits: tuple[tuple[int, int, int, str], ...]
    oom_score_adj: int | None
    sets_loopback: bool
    is_rootless: bool
    place: str


def plan_settings(config: Mapping[str, Any], *, rootless: bool, place: str = CONFIG_PLACE) -> SettingsPlan:
    """The settings of a checked config."""
    linux = config.get("linux", {})
    process = config["process"]
    new = [entry["type"] for entry in linux.get("namespaces", ()) if not entry.get("path")]
    return SettingsPlan(
        hostname=config.get("hostname"),
        domainname=config.get("domainname"),
        sysctls=tuple((sysctl_parts(name), value) for name, value in linux.get("sysctl", {}).items()),
        rlimits=tuple(
            (NUMBERS[limit["type"]], limit["soft"], limit["hard"], limit["type"])
            for limit in process.get("rlimits", ())
        ),
        oom_score_adj=process.get("oomScoreAdj"),
        sets_loopback="network" in new,
        is_rootless=rootless,
        place=place,
    )


def set_names(plan: SettingsPlan) -> None:
    """Host name, domain name, the loopback, and the kernel parameters of our own namespaces."""
    if plan.hostname is not None:
        _socket.sethostname(plan.hostname)
    if plan.domainname is not None:
        set_domain_name(plan.domainname)
    if plan.sets_loopback:
        loopback_up()
    for index, (parts, value) in enumerate(plan.sysctls):
        try:
            write_sysctl(parts, value)
        except OSError as error:
            name = ".".join(parts)
            told = f"config.json#/linux/sysctl (entry {index + 1}): {name} can't be set to {value!r}: {error.strerror}"
            raise InitFault("sysctl", error.errno, told) from error


def set_oom_score(plan: SettingsPlan) -> None:
    """Adjust how soon the OOM killer takes us; lowering it needs CAP_SYS_RESOURCE, which an ordinary user lacks."""
    if plan.oom_score_adj is None:
        return
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, b"%d" % plan.oom_score_adj)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno == errno.EACCES and plan.is_rootless:
            return  # callers pass a value for everybody, and an ordinary user's container must run all the same
        told = f"{plan.place}/oomScoreAdj: {plan.oom_score_adj} can't be set: {error.strerror}"
        raise InitFault("oom score", error.errno, told) from error


def set_limits(plan: SettingsPlan) -> None:
    """Set the resource limits; raising a hard limit needs CAP_SYS_RESOURCE."""
    for number, soft, hard, name in plan.rlimits:
        try:
            set_limit(number, soft, hard)
        except OSError as error:
            told = f"{plan.place}/rlimits: {name} can't be set to {soft}, {hard}: {error.strerror}"
            raise InitFault("rlimits", error.errno, told) from error
