"""PURE: the record of one container, as values: made, advanced, parsed, serialized.

    generation   rises by one with each commit
    transitions  what each commit brought: (generation, n), n from 0 within the generation; the newest 64 are kept
    execs        processes that exec added; the newest 32 are kept, those that ended are pushed out first
    exit         rises once from unknown to known, and changes in no other way
    stopped      is final

The shapes are those of schemas/state.schema.json; a record is never changed, only replaced.
"""

from __future__ import annotations

from runtime import SPEC_VERSION, jsontext
from runtime.errors import BadRecord, Fault
from schemas.generated.state import validate
from schemas.invalid import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Literal, NotRequired, TypedDict

    Status = Literal["creating", "created", "running", "paused", "stopped"]
    Happening = Literal[
        "creating",
        "created",
        "started",
        "paused",
        "resumed",
        "updated",
        "checkpointed",
        "stopped",
        "exit",
        "deleted",
        "oom",
        "failed",
    ]
    Precision = Literal["exact", "observed"]

    class Runtime(TypedDict):
        name: str
        version: str | None

    class Process(TypedDict):
        pid: int
        startTime: int
        bootId: str
        pidNamespace: int
        timeNamespace: int

    class Exit(TypedDict):
        code: int | None
        signal: int | None
        oomKilled: bool | None

    class Cgroup(TypedDict):
        version: Literal[1, 2]
        paths: dict[str, str]
        scope: str | None

    class Linux(TypedDict):
        cgroup: Cgroup | None
        namespaces: dict[str, int]
        oomKills: NotRequired[int]

    class Transition(TypedDict):
        generation: int
        n: int
        time: str
        type: Happening
        status: Status

    class Moment(TypedDict):
        generation: int
        n: int
        time: str

    class Exec(TypedDict):
        process: Process
        started: Moment
        ended: Moment | None
        exit: Exit

    class Record(TypedDict):
        schemaVersion: str
        ociVersion: str
        id: str
        instance: str
        generation: int
        status: Status
        pid: int
        bundle: str
        rootfs: str
        owner: str
        annotations: dict[str, str]
        runtime: Runtime
        created: str
        started: str | None
        finished: str | None
        finishedPrecision: Precision | None
        exit: Exit
        process: Process | None
        maker: Process | None
        starter: Process | None
        fault: str | None
        linux: Linux
        transitions: list[Transition]
        transitionsDropped: int
        execs: list[Exec]
        execsDropped: int


SCHEMA_VERSION = "1.0"
MAX_BYTES = 1 << 20
MAX_TRANSITIONS = 64
MAX_EXECS = 32
# the exit of a process of which nothing is known; shared, so never changed
UNKNOWN_EXIT: Exit = {"code": None, "signal": None, "oomKilled": None}
# what MAX_TRANSITIONS, MAX_EXECS and the other members may add to a record after its publication
GROWTH_BYTES = 64 << 10

# the text that was parsed or rendered last, and its record
_newest: dict[bytes, Record] = {}

# the status that a happening leads to; any other leaves it as it is
_LEADS_TO = {
    "creating": "creating",
    "created": "created",
    "started": "running",
    "paused": "paused",
    "resumed": "running",
    "stopped": "stopped",
}


def new_record(
    *,
    container_id: str,
    instance: str,
    bundle: str,
    rootfs: str,
    owner: str,
    annotations: dict[str, str],
    version: str | None,
    maker: Process,
    cgroup: Cgroup | None,
    now: str,
    runtime: str = "runf",
) -> Record:
    """The first record of a new life of ``container_id``: generation 1, creating."""
    return {
        # in the order of runc's `list --format json`, which some callers take apart as text
        "ociVersion": SPEC_VERSION,
        "id": container_id,
        "pid": 0,
        "status": "creating",
        "bundle": bundle,
        "rootfs": rootfs,
        "created": now,
        "annotations": annotations,
        "owner": owner,
        "schemaVersion": SCHEMA_VERSION,
        "instance": instance,
        "generation": 1,
        "runtime": {"name": runtime, "version": version},
        "started": None,
        "finished": None,
        "finishedPrecision": None,
        "exit": UNKNOWN_EXIT,
        "process": None,
        "maker": maker,
        "starter": None,
        "fault": None,
        "linux": {"cgroup": cgroup, "namespaces": {}},
        "transitions": [{"generation": 1, "n": 0, "time": now, "type": "creating", "status": "creating"}],
        "transitionsDropped": 0,
        "execs": [],
        "execsDropped": 0,
    }


def advance(
    record: Record,
    *,
    now: str,
    status: Status | None = None,
    happenings: tuple[Happening, ...] = (),
    **members: object,
) -> Record:
    """The next generation of ``record``: ``members`` replaced, ``happenings`` appended to its transitions.

    A change of status brings what it implies, unless ``members`` says otherwise: ``stopped`` takes the pid, the maker
    and the starter away and sets the finish to ``now``, only observed; ``running`` sets the start.
    Raises Fault for a status after ``stopped``: whoever meets it lost a race against the process's end.
    """
    if not members.keys() <= record.keys():
        raise TypeError(f"a record has no {', '.join(sorted(members.keys() - record.keys()))}")
    following: Record = {**record, "generation": record["generation"] + 1}
    if status is not None and status != record["status"]:
        _check_order(record, status)
        following["status"] = status
        following.update(_implied(record, status, now))  # type: ignore[typeddict-item]
    following.update(members)  # type: ignore[typeddict-item]
    if record["exit"]["code"] is not None and following["exit"]["code"] != record["exit"]["code"]:
        raise ValueError("a known exit code never changes")
    _append(following, record["status"], happenings, now)
    return following


def ended(record: Record, *, exit: Exit, finished: str, precision: Precision, now: str) -> Record | None:
    """The next generation, in which the first process has ended; None where ``record`` knows as much already.

    A start that nobody finished counts as one: the gate was opening, and whether the program still got to run can't
    be told. An exit that comes after ``stopped`` becomes known then, by a happening of its own.
    """
    if record["status"] != "stopped":
        was_starting = record["starter"] is not None and record["started"] is None
        return advance(
            record,
            now=now,
            happenings=("started", "stopped") if was_starting else ("stopped",),
            status="stopped",
            started=finished if was_starting else record["started"],
            finished=finished,
            finishedPrecision=precision,
            exit=exit,
        )
    if record["exit"]["code"] is not None or exit["code"] is None:
        return None
    if exit["oomKilled"] is None:
        exit = {**exit, "oomKilled": record["exit"]["oomKilled"]}
    if precision == "exact" and record["finishedPrecision"] == "observed":
        return advance(record, now=now, happenings=("exit",), exit=exit, finished=finished, finishedPrecision=precision)
    return advance(record, now=now, happenings=("exit",), exit=exit)


def _check_order(record: Record, status: Status) -> None:
    if record["status"] == "stopped":
        raise Fault(
            f'container "{record["id"]}" stopped before it could become {status}',
            hint="its exit code and the time lie in its record: `runf state`",
        )


def _implied(record: Record, status: Status, now: str) -> dict[str, object]:
    if status == "stopped":
        finish = {} if record["finished"] else {"finished": now, "finishedPrecision": "observed"}
        return {"pid": 0, "maker": None, "starter": None, **finish}
    if status == "running":
        return {"starter": None, "started": record["started"] or now}
    return {"maker": None} if status == "created" else {}


def _append(record: Record, before: str, happenings: tuple[Happening, ...], now: str) -> None:
    """Put ``happenings`` into the transitions of ``record``, which is still being made."""
    if not happenings:
        return
    times = {"started": record["started"], "stopped": record["finished"]}
    added: list[Transition] = []
    for n, happening in enumerate(happenings):
        is_last = n == len(happenings) - 1
        status: Status = record["status"] if is_last else _LEADS_TO.get(happening, before)  # type: ignore[assignment]
        time = times.get(happening) or now
        added.append({"generation": record["generation"], "n": n, "time": time, "type": happening, "status": status})
        before = status
    transitions = record["transitions"] + added
    record["transitionsDropped"] += max(0, len(transitions) - MAX_TRANSITIONS)
    record["transitions"] = transitions[-MAX_TRANSITIONS:]


def exec_started(record: Record, process: Process, *, now: str) -> Record:
    """The next generation, in which exec has added ``process``."""
    following = advance(record, now=now)
    started: Moment = {"generation": following["generation"], "n": 0, "time": now}
    execs: list[Exec] = [
        *record["execs"],
        {"process": process, "started": started, "ended": None, "exit": UNKNOWN_EXIT},
    ]
    if len(execs) > MAX_EXECS:
        ended = (index for index, each in enumerate(execs) if each["ended"] is not None)
        del execs[next(ended, 0)]
        following["execsDropped"] += 1
    following["execs"] = execs
    return following


def exec_ended(record: Record, process: Process, exit: Exit, *, now: str) -> Record:
    """The next generation, in which that exec has ended, or its exit became known; ``record`` where that is no news."""
    return execs_ended(record, record, ((process, exit),), now=now)


def execs_ended(record: Record, following: Record, ends: Sequence[tuple[Process, Exit]], *, now: str) -> Record:
    """``following``, or the next generation where that is ``record`` itself, in which those of ``ends`` have ended."""
    news = {
        index: exit
        for index, each in enumerate(record["execs"])
        for process, exit in ends
        if _is_news(each, process, exit)
    }
    if not news:
        return following
    following = advance(record, now=now) if following is record else {**following}
    generation = following["generation"]
    n = sum(1 for each in following["transitions"] if each["generation"] == generation)
    execs = list(following["execs"])
    for index, exit in news.items():
        each = execs[index]
        if each["ended"] is None:
            each = {**each, "ended": {"generation": generation, "n": n, "time": now}}
            n += 1
        execs[index] = {**each, "exit": exit}
    following["execs"] = execs
    return following


def _is_news(each: Exec, process: Process, exit: Exit) -> bool:
    if each["process"] != process:
        return False
    return each["ended"] is None or (each["exit"]["code"] is None and exit["code"] is not None)


def in_one_commit(before: Record, after: Record) -> Record:
    """``after`` as the generation next to ``before``, however many led there: what happened since keeps its order."""
    generation = before["generation"]
    if after["generation"] == generation + 1:
        return after
    moments: list[Any] = [*after["transitions"]]
    for each in after["execs"]:
        moments += filter(None, (each["started"], each["ended"]))
    news = sorted((each["generation"], each["n"]) for each in moments if each["generation"] > generation)
    places = {place: n for n, place in enumerate(news)}

    def placed(moment: Any) -> Any:
        n = places.get((moment["generation"], moment["n"])) if moment else None
        return moment if n is None else {**moment, "generation": generation + 1, "n": n}

    return {
        **after,
        "generation": generation + 1,
        "transitions": [placed(each) for each in after["transitions"]],
        "execs": [
            {**each, "started": placed(each["started"]), "ended": placed(each["ended"])} for each in after["execs"]
        ],
    }


def event_id(instance: str, generation: int, n: int) -> str:
    """The id of one happening: whoever derives it, whenever, derives the same."""
    return f"{instance}:{generation}:{n}"


def parse(data: bytes, container_id: str | None) -> Record:
    """The record in ``data``, found under the name ``container_id``; None where any will do.  Raises BadRecord."""
    document = _newest.get(data)
    if document is None:
        try:
            document = jsontext.decode(data)
            validate(document)
        except (jsontext.BadJson, Invalid) as error:
            raise BadRecord(container_id or "?", str(error)) from None
        _remember(data, document)
    if container_id is not None and document["id"] != container_id:
        raise BadRecord(container_id, f'it is that of "{document["id"]}"')
    return document


def serialize(record: Record) -> bytes:
    """What state.json holds; raises Invalid for a record that breaks the schema, Fault for one too large to be read."""
    validate(record)
    data = f"{jsontext.render(record)}\n".encode()
    if len(data) > MAX_BYTES:
        raise Fault(
            f'the record of container "{record["id"]}" would have {len(data)} bytes, {MAX_BYTES} are the limit',
            hint="shorten the annotations in config.json",
        )
    _remember(data, record)
    return data


def _remember(data: bytes, record: Record) -> None:
    """A command reads again and again what it has just read or written, under each lock that it takes."""
    _newest.clear()
    _newest[data] = record
