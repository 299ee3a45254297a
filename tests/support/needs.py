"""What a test needs of the machine, the kernel and the user: ``@needs("root", "program:jq")``.

Where a need is missing the test skips, and says why; it fails where the environment variable RUNF_TEST_MUST_HAVE names
that need, as continuous integration does with what it has installed.  Each is looked for once, when a test first asks.

    RUNF_TEST_MUST_HAVE="program:jq,user namespaces"
"""

from __future__ import annotations

import functools
import os
import pwd
import resource
import shutil
import subprocess
from typing import TYPE_CHECKING, NoReturn

import pytest

from runtime.cgroups import hierarchy
from runtime.kernel import bpf, libseccomp, lsm
from tests.support.cgroups import CGROUPS, REAL, enter_v2, read
from tests.support.forked import in_child

if TYPE_CHECKING:
    from collections.abc import Callable

MUST_HAVE = "RUNF_TEST_MUST_HAVE"
ALLOW_ALL = bytes([0xB7, 0, 0, 0, 1, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0])  # r0 = 1; exit
SYSTEM_BUS = "/run/dbus/system_bus_socket"
V1_ALONE = {"pids", "memory", "freezer", "devices", "cpuset"}

needs = pytest.mark.needs


def require(*names: str) -> None:
    """Skip or fail the running test unless all of ``names`` are here."""
    for name in names:
        reason = why_missing(name)
        if reason is not None:
            _give_up(name, reason)


def _give_up(name: str, reason: str) -> NoReturn:
    if name in must_have():
        pytest.fail(f"{MUST_HAVE} names {name!r}, and this is missing: {reason}", pytrace=False)
    pytest.skip(reason)


def must_have() -> set[str]:
    """The needs that may not be missing; a ValueError names one that nobody knows."""
    names = {name.strip() for name in os.environ.get(MUST_HAVE, "").split(",")} - {""}
    for name in names:
        _find(name)
    return names


@functools.cache
def why_missing(name: str) -> str | None:
    """In words; None where it is here."""
    look, about = _find(name)
    return look(about)


def _find(name: str) -> tuple[Callable[[str], str | None], str]:
    kind, _, about = name.partition(":")
    if kind not in NEEDS or bool(about) != (kind in WITH_A_NAME):
        raise ValueError(f"no such need: {name!r}; there are {', '.join(sorted(NEEDS))}")
    return NEEDS[kind], about


def _root(_: str) -> str | None:
    return None if os.geteuid() == 0 else "needs root in the initial user namespace"


def _ordinary_user(_: str) -> str | None:
    return "needs an ordinary user" if os.geteuid() == 0 else None


def _subordinate_ids(_: str) -> str | None:
    if os.geteuid() == 0:
        return "needs an ordinary user with ranges in /etc/subuid and /etc/subgid"
    tools = [tool for tool in ("newuidmap", "newgidmap") if shutil.which(tool) is None]
    if tools:
        return f"needs {' and '.join(tools)}: apt install uidmap"
    try:
        own = (pwd.getpwuid(os.geteuid()).pw_name, str(os.geteuid()))
    except KeyError:
        return "needs a user of /etc/passwd"
    for name in ("/etc/subuid", "/etc/subgid"):
        with open(name) as granted:
            if not any(line.split(":")[0] in own for line in granted):
                return f"needs a range in {name}"
    return None


def _user_namespaces(_: str) -> str | None:
    switches = ("user/max_user_namespaces", "kernel/unprivileged_userns_clone")
    is_off = any(_sysctl(name) == "0" for name in switches)
    return "needs user namespaces for ordinary users" if is_off else None


def _sysctl(name: str) -> str:
    try:
        with open(f"/proc/sys/{name}") as parameter:
            return parameter.read().strip()
    except FileNotFoundError:
        return ""


def _containers(_: str) -> str | None:
    kinds = ("--mount", "--pid", "--fork") if os.geteuid() == 0 else ("--user", "--map-root-user")
    done = subprocess.run(["unshare", *kinds, "true"], capture_output=True, check=False)
    if done.returncode == 0:
        return None
    return "root here may not make namespaces" if os.geteuid() == 0 else "this user may not make user namespaces"


def _program(name: str) -> str | None:
    return None if shutil.which(name) else f"needs {name}"


def _linux(version: str) -> str | None:
    running = os.uname().release.split("-")[0].split(".")[:2]
    is_enough = [int(part) for part in running] >= [int(part) for part in version.split(".")]
    return None if is_enough else f"needs Linux {version}"


def _file(path: str) -> str | None:
    return None if os.path.exists(path) else f"needs {path}"


def _cgroups(_: str) -> str | None:
    return None if hierarchy.find_version(REAL) else "needs cgroups"


def _cgroup1(_: str) -> str | None:
    has = set()
    if hierarchy.find_version(REAL) == 1:
        has = {controller for each in hierarchy.find_hierarchies(REAL) for controller in each.controllers()}
    return None if has >= V1_ALONE else f"needs the cgroup v1 hierarchies of {sorted(V1_ALONE)}"


@functools.cache
def _v2_controllers() -> list[str] | None:
    """Those that v2 has here, since none of v1 holds them; None where there is no v2."""

    def look() -> object:
        try:
            enter_v2()
        except OSError:
            return None
        return read(CGROUPS, "cgroup.controllers").split()

    found: list[str] | None = in_child(look) if os.geteuid() == 0 else None
    return found


def _cgroup2(_: str) -> str | None:
    return "needs root, and a kernel that mounts cgroup2" if _v2_controllers() is None else None


def _cgroup2_controller(name: str) -> str | None:
    return None if name in (_v2_controllers() or ()) else f"needs the controller {name} on cgroup v2"


def _real_cgroup2_controller(name: str) -> str | None:
    reason = f"needs a machine of cgroup v2 with the controller {name}"
    if hierarchy.find_version(REAL) != 2:
        return reason
    return None if name in read(CGROUPS, "cgroup.controllers").split() else reason


def _delegated_cgroup_controller(name: str) -> str | None:
    above = delegated_directory()
    if above is None:
        return "needs an ordinary user with a delegated cgroup of version 2"
    return None if name in read(above, "cgroup.controllers").split() else f"needs a delegated cgroup with {name}"


def delegated_directory() -> str | None:
    """The cgroup above our own, where that is an ordinary user's to make others in; on v2 only."""
    if os.geteuid() == 0 or hierarchy.find_version(REAL) != 2:
        return None
    above = os.path.dirname(hierarchy.own_directory(REAL, None))
    is_ours = os.access(above, os.W_OK) and os.access(f"{above}/cgroup.procs", os.W_OK)
    return above if is_ours else None


def _device_programs(_: str) -> str | None:
    try:
        os.close(bpf.load_device_program(ALLOW_ALL))
    except OSError as error:
        return f"needs root and a kernel with BPF_PROG_TYPE_CGROUP_DEVICE: {error.strerror}"
    return None


def _systemd(_: str) -> str | None:
    """A root of cgroups that systemd manages, and a bus to ask it over: the system's for root, else the user's."""
    own = f"{os.environ.get('XDG_RUNTIME_DIR') or f'/run/user/{os.geteuid()}'}/bus"
    bus = SYSTEM_BUS if os.geteuid() == 0 else own
    is_here = os.path.isdir("/run/systemd/system") and os.path.exists(bus) and hierarchy.find_version(REAL) == 2
    return None if is_here else "needs cgroup v2 with systemd as its manager, and its bus"


def _systemd_on_cgroup1(_: str) -> str | None:
    is_here = os.path.isdir("/run/systemd/system") and os.path.exists(SYSTEM_BUS) and hierarchy.find_version(REAL) == 1
    return None if is_here else "needs cgroup v1 with systemd as its manager, and its bus"


def _criu(_: str) -> str | None:
    """One that this kernel lets work: criu is as old as its distribution, and looks into the kernel deeply."""
    if os.geteuid() != 0 or shutil.which("criu") is None:
        return "needs root and criu"
    done = subprocess.run(["criu", "check"], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"needs a criu that works on this kernel: {done.stderr.strip()[-200:]}"


def _libseccomp(_: str) -> str | None:
    try:
        libseccomp.version()
    except OSError:
        return f"needs libseccomp: apt install {libseccomp.PACKAGE}"
    return None


def _apparmor(_: str) -> str | None:
    return None if lsm.has_apparmor() and os.geteuid() == 0 else "needs root and a kernel with AppArmor"


def _unlimited_files(_: str) -> str | None:
    is_unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    return None if is_unlimited else "needs files without a limit"


OF_CONTROLLERS = ("cgroup2 controller", "real cgroup2 controller", "delegated cgroup controller")
WITH_A_NAME = ("program", "linux", "file", *OF_CONTROLLERS)
NEEDS: dict[str, Callable[[str], str | None]] = {
    "root": _root,
    "an ordinary user": _ordinary_user,
    "subordinate ids": _subordinate_ids,
    "user namespaces": _user_namespaces,
    "containers": _containers,
    "cgroups": _cgroups,
    "cgroup1": _cgroup1,
    "cgroup2": _cgroup2,
    "cgroup2 controller": _cgroup2_controller,
    "real cgroup2 controller": _real_cgroup2_controller,
    "delegated cgroup controller": _delegated_cgroup_controller,
    "device programs": _device_programs,
    "systemd": _systemd,
    "systemd on cgroup1": _systemd_on_cgroup1,
    "criu": _criu,
    "libseccomp": _libseccomp,
    "apparmor": _apparmor,
    "unlimited files": _unlimited_files,
    "program": _program,
    "linux": _linux,
    "file": _file,
}
