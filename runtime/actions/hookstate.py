"""The state that hooks and listeners of notifications read (runtime-spec: runtime.md#state).

All hooks of a create read `created`: they run after step 2 of the life cycle, which is what that means.
"""

from __future__ import annotations

from runtime import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.store.record import Record, Status

STANDARD_MEMBERS = ("ociVersion", "id", "status", "pid", "bundle", "annotations")


def process_state(record: Record, status: Status, pid: int, metadata: str, *, added: int | None = None) -> bytes:
    """What comes with the fd of a listener's notifications (runtime-spec: config-linux.md#containerprocessstate).

    ``pid`` is that of the container's first process; the fd tells of that one, or of a process that was ``added``.
    """
    state = jsontext.decode(hook_state(record, status, pid))
    message = {
        "ociVersion": record["ociVersion"],
        "fds": ["seccompFd"],
        "pid": added or pid,
        **({"metadata": metadata} if metadata else {}),
        "state": state,
    }
    return jsontext.encode(message).encode()


def hook_state(record: Record, status: Status, pid: int) -> bytes:
    """The standard state in UTF-8; ``pid`` as the namespace that the hook runs in sees it, left out when 0."""
    state: dict[str, object] = {member: record[member] for member in STANDARD_MEMBERS}  # type: ignore[literal-required]
    state["status"] = status
    state["pid"] = pid
    if not pid:
        del state["pid"]
    return jsontext.encode(state).encode()
