"""Network devices of the host that move into the container: by their index, with the addresses that are for good.

The maker moves them while the first process waits for its word, since both network namespaces are within its reach
then.  What fails takes all of them back: the end of a namespace would destroy a virtual device.
Source: runtime-spec: config-linux.md#network-devices; rtnetlink(7).
"""

from __future__ import annotations

import os

from runtime.errors import InitFault, Unsupported
from runtime.kernel import process
from runtime.kernel.rtnetlink import (
    IFA_F_PERMANENT,
    RT_SCOPE_UNIVERSE,
    add_address,
    addresses,
    links,
    move_link,
    open_netlink,
    set_link_up,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Mapping, Sequence
    from typing import Any, NamedTuple

    from runtime.kernel.rtnetlink import Address, Link
else:
    from runtime.values import NamedTuple

STEP = "network devices"


class NetDevice(NamedTuple):
    """The device ``name`` of the host, and what it is called in the container."""

    name: str
    inside: str


class Moved(NamedTuple):
    """A device that is in the container: what it was on the host, and its index now."""

    device: NetDevice
    before: Link
    kept: tuple[Address, ...]
    ifindex: int


def plan_net_devices(config: Mapping[str, Any], *, rootless: bool) -> tuple[NetDevice, ...]:
    """The devices that a checked config asks for.  Unsupported."""
    asked = config.get("linux", {}).get("netDevices", {})
    if asked and rootless:
        raise Unsupported(
            "config.json#/linux/netDevices: only root may move network devices of the host", hint="leave them out"
        )
    return tuple(NetDevice(name, entry.get("name") or name) for name, entry in asked.items())


class NetDevices:
    """Those that are moved between the network namespace that we are in and that of the process ``pid``."""

    def __init__(self, pid: int) -> None:
        self._outer_fd = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._inner_fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._outer = open_netlink()
        self._inner = self._open_inside()
        self._moved: list[Moved] = []

    def _open_inside(self) -> _socket.socket:
        process.setns(self._inner_fd, process.CLONE_NEWNET)
        try:
            return open_netlink()
        finally:
            process.setns(self._outer_fd, process.CLONE_NEWNET)

    def move(self, devices: Sequence[NetDevice]) -> None:
        """Move them all, or none.  InitFault names the device."""
        try:
            for device in devices:
                self._move(device)
        except BaseException:
            self.take_back()
            raise

    def _move(self, device: NetDevice) -> None:
        pointer = f"config.json#/linux/netDevices/{device.name}"
        before = next((link for link in links(self._outer) if link.name == device.name), None)
        if before is None:
            raise InitFault(STEP, None, f"{pointer}: the host has no such network device")
        inside = {link.ifindex: link.name for link in links(self._inner)}
        if device.inside in inside.values():
            raise InitFault(STEP, None, f"{pointer}: the container has a network device {device.inside} already")
        try:
            kept = tuple(each for each in addresses(self._outer, before.ifindex) if _is_kept(each))
            move_link(self._outer, before.ifindex, device.inside, self._inner_fd)
            ifindex = next(link.ifindex for link in links(self._inner) if link.ifindex not in inside)
            self._moved.append(Moved(device, before, kept, ifindex))
            for address in kept:
                add_address(self._inner, ifindex, address)
            set_link_up(self._inner, ifindex)
        except OSError as error:
            told = f"{pointer}: it can't become {device.inside} in the container: {error.strerror}"
            raise InitFault(STEP, error.errno, told) from error

    def take_back(self) -> None:
        """Each of them is what it was on the host again."""
        while self._moved:
            moved = self._moved.pop()
            move_link(self._inner, moved.ifindex, moved.device.name, self._outer_fd)
            ifindex = next(link.ifindex for link in links(self._outer) if link.name == moved.device.name)
            for address in moved.kept:
                add_address(self._outer, ifindex, address)
            if moved.before.is_up:
                set_link_up(self._outer, ifindex)

    def close(self) -> None:
        """Leave them where they are."""
        for connection in (self._outer, self._inner):
            connection.close()
        for fd in (self._outer_fd, self._inner_fd):
            os.close(fd)


def _is_kept(address: Address) -> bool:
    return bool(address.flags & IFA_F_PERMANENT) and address.scope == RT_SCOPE_UNIVERSE
