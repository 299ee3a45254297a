"""The set-up of a container's first process as a list of system calls, where no interpreter is needed for it.

What many containers ask for is known before the first process is there: every path, flag and number. So that process
becomes the stub at once, which carries out what init.py would (the same steps in the same order) as a list (calls.py):
it copies no page of the interpreter, and nothing of ours but some hundred bytes is ever in the container.

A list can't judge.  Where a call returns what it isn't to expect, the stub ends with FAILED, and the container is begun
anew with init.py, which meets the same, knows what to do about it, or tells in words why it can't be done.  ``fits``
tells for which plans there is a list at all.
"""

from __future__ import annotations

import errno
import os
import stat
from _struct import pack

from runtime.kernel import mount, numbers, process
from runtime.kernel.capabilities import (
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_CLEAR_ALL,
    PR_CAP_AMBIENT_RAISE,
    PR_CAPBSET_DROP,
    capability_structures,
    get_capabilities,
)
from runtime.kernel.files import RESOLVE_NO_MAGICLINKS
from runtime.kernel.keyring import KEYCTL_JOIN_SESSION_KEYRING
from runtime.kernel.limits import limit_structure
from runtime.kernel.network import SIOCSIFFLAGS, request_up
from runtime.kernel.process import AT_FDCWD, AT_RECURSIVE
from runtime.kernel.signals import LIBC_SIGNALS, changed_signals
from runtime.kernel.sockets import MSG_NOSIGNAL
from runtime.kernel.sysctl import is_sysctl, sysctl_path
from runtime.sandbox import devices
from runtime.sandbox.calls import LOOK, NO_RESULT, PROGRAM, WHATEVER, Calls, Kept
from runtime.sandbox.capabilities import grantable
from runtime.sandbox.channel import ALIVE_BUT_UNHEARD
from runtime.sandbox.identity import stdio_owners
from runtime.sandbox.mount_calls import O_DIRECTORY, O_FOR_PATH, MountCalls, can_mount
from runtime.sandbox.mount_options import Attributes, MountOptions
from runtime.sandbox.resolve import IN_ROOT, PLAIN
from runtime.sandbox.rootfs import propagation_of_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import NamedTuple

    from runtime.sandbox.plan import InitPlan
else:
    from runtime.values import NamedTuple

AT = 0x10000000  # where the list is read to, out of the way of the stub and of its stack
CALLS_ROOM_BYTES = 1 << 17
TEXTS_ROOM_BYTES = 1 << 16
JOINED_KINDS = ("ipc", "network", "uts")  # in the others the set-up itself would have to be guarded, or is another one
JOINED_LIMIT = 64  # hierarchies of cgroup v1
LAST_FD = 0xFFFFFFFF
_AT_EACCESS = 0x200
_STATX_BYTES, _STATX_MODE_OFFSET, _STATX_TYPE = 256, 28, 1  # linux/stat.h
_GO_BYTES = 64
_SIGSET_BYTES = 8
_SIG_SETMASK = 2
_AF_INET, _SOCK_DGRAM_CLOEXEC = 2, 0o2000002
_EMPTY_DIRECTORY = MountOptions(own=Attributes(attr_set=mount.MOUNT_ATTR_RDONLY), data=("nr_inodes=1",))
_STUB_SIGNALS = range(1, 16)  # which the stub takes itself, and leaves at their default (stub.py)


def fits(plan: InitPlan) -> bool:
    """Whether a list can do what ``plan`` asks for: nothing in it needs judgement, or a word with its maker."""
    spaces = plan.namespaces
    held = get_capabilities()[1]
    sets = plan.capabilities
    return not (
        plan.waits_at_once
        or plan.in_userns
        or not all(joined.kind in JOINED_KINDS for joined in spaces.joined)
        or spaces.offsets
        or "time" in spaces.new
        or plan.create_hooks
        or plan.start_hooks
        or plan.announces_mounts
        or plan.no_pivot
        or plan.scheduling
        or plan.program.has_terminal
        or plan.program.listen_fds
        or any(plan.lsm[:3])
        or plan.root.spreads
        or not all(is_sysctl(parts) for parts, _ in plan.settings.sysctls)
        or plan.devices.binds
        or any(os.path.dirname(node.path) != "/dev" for node in plan.devices.nodes)
        or not all(can_mount(step, plan) for step in plan.mounts)
        or sets.bounding & ~held
        or grantable(sets, held) != sets
    )


def add_closing(calls: Calls, first: int, keep: Iterable[int]) -> None:
    """Close all fds from ``first`` on, but for those to keep, which become CLOEXEC."""
    start = first
    for fd in sorted(keep):
        if fd > start:
            calls.add(numbers.CLOSE_RANGE, start, fd - 1, 0)
        start = fd + 1
    calls.add(numbers.CLOSE_RANGE, start, LAST_FD, 0)
    calls.add(numbers.CLOSE_RANGE, first, LAST_FD, process.CLOSE_RANGE_CLOEXEC)


class FirstFds(NamedTuple):
    """The first process's own: ``joined`` and those after it are of the cgroups that it enters by itself."""

    channel: int
    gate: int
    outcome: int
    joined: int


def set_up(
    plan: InitPlan,
    base: int,
    *,
    fds: FirstFds,
    held: int,
    candidates: Sequence[int],
    back: int,
    ready: bytes,
) -> tuple[bytes, bytes] | None:
    """The calls, and what they point to, for the two halves of the room at AT; None where there is no room for them.

    ``base`` is where the stub has its DATA, ``back`` the address of the call after the list, ``held`` the mask of the
    capabilities that it waits with, ``candidates`` are the addresses of the program's paths.  ``ready`` is sent into
    the fd of the channel, which is that of the outcome after this.
    """
    calls = _FirstCalls(base, plan, fds, held, candidates)
    last = calls.add_all(ready)
    calls.follow(last, back)
    made = calls.calls(), calls.texts()
    return made if len(made[0]) <= CALLS_ROOM_BYTES and len(made[1]) <= TEXTS_ROOM_BYTES else None


class _FirstCalls(MountCalls):
    def __init__(self, base: int, plan: InitPlan, fds: FirstFds, held: int, candidates: Sequence[int]) -> None:
        super().__init__(base, AT, AT + CALLS_ROOM_BYTES, plan)
        self.fds = fds
        self.held = held
        self.candidates = candidates
        self.program_at = base + PROGRAM
        self._stat = self.hold(bytes(_STATX_BYTES))

    def add_all(self, ready: bytes) -> int:
        """STEPS of init.py; the last call."""
        plan = self.plan
        begin = self.add(numbers.UMASK, 0)
        self.failing = self.here()
        self.add(numbers.CLOSE, -1)
        gone = self.here()
        self.add(numbers.EXIT_GROUP, ALIVE_BUT_UNHEARD)
        self.follow(begin, self.here())
        for index, _ in enumerate(plan.cgroup.join_fds):
            self.add(numbers.WRITE, self.fds.joined + index, self.path("0"), 1)
        self._settle()
        self.add(numbers.SETSID)
        if plan.joins_keyring:
            name = self.path(plan.session_keyring)
            self.add(numbers.KEYCTL, KEYCTL_JOIN_SESSION_KEYRING, name, at_least=WHATEVER)
        self._set_names()
        self._prepare_root()
        for step in plan.mounts:
            self.mount(step)
        if plan.root.cwd != "/":
            self.make_directory(plan.root.cwd)
        self.lead(self.add(numbers.READ, self.fds.channel, self.hold(bytes(_GO_BYTES)), _GO_BYTES, instead=0), gone)
        self._make_devices()
        self._protect()
        self._enter()
        for number, soft, hard, _ in plan.settings.rlimits:
            self.add(numbers.PRLIMIT64, 0, number, self.hold(limit_structure(soft, hard)), 0)
        self._take_identity()
        self._find_program()
        self.add(numbers.UMASK, plan.identity.umask)
        how = (self.fds.channel, self.hold(ready), len(ready), MSG_NOSIGNAL)
        self.lead(self.add(numbers.SENDTO, *how, instead=-errno.EPIPE), gone)
        self.add(numbers.DUP3, self.fds.outcome, self.fds.channel, os.O_CLOEXEC)
        return self.add(numbers.CLOSE, self.fds.outcome)

    def _settle(self) -> None:
        plan = self.plan
        if plan.settings.oom_score_adj is not None:
            text = b"%d" % plan.settings.oom_score_adj
            fd = self.keep(numbers.OPENAT, AT_FDCWD, self.path("/proc/self/oom_score_adj"), os.O_WRONLY | os.O_CLOEXEC)
            self.add(numbers.WRITE, fd, self.hold(text), len(text))
        default = self.hold(bytes(32))
        for number in (*(each for each in changed_signals() if each not in _STUB_SIGNALS), *LIBC_SIGNALS):
            self.add(numbers.RT_SIGACTION, number, default, 0, _SIGSET_BYTES)
        self.add(numbers.RT_SIGPROCMASK, _SIG_SETMASK, self.hold(bytes(_SIGSET_BYTES)), 0, _SIGSET_BYTES)
        if "cgroup" in plan.namespaces.new:
            self.add(numbers.UNSHARE, process.CLONE_NEWCGROUP)

    def _set_names(self) -> None:
        settings = self.plan.settings
        for number, name in ((numbers.SETHOSTNAME, settings.hostname), (numbers.SETDOMAINNAME, settings.domainname)):
            if name is not None:
                self.add(number, self.path(name), len(name.encode()))
        if settings.sets_loopback:
            connection = self.keep(numbers.SOCKET, _AF_INET, _SOCK_DGRAM_CLOEXEC, 0)
            self.add(numbers.IOCTL, connection, SIOCSIFFLAGS, self.hold(request_up("lo")))
        for parts, value in settings.sysctls:
            path = self.path(sysctl_path(parts))
            fd = self.keep(numbers.OPENAT, AT_FDCWD, path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            on_procfs = self.look_for_procfs(fd)
            self.follow(on_procfs, self.failing)
            self.lead(on_procfs, self.here())
            self.add(numbers.WRITE, fd, self.path(value), len(value.encode()))

    def _prepare_root(self) -> None:
        root = self.plan.root
        self.add(numbers.MOUNT, 0, self.path("/"), 0, mount.MS_REC | propagation_of_all(root), 0)
        flags = mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | AT_RECURSIVE
        path = self.path(root.path)
        self.root = self.keep(numbers.OPEN_TREE, AT_FDCWD, path, flags)
        self.add(numbers.MOVE_MOUNT, self.root, self.empty, AT_FDCWD, path, mount.MOVE_MOUNT_F_EMPTY_PATH)
        if not root.propagation & mount.MS_SLAVE:
            self.set_attributes(self.root, propagation=mount.MS_PRIVATE)

    # what follows the maker's word

    def _make_devices(self) -> None:
        plan = self.plan.devices
        if not (plan.nodes or plan.fills_dev):
            return
        directory = self.make_directory("/dev", PLAIN)
        for node in plan.nodes:
            name = self.path(os.path.basename(node.path))
            self.add(numbers.MKNODAT, directory, name, node.kind | node.mode, os.makedev(node.major, node.minor))
            if node.uid or node.gid:
                self.add(numbers.FCHOWNAT, directory, name, node.uid, node.gid, process.AT_SYMLINK_NOFOLLOW)
        for link, leads_to in devices.links() if plan.fills_dev else ():
            there = self.add(numbers.SYMLINKAT, self.path(leads_to), directory, self.path(link), instead=-errno.EEXIST)
            self.lead(there, self.here())

    def _protect(self) -> None:
        root = self.plan.root
        for path in root.readonly:
            target, missing = self._open_if_there(path)
            tree = self.clone(target, AT_RECURSIVE)
            self.set_attributes(tree, recursive=True, attr_set=mount.MOUNT_ATTR_RDONLY)
            self.attach(tree, target)
            self.lead(missing, self.here())
        null = None
        for path in root.masked:
            if null is None:
                null = self.keep(numbers.OPENAT, AT_FDCWD, self.path(devices.NULL), O_FOR_PATH | os.O_NOFOLLOW)
            self._mask(path, null)
        if root.is_readonly:
            self.set_attributes(self.root, attr_set=mount.MOUNT_ATTR_RDONLY)

    def _open_if_there(self, path: str) -> tuple[Kept, int]:
        """Its fd, and the call that is to lead behind all that is done with it."""
        target = self.slot()
        opening = self.opening(path, O_FOR_PATH, IN_ROOT)
        return target, self.add(numbers.OPENAT2, *opening, keep_at=target, instead=-errno.ENOENT)

    def _mask(self, path: str, null: Kept) -> None:
        target, missing = self._open_if_there(path)
        is_file = self.add(numbers.OPENAT2, *self.opening(".", O_DIRECTORY, PLAIN, target), instead=-errno.ENOTDIR)
        done = self.attach(self.filesystem("tmpfs", "", _EMPTY_DIRECTORY), target)
        self.lead(is_file, self.here())
        self.attach(self.clone(null), target)
        self.follow(done, self.here())
        self.lead(missing, self.here())

    def _enter(self) -> None:
        root = self.plan.root
        here = self.path(".")
        self.add(numbers.FCHDIR, self.root)
        old_root = self.keep(numbers.OPENAT, AT_FDCWD, self.path("/"), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.add(numbers.PIVOT_ROOT, here, here)
        self.add(numbers.FCHDIR, old_root)
        self.add(numbers.MOUNT, 0, here, 0, mount.MS_SLAVE | mount.MS_REC, 0)  # see entering.py
        self.add(numbers.UMOUNT2, here, mount.MNT_DETACH)
        self.add(numbers.CHDIR, self.path("/"))
        if root.propagation:
            self.add(numbers.MOUNT, 0, self.path("/"), 0, root.propagation, 0)
        add_closing(self, self.fds.channel, self.fds[:3])
        how = self.hold(pack("=3Q", O_DIRECTORY, 0, RESOLVE_NO_MAGICLINKS))  # nor through an fd out of the root
        directory = self.keep(numbers.OPENAT2, AT_FDCWD, self.path(root.cwd), how, 24)
        self.add(numbers.FCHDIR, directory)
        self.add(numbers.CLOSE, directory)

    def _take_identity(self) -> None:
        identity, sets = self.plan.identity, self.plan.capabilities
        for fd, uid, gid in stdio_owners(identity):
            self.add(numbers.FCHOWN, fd, uid, gid, at_least=WHATEVER)
        held = get_capabilities()[1]
        for number in range(held.bit_length()):
            if not sets.bounding >> number & 1:
                self.add(numbers.PRCTL, PR_CAPBSET_DROP, number)
        self.add(numbers.PRCTL, process.PR_SET_KEEPCAPS, 1)
        if identity.sets_groups:
            groups = pack(f"={len(identity.groups)}I", *identity.groups)
            self.add(numbers.SETGROUPS, len(identity.groups), self.hold(groups))
        self.add(numbers.SETRESGID, *(identity.gid,) * 3)
        self.add(numbers.SETRESUID, *(identity.uid,) * 3)
        self.add(numbers.PRCTL, process.PR_SET_KEEPCAPS, 0)
        header, data = capability_structures(self.held, self.held, sets.inheritable)
        self.add(numbers.CAPSET, self.hold(header), self.hold(data))
        self.add(numbers.PRCTL, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
        for number in range(sets.ambient.bit_length()):
            if sets.ambient >> number & 1:
                self.add(numbers.PRCTL, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number)
        if self.plan.program.no_new_privs:
            self.add(numbers.PRCTL, process.PR_SET_NO_NEW_PRIVS, 1)

    def _find_program(self) -> None:
        """The first of the paths that is there, for the stub's PROGRAM; it has to be a file that may be executed."""
        found = []
        mode = self._stat + _STATX_MODE_OFFSET
        for address in self.candidates:
            is_last = address == self.candidates[-1]
            there = self.add(
                numbers.STATX,
                *(AT_FDCWD, address, 0, _STATX_TYPE, self._stat),
                instead=NO_RESULT if is_last else -errno.ENOENT,
            )
            self.lead(self.add(LOOK, mode, stat.S_IFMT(0xFFFF), instead=stat.S_IFDIR), self.failing)
            how = (AT_FDCWD, address, os.X_OK, _AT_EACCESS)
            found.append(self.add(numbers.FACCESSAT2, *how, keep_at=self.program_at, more=address))
            self.lead(there, self.here())
        for each in found:
            self.follow(each, self.here())


def held_while_waiting(plan: InitPlan, retained: int) -> int:
    """The mask of what the stub holds: what its own execve(2) would leave it (capabilities(7)), and ``retained``.

    So the program's execve gains nothing; see confinement.py.
    """
    sets = plan.capabilities
    if plan.identity.uid:
        return sets.ambient | retained
    held = sets.bounding | sets.inheritable
    return (held & sets.permitted if plan.program.no_new_privs else held) | retained
