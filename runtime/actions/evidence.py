"""The kernel half of ``status``: what /proc and the start gate tell about a record."""

from __future__ import annotations

import errno
import os

from runtime.actions.status import FREEZABLE, Evidence
from runtime.cgroups.frozen import is_frozen
from runtime.kernel import files, procfs
from runtime.store.record import UNKNOWN_EXIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from runtime.kernel.procfs import ProcStat
    from runtime.store.record import Exit, Process, Record
else:
    from runtime.values import NamedTuple

GATE = "gate"
OWN_RUNTIME = "runf"
NAMED_STAGES = ("runc", "youki")  # their processes are called runc:[2:INIT] until they execute the program


class Observer(NamedTuple):
    """From where we look: read once, used for every record.  An empty ``boot_id``: nothing tells."""

    proc: str
    boot_id: str
    pid_namespace: int | None
    time_namespace: int | None


def observer(proc: str = "/proc") -> Observer:
    """This process as an observer."""
    return Observer(
        proc,
        procfs.boot_id(proc),
        procfs.own_namespace(proc, "pid"),
        procfs.own_namespace(proc, "time"),
    )


def gather(record: Record, here: Observer, root_fd: int) -> Evidence:
    """The evidence about ``record``, whose container lies below ``root_fd``."""
    found = _gather_first(record, here, root_fd)
    return found._replace(execs=ended_execs(record, here)) if record["execs"] else found


def ended_execs(record: Record, here: Observer) -> tuple[tuple[Process, Exit], ...]:
    """The processes of exec that the record has as running, and that have ended, as far as that can be told here."""
    running = (each["process"] for each in record["execs"] if each["ended"] is None)
    return tuple((each, _exit_of_exec(each, here)) for each in running if _has_ended(each, here))


def _has_ended(process: Process, here: Observer) -> bool:
    if is_of_another_boot(process, here):
        return True
    return is_comparable(process, here) and not is_alive(process, here)


def _exit_of_exec(process: Process, here: Observer) -> Exit:
    return UNKNOWN_EXIT if is_of_another_boot(process, here) else _exit(process, here)


def _gather_first(record: Record, here: Observer, root_fd: int) -> Evidence:
    known = [each for each in (record["process"], record["maker"], record["starter"]) if each is not None]
    if record["status"] == "stopped" or not known:
        return Evidence(True, True, False, False, False, None)
    starter = _stat(record["starter"], here)
    starter_alive = _lives(record["starter"], starter)
    # asked before the process is: what ends closes its gate first, and must not look as if it had passed it
    waits = _waits(record, here, root_fd) if record["status"] == "created" and not starter_alive else None
    if waits is False and _is_exiting(record["process"], here):
        waits = None
    seen = _stat(record["process"], here)
    maker = _stat(record["maker"], here)
    looks = ((record["process"], seen), (record["maker"], maker), (record["starter"], starter))
    found = Evidence(
        same_boot=not is_of_another_boot(known[0], here),
        in_sight=all(is_comparable(each, here) for each in known)
        and not any(_is_hidden(*each, here) for each in looks),
        process_alive=_lives(record["process"], seen),
        maker_alive=_lives(record["maker"], maker),
        starter_alive=starter_alive,
        gate_waits=waits,
    )
    process = record["process"]
    if process is None or not (found.same_boot and found.in_sight):
        return found
    if not found.process_alive:
        return found._replace(exit=_exit(process, here)) if seen else found  # what is gone was no zombie any more
    cgroup = record["linux"]["cgroup"]
    return found._replace(frozen=is_frozen(cgroup)) if cgroup and record["status"] in FREEZABLE else found


def _exit(process: Process, here: Observer) -> Exit:
    from runtime.actions import ending  # hardly a query ever meets a zombie

    return ending.as_exit(ending.exit_of_zombie(process, here.proc))


def is_of_another_boot(process: Process, here: Observer) -> bool:
    """Whether the machine was restarted since, for sure."""
    return here.boot_id not in ("", process["bootId"])


def is_comparable(process: Process, here: Observer) -> bool:
    """Whether that pid and start time, of this boot, mean here what they meant where they were read."""
    # where the kernel has no time namespaces (before 5.6) there is one clock for all
    same_clock = here.time_namespace in (None, process["timeNamespace"])
    return same_clock and process["pidNamespace"] == here.pid_namespace and here.boot_id != ""


def is_alive(process: Process | None, here: Observer) -> bool:
    """Whether exactly that process lives, for all that can be seen.

    A zombie doesn't, but one whose first thread alone has ended does.
    """
    found = _stat(process, here)
    return _lives(process, found) or _is_hidden(process, found, here)


def _stat(process: Process | None, here: Observer) -> ProcStat | None:
    return procfs.stat(here.proc, process["pid"]) if process else None


def _is_hidden(process: Process | None, found: ProcStat | None, here: Observer) -> bool:
    """Whether that nothing was found in /proc says nothing."""
    return process is not None and found is None and procfs.is_hidden(here.proc, process["pid"])


def _lives(process: Process | None, found: ProcStat | None) -> bool:
    if process is None or found is None:
        return False
    return found.start_time == process["startTime"] and not procfs.has_ended(found)


def _is_exiting(process: Process | None, here: Observer) -> bool:
    found = _stat(process, here)
    return found is None or procfs.is_exiting(found)


def _waits(record: Record, here: Observer, root_fd: int) -> bool | None:
    """Whether a created container's process still waits for its start; None where nothing tells."""
    runtime, process = record["runtime"]["name"], record["process"]
    if runtime == OWN_RUNTIME:
        return gate_waits(root_fd, record["id"])
    if runtime not in NAMED_STAGES or process is None:
        return None
    found = procfs.stat(here.proc, process["pid"])
    return None if found is None else found.comm.startswith(f"{runtime}:[")


def gate_waits(root_fd: int, container_id: str) -> bool | None:
    """Whether the container's process still waits at its gate: it alone holds the FIFO open for reading."""
    flags = os.O_WRONLY | os.O_NONBLOCK
    try:
        os.close(files.open_within(root_fd, f"{container_id}/{GATE}", flags))
    except OSError as error:
        return False if error.errno == errno.ENXIO else None
    return True
