"""Whether what `state` says of a container agrees with the kernel, asked without anything of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.actions.status import INTERRUPTED
from runtime.kernel import procfs
from runtime.sandbox.channel import ALIVE_BUT_UNHEARD
from schemas.generated import state as state_schema

if TYPE_CHECKING:
    from collections.abc import Collection


def is_true(state: dict[str, Any], programs: Collection[str], codes: Collection[int | None]) -> bool:
    """Whether the status is the process's; AssertionError for what can't be true at any moment.

    ``programs`` are the names of its first process once it runs, ``codes`` the exit codes that it can have had;
    where its maker was killed it ends by itself, with a code that says so.
    """
    record = {name: value for name, value in state.items() if name != "verified"}
    state_schema.validate(record)
    assert state["verified"] is True
    assert state["status"] != "creating", state  # who asks has waited for its maker's end
    assert (state["pid"] == 0) == (state["status"] == "stopped"), state
    code, is_interrupted = state["exit"]["code"], state["fault"] == INTERRUPTED
    assert code in codes or (is_interrupted and code == ALIVE_BUT_UNHEARD), json.dumps(state)
    if is_interrupted:
        return bool(state["status"] == "stopped")
    cgroup = state["linux"]["cgroup"]
    if cgroup and is_frozen(cgroup["paths"]):
        return bool(state["status"] == "paused")
    return bool(state["status"] == kernel_status(state["process"], programs))


def is_frozen(paths: dict[str, str]) -> bool:
    """Whether that cgroup stands still, by the file that tells it, v1's or v2's."""
    files = {"freezer": ("freezer.state", "FROZEN"), "unified": ("cgroup.events", "frozen 1")}
    for name, (file, told) in files.items():
        if name in paths:
            try:
                return told in Path(paths[name], file).read_text()
            except OSError:
                return False  # it is gone, and its processes with it
    return False


def kernel_status(process: dict[str, Any] | None, programs: Collection[str]) -> str:
    """``created``, ``running`` or ``stopped``, by the name of the first process."""
    found = procfs.stat("/proc", process["pid"]) if process else None
    if process is None or found is None or found.start_time != process["startTime"] or procfs.has_ended(found):
        return "stopped"
    return "running" if found.comm in programs else "created"
