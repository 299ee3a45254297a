"""What a container's first process and one that exec adds do alike, last: they leave us for the program.

Their steps are in init.py and join.py; what the steps hand on is a ``Leaver`` each.
"""

from __future__ import annotations

import errno
import os

from runtime.kernel import process
from runtime.sandbox import confinement, gate, identity, program
from runtime.sandbox.calls import carry_out
from runtime.sandbox.capabilities import apply_capabilities, limit_bounding
from runtime.sandbox.confinement import Confinement
from runtime.sandbox.stub import stub_arguments, stub_fd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runtime.sandbox.channel import Channel
    from runtime.sandbox.console import Console
    from runtime.sandbox.join_plan import JoinPlan
    from runtime.sandbox.plan import InitPlan

FAILED = 126
NOT_FOUND = 127


class Leaver:
    """The terminal, the file to execute, the stub."""

    def __init__(self, parent: Channel) -> None:
        self.parent = parent
        self.console: Console | None = None
        self.in_directory = False
        self.path = b""
        self.env: tuple[bytes, ...] = ()
        self.confinement = Confinement()
        self.stub: int | None = None


def take_ids(leaver: Leaver, plan: InitPlan | JoinPlan) -> None:
    """The ids and the capabilities; the order is what execve(2) and capabilities(7) demand."""
    confinement.retain(leaver.confinement)
    limit_bounding(plan.capabilities)
    identity.become(plan.identity)
    apply_capabilities(plan.capabilities, retained=leaver.confinement.retained)
    if plan.program.no_new_privs:
        process.set_no_new_privs()


def find_program(leaver: Leaver, plan: InitPlan | JoinPlan) -> None:
    """As the container's user, in its root."""
    leaver.path, leaver.env = program.settle(plan.program, plan.identity.uid, in_directory=leaver.in_directory)
    os.umask(plan.identity.umask)


def execute(
    leaver: Leaver,
    plan: InitPlan | JoinPlan,
    calls: Callable[[int, bool], bytes],
    *,
    gate_fd: int | None,
    not_found: int = FAILED,
) -> None:
    """Become the stub, which waits at ``gate_fd`` if there is one, makes ``calls`` and executes the program.

    ``calls`` gives the list for a base address, in the stub or not.  On a machine that has no stub we make them and
    execute the program ourselves, and tell a failure as the stub would; ``not_found`` is the exit status then of a
    program that isn't there.
    """
    if leaver.stub is None:
        _execute_here(leaver, plan, calls, not_found)
        return
    fds: Iterable[int | None] = (gate_fd, plan.outcome_fd, *leaver.confinement.fds())
    for fd in fds:
        if fd is not None:
            os.set_inheritable(fd, True)
    arguments = stub_arguments(gate_fd, plan.outcome_fd, leaver.path, plan.program.args)
    process.execveat(leaver.stub, b"", arguments, leaver.env, process.AT_EMPTY_PATH)


def _execute_here(
    leaver: Leaver, plan: InitPlan | JoinPlan, calls: Callable[[int, bool], bytes], not_found: int
) -> None:
    words = b""
    try:
        try:
            carry_out(lambda base: calls(base, False))
        except OSError as error:
            words = (error.strerror or "").encode()
            raise
        process.execve(leaver.path, plan.program.args, leaver.env)
    except OSError as error:
        gate.write_all(plan.outcome_fd, (error.errno or errno.EIO).to_bytes(4, "little") + words)
        os._exit(not_found if error.errno == errno.ENOENT and not words else FAILED)


def prepare_stub(leaver: Leaver, calls: Callable[[int, bool], bytes]) -> None:
    """Get the stub, while the host's procfs is at hand."""
    leaver.stub = stub_fd(lambda base: calls(base, True))
