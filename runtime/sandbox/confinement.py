"""What holds for the program and for nothing before it: its security label and its filter of system calls.

Both are for the stub to put into force (last_calls.py), right before the program's execve(2). So a profile has to
allow execve, and nothing that the runtime does on the way there: with an early filter it would have to allow the
interpreter's reads and writes, the change of identity, and the waiting.

Without no_new_privs, seccomp(2) demands CAP_SYS_ADMIN of whoever loads the filter, and that is the stub, after it has
taken on the program's identity. So this one capability goes through the stub's execve(2) as an inheritable one, and
as an ambient one for a user who isn't root; the last thing before the filter is to take it out of both sets, after
which the program's execve(2) computes its capabilities as if it had never been there. All that the program is to have
stays permitted: who gains something by an execve isn't dumpable after it, and nobody in the container could look at
the program in procfs (commit_creds in the kernel's kernel/cred.c). Meanwhile nobody in the container
may trace the stub who isn't permitted all that it is (ptrace(2)), CAP_SYS_PTRACE aside, which reaches as far in other
runtimes while their first process sets itself up.
"""

from __future__ import annotations

import errno

from runtime.errors import InitFault
from runtime.kernel.capabilities import NUMBERS, get_capabilities
from runtime.sandbox.capabilities import grantable, kept_by_execve, make_inheritable
from runtime.sandbox.last_calls import LastCalls, add_capabilities, add_filter, add_label
from runtime.sandbox.lsm import open_labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from runtime.sandbox.capabilities import CapabilityPlan
    from runtime.sandbox.lsm import Label, LsmPlan
    from runtime.sandbox.seccomp import Filter
else:
    from runtime.values import NamedTuple

STEP = "seccomp"
CAP_SYS_ADMIN = 1 << NUMBERS["CAP_SYS_ADMIN"]


class Confinement(NamedTuple):
    """All that the list is made of; ``retained`` is the mask of what the stub holds more than the program.

    ``permitted`` is what both hold. ``fds`` are needed by the list: whoever executes the stub makes them inheritable.
    """

    labels: tuple[Label, ...] = ()
    attr_fd: int | None = None
    filter: Filter | None = None
    retained: int = 0
    permitted: int = 0
    inheritable: int = 0
    outcome_fd: int = -1
    listener_fd: int | None = None
    state: bytes = b""

    def fds(self) -> tuple[int, ...]:
        """What the stub has to be given for its list."""
        return tuple(fd for fd in (self.attr_fd, self.listener_fd) if fd is not None)


def prepare(
    lsm: LsmPlan,
    made: Filter | None,
    capabilities: CapabilityPlan,
    *,
    uid: int,
    no_new_privs: bool,
    outcome_fd: int,
    listener_fd: int | None = None,
    state: bytes = b"",
    will_hold_all: bool = False,
) -> Confinement:
    """Open what is needed while procfs is still the host's, with all capabilities still held.  InitFault, OSError.

    ``will_hold_all``: a user namespace is entered after this, which gives all of them.
    """
    attr_fd, labels = open_labels(lsm) or (None, ())
    held = -1 if will_hold_all else get_capabilities()[1]
    retained = CAP_SYS_ADMIN if made and not no_new_privs else 0
    if retained & ~held:
        raise InitFault(
            STEP,
            errno.EPERM,
            "config.json#/linux/seccomp: without process.noNewPrivileges it needs CAP_SYS_ADMIN, which isn't held",
        )
    return Confinement(
        labels=labels,
        attr_fd=attr_fd,
        filter=made,
        retained=retained,
        permitted=kept_by_execve(capabilities, held, uid=uid),
        inheritable=grantable(capabilities, held).inheritable,
        outcome_fd=outcome_fd,
        listener_fd=listener_fd,
        state=state,
    )


def retain(confinement: Confinement) -> None:
    """Before the bounding set is limited: what the stub has to hold becomes inheritable."""
    if confinement.retained:
        make_inheritable(confinement.retained)


def last_calls(confinement: Confinement, base: int, *, in_stub: bool = True) -> bytes:
    """The list for ``base``; out of the stub a failure is told by whoever carries it out."""
    calls = LastCalls(base)
    add_labels(calls, confinement)
    add_filters(calls, confinement, in_stub=in_stub)
    return calls.data()


def add_labels(calls: LastCalls, confinement: Confinement) -> None:
    """The beginning of a list: what it was given is kept from the program, and labels the process that makes them."""
    for fd in confinement.fds():
        calls.close_on_exec(fd)
    if confinement.attr_fd is not None:
        for label in confinement.labels:
            add_label(calls, label, confinement.attr_fd)


def add_filters(calls: LastCalls, confinement: Confinement, *, in_stub: bool = True) -> None:
    """The end of a list: what only the program should have is given up, and the filter decides from then on."""
    if confinement.retained:
        add_capabilities(calls, confinement.permitted | confinement.retained, confinement.inheritable)
    if confinement.filter:
        if in_stub:
            calls.tell_by_memory(confinement.outcome_fd)
        add_filter(calls, confinement.filter, listener_fd=confinement.listener_fd, state=confinement.state)
