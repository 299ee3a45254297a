"""The first process of a container as the stub from its first instruction on, where first_calls.py has a list for it.

    we                                      the stub                       the first process
      posix_spawn                 -->       closes what isn't its own
                                            clone3, into all namespaces    tells us its pid
                                            exits                          waits
      the list, and its fds       -->                                      carries it out; waits for
      go                          -->                                      then, as any first process,
                                  <--                                      ready
                                  <--                                      end of file

So no interpreter is ever forked, which would have all pages copied that either writes to from then on; and what takes
the kernel its time, the namespaces, is done while we make cgroups and write the record.  FAILED is how both end where a
call returned what its list doesn't expect.
"""

from __future__ import annotations

import errno
import os
import stat

from runtime.errors import Fault
from runtime.kernel import numbers, process
from runtime.kernel.files import let_go, openat2
from runtime.kernel.sockets import MSG_CMSG_CLOEXEC, MSG_NOSIGNAL, receiving_structures
from runtime.sandbox import channel, confinement, first_calls, namespaces
from runtime.sandbox.calls import ALL_BITS, LOOK, WHATEVER
from runtime.sandbox.channel import ALIVE_BUT_UNHEARD
from runtime.sandbox.devices import open_null
from runtime.sandbox.first_calls import FirstFds
from runtime.sandbox.gate import FIRST_PRESERVED_FD
from runtime.sandbox.last_calls import LastCalls
from runtime.sandbox.program import PASSWD, PASSWD_FLAGS, candidates, with_home
from runtime.sandbox.resolve import PLAIN
from runtime.sandbox.stub import stub_arguments, stub_fd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.sandbox.namespaces import Joined
    from runtime.sandbox.plan import InitPlan

FAILED = 126
SIGKILL = 9
HERE = b"here"
# mman.h
_PROT_READ_WRITE = 3
_MAP = 0x2 | 0x20 | 0x100000  # MAP_PRIVATE, MAP_ANONYMOUS, MAP_FIXED_NOREPLACE (Linux 4.17)
# /etc is searchable by all, the file readable
_PASSWD_MODES = (stat.S_IFDIR, stat.S_IFREG), (0o001, 0o004)


class ListFailed(Exception):
    """What the list doesn't expect; an interpreter in its place will know what it is."""


class _Unsure(Exception):
    """The image would have to be looked at as its program's user sees it."""


class Listed:
    """A first process that has been begun: ``complete`` it, or ``give_up``."""

    def __init__(self, plan: InitPlan, cgroup_fd: int | None) -> None:
        """OSError, Fault, _Unsure."""
        env = with_home(plan.program.env, plan.identity.uid, lambda: _open_passwd(plan))
        os.close(open_null())  # before any list names it
        channel_fd = FIRST_PRESERVED_FD + plan.preserve_fds  # all below it are open (cli/entry.py, gate.py)
        self._fds = FirstFds(*range(channel_fd, channel_fd + 4))
        self._plan = plan
        self._paths = candidates(plan.program.args[0], env)
        self._places: list[int] = []
        self._base = self._back = 0
        self._pid: int | None = None
        self._has_met = self._is_over = False
        self._last = confinement.prepare(
            plan.lsm,
            plan.filter,
            plan.capabilities,
            uid=plan.identity.uid,
            no_new_privs=plan.program.no_new_privs,
            outcome_fd=self._fds.channel,
        )
        self._spaces: list[tuple[Joined, int]] = []
        self.channel, theirs = channel.make_pair(tells_senders=True)
        try:
            self._spaces = namespaces.open_joined(plan.namespaces)
            self._handed = [*(fd for _, fd in self._spaces), *(() if cgroup_fd is None else (cgroup_fd,))]
            self._parent = self._spawn(theirs.fileno(), env, cgroup_fd)
        except BaseException:
            self.channel.let_go()
            raise
        finally:
            theirs.let_go()
            let_go(*(fd for _, fd in self._spaces))

    def _spawn(self, channel_fd: int, env: Sequence[bytes], cgroup_fd: int | None) -> int:
        stub = stub_fd(lambda base: self._build(base, cgroup_fd))
        if stub is None:
            raise _Unsure
        try:
            if self._fds.channel in (stub, *self._handed):
                raise _Unsure  # it takes that place
            args = self._plan.program.args
            words = stub_arguments(None, self._fds.channel, args[0], args)
            actions = [(os.POSIX_SPAWN_DUP2, channel_fd, self._fds.channel)]
            for fd in self._handed:
                os.set_inheritable(fd, True)  # no other program is executed until these are closed here
            return os.posix_spawn(f"/proc/self/fd/{stub}", words, _mapping_of(env), file_actions=actions)
        finally:
            let_go(stub)

    def _build(self, base: int, cgroup_fd: int | None) -> bytes:
        """The list that goes with the stub: become the first process, read the longer list, and what follows that."""
        plan, fds = self._plan, self._fds
        calls = LastCalls(base)
        self._places = [calls.hold(path + b"\0") for path in self._paths]
        self._base = base
        room, half, rest = first_calls.AT, first_calls.CALLS_ROOM_BYTES, first_calls.TEXTS_ROOM_BYTES
        first_calls.add_closing(calls, fds.channel, (fds.channel, *self._handed))
        for joined, fd in self._spaces:
            calls.add(numbers.SETNS, fd, namespaces.FLAGS[joined.kind])
        flags = plan.namespaces.clone_flags() | process.CLONE_PARENT
        arguments = process.clone3_arguments(flags, exit_signal=0, cgroup_fd=cgroup_fd)
        calls.add(numbers.CLONE3, calls.hold(arguments), len(arguments), at_most=0)
        if self._handed:
            calls.add(numbers.CLOSE_RANGE, fds.gate, first_calls.LAST_FD, 0)
        told = calls.add(numbers.SENDTO, fds.channel, calls.hold(HERE), len(HERE), MSG_NOSIGNAL, instead=-errno.EPIPE)
        calls.add(numbers.MMAP, room, half + rest, _PROT_READ_WRITE, _MAP, -1, 0)
        header = receiving_structures(calls.hold, room, half, 2 + first_calls.JOINED_LIMIT)
        received = calls.add(numbers.RECVMSG, fds.channel, header, MSG_CMSG_CLOEXEC, instead=0)
        read = calls.add(numbers.READ, fds.channel, room + half, rest, instead=0)
        calls.follow(read, room)
        self._back = calls.here()
        calls.add(numbers.MUNMAP, room, half + rest)
        gone = _add_wait(calls, fds.gate)
        for each in (told, received, read):
            calls.lead(each, gone)  # nobody is at the other end
        confinement.add_labels(calls, self._last)
        confinement.add_filters(calls, self._last)
        return calls.data()

    def complete(self, plan: InitPlan) -> int:
        """Hand over the list for ``plan``, which has the cgroup and the gate now; the pid.  OSError, ListFailed."""
        made = first_calls.set_up(
            plan,
            self._base,
            fds=self._fds,
            held=first_calls.held_while_waiting(plan, self._last.retained),
            candidates=self._places,
            back=self._back,
            ready=channel.encode(channel.READY),
        )
        if made is None:
            raise ListFailed
        calls, texts = made
        try:
            self.channel.send_bytes(calls, fds=(plan.gate_fd, plan.outcome_fd, *plan.cgroup.join_fds))
            self.channel.send_bytes(texts)
        except (BrokenPipeError, ConnectionResetError):
            raise ListFailed from None
        pid = self._meet()
        if pid is None:
            raise ListFailed
        self._is_over = True
        return pid

    def _meet(self) -> int | None:
        """The pid of the first process; None where there is none.  The one that it was cloned from is reaped."""
        if not self._has_met:
            told, _, sender = self.channel.receive_bytes()
            self._has_met = True  # it speaks once: whatever fails from here on, nothing more is waited for
            self._pid = sender if told == HERE else None
            os.waitpid(self._parent, 0)
        return self._pid

    def give_up(self) -> None:
        """End what hasn't been completed."""
        if self._is_over:
            return
        self._is_over = True
        try:
            pid = self._meet()
            if pid is not None:
                os.kill(pid, SIGKILL)  # it can't be another's, since we haven't reaped it
                os.waitpid(pid, 0)
        except OSError:
            pass  # it ends by itself, now that nobody is at the other end
        self.channel.let_go()


def _add_wait(calls: LastCalls, gate: int) -> int:
    """One byte is awaited; end of file or an error: the end, without a word to anybody.  The address of that call."""
    result = calls.hold(bytes(8))
    calls.add(numbers.READ, gate, calls.hold(bytes(1)), 1, at_least=WHATEVER, keep_at=result)
    opened = calls.add(LOOK, result, ALL_BITS, instead=1)
    end = calls.here()
    calls.add(numbers.EXIT_GROUP, ALIVE_BUT_UNHEARD)
    calls.lead(opened, calls.here())
    return end


def begin(plan: InitPlan, cgroup_fd: int | None = None) -> Listed | None:
    """The first process for a plan that a list fits, as far as nothing is needed but its namespaces and its program.

    None where there is no list, no stub, or no saying what it needs.  ``cgroup_fd`` is the cgroup of v2 that it is
    cloned into.
    """
    if not first_calls.fits(plan):
        return None
    try:
        return Listed(plan, cgroup_fd)
    except (_Unsure, Fault, OSError):
        return None  # the other way will tell


def _mapping_of(env: Sequence[bytes]) -> dict[bytes, bytes]:
    """The environment as posix_spawn(3) is given it by Python, if that can say the same.  _Unsure."""
    mapping = dict(each.partition(b"=")[::2] for each in env if each[:1] != b"=" and b"=" in each)
    if len(mapping) != len(env):
        raise _Unsure
    return mapping


def _open_passwd(plan: InitPlan) -> int:
    """The image's, as anybody in the container may read it.  _Unsure; FileNotFoundError."""
    if any(PASSWD.startswith(f"{step.destination.rstrip('/')}/") or step.destination == PASSWD for step in plan.mounts):
        raise _Unsure
    opened = [os.open(plan.root.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        for name, kind, bits in zip(PASSWD[1:].split("/"), *_PASSWD_MODES, strict=True):
            opened.append(openat2(opened[-1], name, os.O_PATH, resolve=PLAIN))
            mode = os.fstat(opened[-1]).st_mode
            if stat.S_IFMT(mode) != kind or not mode & bits:
                raise _Unsure  # a device, or what is open to some only
        return os.open(f"/proc/self/fd/{opened[-1]}", PASSWD_FLAGS)
    except FileNotFoundError:
        raise
    except OSError:
        raise _Unsure from None
    finally:
        let_go(*opened)
