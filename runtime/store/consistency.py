"""What a record must fulfil beyond its schema: one function a rule, and the list of them.

A rule takes a record that the schema has passed and yields, for each contradiction, where it lies and what it is.
docs/state-directory.md says what readers rely on.
"""

from __future__ import annotations

from runtime.store.record import event_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.store.record import Exit, Record

    Contradictions = Iterator[tuple[str, str]]

SIGNAL_BASE = 128


def find_contradictions(record: Record) -> Contradictions:
    """Each contradiction, by each rule of the list: a JSON pointer, and words."""
    for rule in RULES:
        yield from rule(record)


def pid_is_that_of_a_live_process(record: Record) -> Contradictions:
    pid, process = record["pid"], record["process"]
    if pid and record["status"] == "stopped":
        yield "/pid", f"is {pid}, and a stopped container has 0"
    elif pid and (process is None or process["pid"] != pid):
        yield "/pid", f"is {pid}, and process says {process['pid'] if process else 'null'}"
    elif not pid and record["status"] not in ("creating", "stopped"):
        yield "/pid", f"is 0, and the container is {record['status']}"


def only_who_makes_it_is_a_maker(record: Record) -> Contradictions:
    if record["maker"] is not None and record["status"] != "creating":
        yield "/maker", f"is set, and the container is {record['status']}"
    if record["starter"] is not None and record["status"] != "created":
        yield "/starter", f"is set, and the container is {record['status']}"


def only_an_end_has_a_time_and_an_exit(record: Record) -> Contradictions:
    is_stopped = record["status"] == "stopped"
    for member in ("finished", "finishedPrecision"):
        if (record[member] is None) is is_stopped:
            yield f"/{member}", f"is {'null' if is_stopped else 'set'}, and the container is {record['status']}"
    if record["exit"]["code"] is not None and not is_stopped:
        yield "/exit/code", f"is set, and the container is {record['status']}"
    yield from _exit_contradictions(record["exit"], "/exit")


def execs_end_after_they_start(record: Record) -> Contradictions:
    for index, entry in enumerate(record["execs"]):
        place = f"/execs/{index}"
        ended = entry["ended"]
        if ended is None and entry["exit"]["code"] is not None:
            yield f"{place}/exit/code", "is set, and the process has not ended"
        if ended is not None and ended["generation"] <= entry["started"]["generation"]:
            yield f"{place}/ended/generation", "is not above that of its start"
        yield from _exit_contradictions(entry["exit"], f"{place}/exit")


def _exit_contradictions(found: Exit, place: str) -> Contradictions:
    code, signal = found["code"], found["signal"]
    if signal is not None and code != SIGNAL_BASE + signal:
        yield f"{place}/signal", f"is {signal}, and the code is {'null' if code is None else code}"


def happenings_follow_each_other(record: Record) -> Contradictions:
    """Event ids are made of generation and n: each is there once, in order, none from a commit to come."""
    before = (0, -1)
    for index, entry in enumerate(record["transitions"]):
        here = (entry["generation"], entry["n"])
        if here <= before:
            yield f"/transitions/{index}", f"{event_id(record['instance'], *here)} does not follow the one before"
        before = here
    if before[0] > record["generation"]:
        yield "/generation", f"is {record['generation']}, and a transition is of {before[0]}"


def status_is_the_last_one(record: Record) -> Contradictions:
    transitions = record["transitions"]
    if not transitions:
        yield "/transitions", "is empty: each life begins with an entry"
    elif transitions[-1]["status"] != record["status"]:
        yield "/status", f"is {record['status']}, and the last transition led to {transitions[-1]['status']}"


RULES = (
    pid_is_that_of_a_live_process,
    only_who_makes_it_is_a_maker,
    only_an_end_has_a_time_and_an_exit,
    execs_end_after_they_start,
    happenings_follow_each_other,
    status_is_the_last_one,
)
