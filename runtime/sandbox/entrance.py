"""exec's side of the forks that add a process to a container (join.py has the other one).

    launch        fork the process between, which enters the container and clones the program's process
    await_ready   answer it until that process waits; its pidfd
    let_go        it may execute its program; returns once it has

Between the last two the caller puts the pid on disk. Closing the channel instead ends the process.
"""

from __future__ import annotations

import os
import select

from runtime.errors import InitFault
from runtime.kernel import files, process, procfs
from runtime.sandbox import channel, join
from runtime.sandbox.leaving import FAILED
from runtime.sandbox.startgate import read_outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NamedTuple, NoReturn

    from runtime.sandbox.channel import Channel
    from runtime.sandbox.join_plan import JoinPlan
else:
    from runtime.values import NamedTuple

STEP = "exec"


class Entrance(NamedTuple):
    """The process between, our child, and how it speaks to us; ``close`` it."""

    between: int
    channel: Channel
    outcome_fd: int
    program: str

    def close(self) -> None:
        """Whoever waits for a word from us ends."""
        self.channel.let_go()
        files.let_go(self.outcome_fd)


class Added(NamedTuple):
    """The program's process, our child; the pidfd is the caller's."""

    pid: int
    pidfd: int


def launch(plan: JoinPlan) -> Entrance:
    """Fork the process between, into the cgroup.  OSError EBUSY: that cgroup of v2 takes no processes."""
    mine, theirs = channel.make_pair(tells_senders=True)
    outcome, outcome_end = os.pipe2(os.O_CLOEXEC)
    try:
        pid = process.clone3(0, cgroup_fd=plan.cgroup.cgroup_fd)
        if pid == 0:
            _stand_between(plan._replace(outcome_fd=outcome_end), mine, theirs)
        return Entrance(pid, mine, outcome, os.fsdecode(plan.program.args[0]))
    except BaseException:
        mine.let_go()
        files.let_go(outcome)
        raise
    finally:
        theirs.let_go()
        files.let_go(outcome_end)


def _stand_between(plan: JoinPlan, mine: Channel, theirs: Channel) -> NoReturn:
    """The child, from its first instruction on."""
    try:
        mine.close()
        join.run(plan, theirs)
    finally:
        os._exit(FAILED)


def await_ready(entrance: Entrance, *, on_console: Callable[[int], None]) -> Added:
    """The process that will execute the program; it waits for ``let_go``.  InitFault: what it could not do."""
    pid = 0
    while not pid:
        kind, fields, fds, sender = _receive(entrance.channel)
        if kind == channel.CONSOLE and fds:
            on_console(fds[0])
        elif kind == channel.READY:
            pid = _verified(sender)
        elif kind:
            os.waitpid(entrance.between, 0)
            raise channel.fault_of(kind, fields)
        else:
            _, status = os.waitpid(entrance.between, 0)
            read_outcome(entrance.outcome_fd, entrance.program)
            raise InitFault(STEP, None, _how_it_ended(status))
    os.waitpid(entrance.between, 0)
    return Added(pid, process.pidfd_open(pid))


def _verified(sender: int) -> int:
    """The pid, if it is our child's: whoever may trace the process inside could speak in its place."""
    found = procfs.stat("/proc", sender)
    if found is None or found.ppid != os.getpid():
        raise InitFault(STEP, None, "exec: a process that is none of ours took the place of the added one")
    return sender


def _receive(mine: Channel) -> tuple[bytes, list[bytes], list[int], int]:
    try:
        return mine.receive_of()
    except ConnectionResetError:
        return b"", [], [], 0  # it died with our words unread


def _how_it_ended(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return (
            f"exec: the process that enters the container was killed by signal {number}: is its memory limit too low?"
        )
    return "exec: the process that enters the container ended without a word"


def let_go(entrance: Entrance, added: Added, *, on_listener: Callable[[int], None]) -> None:
    """Let it execute the program; returns once it runs.  InitFault: it could not, and ends.

    ``on_listener`` gets the fd by which SCMP_ACT_NOTIFY tells, and must be quick: the program waits for the listener.
    """
    try:
        entrance.channel.send(channel.GO)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it is dead: killed with the container
    poll = select.poll()
    poll.register(entrance.outcome_fd, 0)  # its hang-up is told in any case
    poll.register(entrance.channel.fileno(), select.POLLIN)
    poll.register(added.pidfd, select.POLLIN)
    while True:
        ready = dict(poll.poll())
        if entrance.channel.fileno() in ready:
            kind, _, fds, _ = _receive(entrance.channel)
            if kind == channel.LISTENER and fds:
                on_listener(fds[0])
            else:  # hung up: the program is about to run, or everything is over
                poll.unregister(entrance.channel.fileno())
        elif ready:
            read_outcome(entrance.outcome_fd, entrance.program)
            return
