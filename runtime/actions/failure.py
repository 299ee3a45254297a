"""The record of a container that failed before its program ran."""

from __future__ import annotations

from runtime.store.record import advance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.store.record import Record

FAULT_LIMIT = 4096  # characters, as the schema has it


def failed(record: Record, fault: BaseException, *, now: str) -> Record:
    """Stopped, with ``fault`` in words; nobody executed a program, so there is no exit code.

    An end that somebody saw before stays as it was seen.
    """
    finish = {} if record["status"] == "stopped" else {"finished": now, "finishedPrecision": "exact"}
    return advance(
        record,
        now=now,
        happenings=("failed",),
        status="stopped",
        pid=0,
        maker=None,
        starter=None,
        fault=str(fault)[:FAULT_LIMIT],
        **finish,
    )
