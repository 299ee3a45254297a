"""The state that hooks read on their standard input (runtime-spec: runtime.md#state)."""

from __future__ import annotations

from runtime import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.store.record import Record, Status

STANDARD_MEMBERS = ("ociVersion", "id", "status", "pid", "bundle", "annotations")


def hook_state(record: Record, status: Status, pid: int) -> bytes:
    """The standard state in UTF-8; ``pid`` as the namespace that the hook runs in sees it, left out when 0."""
    state: dict[str, object] = {member: record[member] for member in STANDARD_MEMBERS}  # type: ignore[literal-required]
    state["status"] = status
    state["pid"] = pid
    if not pid:
        del state["pid"]
    return jsontext.encode(state).encode()
