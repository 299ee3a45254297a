"""From a record and the kernel's evidence to the truth.  Pure.

record          evidence                                        truth
any             the record is of another boot                   stopped
any             its processes are out of sight                  the record, unverified
creating        its maker is alive                              the record
creating        its maker is dead                               stopped, "create interrupted"
any living      its process is dead, its starter alive          stopped; the starter commits it
any living      its process is dead                             stopped, found later than it happened
created         its starter is alive                            the record
created         no starter lives, the gate still waits          created
created         no starter lives, nothing waits any more        running
created         its starter is dead, the gate can't be asked    running
running, paused its process is alive                            the record
not paused      of all these its processes are frozen           paused
paused          of all these its processes are not frozen       running, or created if its program never ran

A starter that is killed between its byte and the program's execve(2) leaves a gate that still waits for a moment, so
that row is no last word: a created container's gate is asked at each look, whether its record names a starter or not.
What another runtime made has no gate; of some the process's name tells as much (evidence.py).
Of a process that is dead, only a zombie's exit can be told. A process that exec has added is in none of these rows:
whatever the container is, it has ended if it has.

What is frozen or not is answered, and committed by pause and resume alone: whoever else froze it, a signal to all of
its processes for instance, may let it go in the next moment.
"""

from __future__ import annotations

from runtime.errors import Fault, NotRunning, WrongStatus
from runtime.store.record import UNKNOWN_EXIT, advance, ended, execs_ended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from runtime.store.record import Exit, Process, Record, Status
else:
    from runtime.values import NamedTuple

ALLOWED: dict[str, tuple[Status, ...]] = {
    "start": ("created",),
    "kill": ("created", "running", "paused"),
    "delete": ("stopped",),
    "pause": ("created", "running"),
    "resume": ("paused",),
    "exec in": ("created", "running"),
    "update": ("created", "running", "paused"),
    "checkpoint": ("running", "paused"),
}
FREEZABLE: tuple[Status, ...] = ("created", "running", "paused")
INTERRUPTED = "create interrupted: the command that made it ended before it was done"


class Evidence(NamedTuple):
    """What the kernel tells about a record's processes; ``gate_waits`` and ``frozen`` are None where nothing does.

    They are ``in_sight`` in the pid and the time namespace where the record was written, unless /proc hides them.

    ``exit`` is how the first process ended, known only as long as it is a zombie that we may ask about; ``execs`` are
    the processes of exec that the record has as running, and that have ended.
    """

    same_boot: bool
    in_sight: bool
    process_alive: bool
    maker_alive: bool
    starter_alive: bool
    gate_waits: bool | None
    exit: Exit = UNKNOWN_EXIT
    frozen: bool | None = None
    execs: tuple[tuple[Process, Exit], ...] = ()


class Observation(NamedTuple):
    """The true record (the given one where that is true), whether it was verified, and who may commit it.

    ``in_hands``: a command that makes or starts the container lives, or somebody froze or thawed it; they commit it.
    """

    truth: Record
    verified: bool
    in_hands: bool


def observe(record: Record, evidence: Evidence, *, now: str) -> Observation:
    """What is true about the container by the table above; ``now`` dates what is found."""
    seen = _observe_processes(record, evidence, now)
    if evidence.execs and seen.verified:
        seen = seen._replace(truth=execs_ended(record, seen.truth, evidence.execs, now=now))
    return _with_freeze(seen, evidence.frozen)


def _with_freeze(seen: Observation, frozen: bool | None) -> Observation:
    status = seen.truth["status"]
    if frozen is None or not seen.verified or status not in FREEZABLE or frozen == (status == "paused"):
        return seen
    actual: Status = "paused" if frozen else status_of_thawed(seen.truth)
    return Observation({**seen.truth, "status": actual}, verified=True, in_hands=True)


def status_of_thawed(record: Record) -> Status:
    """What a container is that isn't paused any more: one whose program never ran waits for its start again."""
    return "running" if record["started"] else "created"


def _observe_processes(record: Record, evidence: Evidence, now: str) -> Observation:
    if record["status"] == "stopped":
        return Observation(record, verified=True, in_hands=False)
    if not evidence.same_boot:
        return Observation(_found_ended(record, now), verified=True, in_hands=False)
    if not evidence.in_sight:
        return Observation(record, verified=False, in_hands=False)
    if record["status"] == "creating":
        if evidence.maker_alive:
            return Observation(record, verified=True, in_hands=True)
        return Observation({**_found_ended(record, now), "fault": INTERRUPTED}, verified=True, in_hands=False)
    if not evidence.process_alive:
        truth = _found_ended(record, now, exit=evidence.exit)
        return Observation(truth, verified=True, in_hands=evidence.starter_alive)
    has_starter = record["starter"] is not None
    if record["status"] != "created" or (has_starter and evidence.starter_alive):
        return Observation(record, verified=True, in_hands=has_starter and evidence.starter_alive)
    if not has_starter and evidence.gate_waits is not False:
        return Observation(record, verified=True, in_hands=False)
    if evidence.gate_waits:
        return Observation(advance(record, now=now, starter=None), verified=True, in_hands=False)
    running = advance(record, now=now, happenings=("started",), status="running", starter=None, started=now)
    return Observation(running, verified=True, in_hands=False)


def _found_ended(record: Record, now: str, *, exit: Exit = UNKNOWN_EXIT) -> Record:
    return ended(record, exit=exit, finished=now, precision="observed", now=now) or record


def refuse(action: str, container_id: str, status: Status) -> None:
    """Raise WrongStatus, or NotRunning for a signal to nobody, unless ``action`` is allowed in ``status``."""
    allowed = ALLOWED[action]
    if status in allowed:
        return
    if action == "kill":
        raise NotRunning(container_id)
    raise WrongStatus(action, container_id, status, allowed)


def refuse_exec(container_id: str, status: Status, *, ignore_paused: bool) -> None:
    """Raise WrongStatus, NotRunning or Fault unless a process can be added, in the words that callers of runc know."""
    if status == "stopped":
        raise NotRunning(container_id, tried="cannot exec in a stopped container: ")
    if status != "paused":
        refuse("exec in", container_id, status)
    elif not ignore_paused:
        raise Fault(
            f'cannot exec in a paused container: all processes of "{container_id}" are frozen',
            hint="resume it, or use --ignore-paused to override",
        )
