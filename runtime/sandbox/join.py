"""One more process in a container that exists: STEPS, in their order, of the process between exec and the program.

    step         why there
    settle       the OOM score, while /proc/self is still ours; then non-dumpable, imports and fds closed
    cgroup       so that all that it does is accounted (v2: it was cloned into it); then the CPUs of the program
    confine      labels and the stub, through the host's procfs, which no image has touched
    namespaces   all at once, by the pidfd of the container's first process; then its root, where that is not theirs
    session      the container's keyring
    terminal     a pty of the container's devpts
    limits       rlimits, while we may still raise them; memory policy, execution domain
    identity     bounding set, ids, capabilities, no_new_privs
    program      working directory, HOME, the file to execute
    leave        we become the stub, and that clones the program's process

Entering a pid namespace counts for children only. So while an interpreter carries these steps out, nobody inside of
a container that has one of its own has a pid for it: it can't be traced, its /proc files can't be opened, /proc/self
leads nowhere for it (CVE-2016-9962, CVE-2019-5736, CVE-2024-21626). The first process that the container sees is the
stub, a sealed program of some hundred bytes, which does the rest (last_calls.py):

    in this process    labels, which a clone inherits; clone, as a sibling: its parent is exec; exit
    in the new one     setsid, the terminal, the scheduler; tell exec, and wait until it has put the pid on disk; the
                       filter; execve

Where there is no stub for the machine, this interpreter makes the same calls itself.
Source: setns(2), clone(2), pid_namespaces(7); runtime-spec: config.md#process.
"""

from __future__ import annotations

import errno
import os

from runtime.errors import InitFault
from runtime.kernel import numbers, process
from runtime.kernel.keyring import join_session_keyring
from runtime.kernel.signals import reset_signals
from runtime.kernel.sockets import MSG_NOSIGNAL
from runtime.kernel.terminal import TIOCSCTTY
from runtime.sandbox import channel, confinement, gate, identity, leaving, program
from runtime.sandbox import settings as kernel_settings
from runtime.sandbox.cgroup_entry import enter_cgroups
from runtime.sandbox.features import console, scheduling
from runtime.sandbox.gate import FIRST_PRESERVED_FD
from runtime.sandbox.last_calls import LastCalls
from runtime.sandbox.leaving import FAILED, Leaver
from runtime.sandbox.lsm import label_keyrings
from runtime.sandbox.resolve import open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from runtime.sandbox.channel import Channel
    from runtime.sandbox.join_plan import JoinPlan

SIGCHLD = 17
STANDARD_FDS = (0, 1, 2)


class Join(Leaver):
    """What the steps hand on."""

    def __init__(self, plan: JoinPlan, parent: Channel) -> None:
        super().__init__(parent)
        self.plan = plan

    def calls(self, base: int, in_stub: bool) -> bytes:
        """The list that the docstring above shows, for ``base``."""
        return _last_calls(self, base, in_stub=in_stub)


def run(plan: JoinPlan, parent: Channel) -> NoReturn:
    """Carry out STEPS; tells ``parent`` what fails, and never returns."""
    channel.carry_out(STEPS, Join(plan, parent), parent, FAILED)


def settle(join: Join) -> None:
    """Close ourselves off, before anything of the container is near."""
    plan = join.plan
    kernel_settings.set_oom_score(plan.settings)
    process.set_dumpable(False)
    gate.close_imports()
    reset_signals()
    own = [join.parent.fileno(), plan.outcome_fd, plan.target_fd, *plan.cgroup.join_fds]
    if plan.root_fd is not None:
        own.append(plan.root_fd)
    gate.close_fds(FIRST_PRESERVED_FD + plan.preserve_fds, own)


def join_cgroup(join: Join) -> None:
    """Into those of v1; we were cloned into the one of v2."""
    enter_cgroups(join.plan.cgroup)
    if join.plan.scheduling:
        scheduling.set_affinity(join.plan.scheduling, join.plan.scheduling.final_cpus, "final")


def confine(join: Join) -> None:
    """Prepare what holds for the program alone: its labels, its filter, and the stub that puts them into force."""
    plan = join.plan
    if plan.joins_keyring:
        label_keyrings(plan.lsm)
    join.confinement = confinement.prepare(
        plan.lsm,
        plan.filter,
        plan.capabilities,
        uid=plan.identity.uid,
        no_new_privs=plan.program.no_new_privs,
        outcome_fd=plan.outcome_fd,
        listener_fd=join.parent.fileno(),
        state=channel.encode(channel.LISTENER),
        will_hold_all=bool(plan.namespaces & process.CLONE_NEWUSER),
    )
    leaving.prepare_stub(join, join.calls)


def enter_namespaces(join: Join) -> None:
    """All of them, or none: what setns(2) can't enter completely it doesn't enter at all."""
    plan = join.plan
    if plan.namespaces:
        process.setns(plan.target_fd, plan.namespaces)
    if plan.root_fd is not None:
        os.fchdir(plan.root_fd)
        os.chroot(".")
        os.close(plan.root_fd)
    if plan.namespaces & process.CLONE_NEWUSER:
        _take_inner_ids(join)


def _take_inner_ids(join: Join) -> None:
    """Become the user namespace's root, if it has one; the ids that we came with may mean nothing there."""
    try:
        if join.plan.identity.sets_groups:
            os.setgroups(())
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


def join_keyring(join: Join) -> None:
    """The container's session keyring, so that none of the caller's keys can be reached; if it has one."""
    if not join.plan.joins_keyring:
        return
    try:
        join_session_keyring(f"_ses.{join.plan.container_id}")
    except OSError:
        return  # a kernel without keyrings, or a quota that is used up: as in a new container


def open_terminal(join: Join) -> None:
    """A pty of the devpts that the container has; the other end goes to exec."""
    plan = join.plan
    if not plan.program.has_terminal:
        return
    root_fd = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        pts_fd = open_in_root(root_fd, "/dev/pts", flags=os.O_RDONLY | os.O_DIRECTORY, follows=False)
    except OSError as error:
        raise InitFault(
            "terminal", error.errno, f"the container's /dev/pts can't be opened: {error.strerror}"
        ) from None
    finally:
        os.close(root_fd)
    try:
        join.console = console.open_console(pts_fd, size=plan.program.console_size, uid=plan.identity.uid)
    finally:
        os.close(pts_fd)
    join.parent.send(channel.CONSOLE, fds=(join.console.master_fd,))
    os.close(join.console.master_fd)
    for fd in STANDARD_FDS:
        os.dup2(join.console.slave_fd, fd)
    os.close(join.console.slave_fd)


def set_limits(join: Join) -> None:
    """Before the identity: raising a limit is root's right.  What root may enter alone, it enters here."""
    kernel_settings.set_limits(join.plan.settings)
    if join.plan.scheduling:
        scheduling.apply_to_ourselves(join.plan.scheduling)
    join.in_directory = program.change_directory(join.plan.program)


def take_identity(join: Join) -> None:
    """The ids and the capabilities."""
    if not join.console:
        identity.give_stdio(join.plan.identity)
    leaving.take_ids(join, join.plan)


def find_program(join: Join) -> None:
    """As the container's user, in its root: what can't be executed is told while no process has been added."""
    leaving.find_program(join, join.plan)


def leave(join: Join) -> None:
    """Become the stub, which clones the program's process."""
    leaving.execute(join, join.plan, join.calls, gate_fd=None)


def _last_calls(join: Join, base: int, *, in_stub: bool) -> bytes:
    calls = LastCalls(base)
    confinement.add_labels(calls, join.confinement)
    calls.add(numbers.PRCTL, process.PR_SET_DUMPABLE, 0)
    flags = process.CLONE_PARENT | SIGCHLD
    calls.add(numbers.CLONE, flags, at_most=0, words="exec: no process can be added to the container: ")
    calls.add(numbers.SETSID)
    if join.plan.program.has_terminal:
        calls.add(numbers.IOCTL, STANDARD_FDS[0], TIOCSCTTY, 0, words="exec: the terminal can't be taken: ")
    if join.plan.scheduling:
        scheduling.add_to_calls(calls, join.plan.scheduling)
    told = "exec: nobody waits for the process any more: "
    ready = channel.encode(channel.READY)
    fd = join.parent.fileno()
    calls.add(numbers.SENDTO, fd, calls.hold(ready), len(ready), MSG_NOSIGNAL, at_least=len(ready), words=told)
    calls.add(numbers.READ, fd, calls.hold(bytes(1)), 1, at_least=1, words=told)
    confinement.add_filters(calls, join.confinement, in_stub=in_stub)
    return calls.data()


STEPS = (
    ("settle", settle),
    ("cgroup", join_cgroup),
    ("confine", confine),
    ("namespaces", enter_namespaces),
    ("session", join_keyring),
    ("terminal", open_terminal),
    ("limits", set_limits),
    ("identity", take_identity),
    ("program", find_program),
    ("leave", leave),
)
