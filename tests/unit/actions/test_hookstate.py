"""What hooks read of the state."""

import json

from runtime.actions.hookstate import STANDARD_MEMBERS, hook_state
from tests.support.records import first_record


def test_a_hook_reads_the_standard_members_and_nothing_else() -> None:
    record = first_record(annotations={"a": "\u00e4"})
    state = json.loads(hook_state(record, "created", 42))
    assert tuple(state) == STANDARD_MEMBERS
    assert state == {
        "ociVersion": record["ociVersion"],
        "id": "web",
        "status": "created",
        "pid": 42,
        "bundle": "/bundle",
        "annotations": {"a": "\u00e4"},
    }


def test_without_a_process_there_is_no_pid() -> None:
    assert "pid" not in json.loads(hook_state(first_record(), "stopped", 0))


def test_the_record_keeps_its_own_status_and_pid() -> None:
    record = first_record()
    hook_state(record, "running", 42)
    assert (record["status"], record["pid"]) == ("creating", 0)
