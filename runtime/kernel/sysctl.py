"""Kernel parameters (sysctl(8), proc(5))."""

from __future__ import annotations

import errno
import os

from runtime.kernel import numbers
from runtime.kernel.files import PROC_SUPER_MAGIC, statfs_type
from runtime.kernel.libc import syscall


def sysctl_parts(name: str) -> tuple[str, ...]:
    """The path of a kernel parameter below /proc/sys; the first separator decides what the other one means.

    As in sysctl(8): ``net.ipv4.conf.eth0/1.forwarding`` and ``net/ipv4/conf/eth0.1/forwarding`` are one.
    """
    slash, dot = name.find("/"), name.find(".")
    if slash >= 0 and (dot < 0 or slash < dot):
        return tuple(name.split("/"))
    return tuple(part.replace("/", ".") for part in name.split("."))


def is_sysctl(parts: tuple[str, ...]) -> bool:
    """Whether that can be the name of one."""
    return not any(part in ("", ".", "..") or "/" in part for part in parts)


def sysctl_path(parts: tuple[str, ...], proc: str = "/proc") -> str:
    """The file of a parameter."""
    return "/".join((proc, "sys", *parts))


def set_domain_name(name: str) -> None:
    """Set the NIS domain name of our UTS namespace; setdomainname(2).  Its sysctl only the host's root may write."""
    encoded = name.encode()
    syscall(numbers.SETDOMAINNAME, encoded, len(encoded), text=f"setdomainname({name})")


def write_sysctl(parts: tuple[str, ...], value: str, proc: str = "/proc") -> None:
    """Set the parameter in the namespaces that we are in; OSError, also where ``proc`` is no procfs."""
    if not is_sysctl(parts):
        raise OSError(errno.EINVAL, f"{'/'.join(parts)} is no name of a kernel parameter")
    path = sysctl_path(parts, proc)
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if statfs_type(fd) != PROC_SUPER_MAGIC:
            raise OSError(errno.ENOTDIR, f"{path} does not lie on procfs")
        os.write(fd, value.encode())
    finally:
        os.close(fd)
