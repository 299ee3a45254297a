"""A container that is but a record and a process in cgroups, for actions that need no more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from runtime.actions.context import find_context
from runtime.actions.identity import identify
from runtime.cgroups import manager
from runtime.store.store import Store
from tests.support.records import commit, publish

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.store.record import Record
    from tests.support.cgroups import Groups


class Box:
    """The running container ``web`` on a root of its own; it has neither a bundle nor namespaces."""

    def __init__(self, place: Path, groups: Groups, **resources: Any) -> None:
        self.context = find_context({}, root=str(place / "root"))
        self.store = Store(self.context.roots.state, make=True)
        self.plan = groups.made(**resources)
        self.cgroup = manager.record_cgroup(self.plan)
        self.config = json.dumps({"linux": {"resources": resources}, "x-kept": [1.5, 1 << 63]}).encode()
        self.member = groups.join(self.plan)
        publish(self.store)
        with self.store.locked("web") as held:
            held.replace("config.json", self.config)
        identity = identify(self.member.pid)
        commit(self.store, process=identity, pid=self.member.pid, linux={"cgroup": self.cgroup, "namespaces": {}})
        commit(self.store, status="created", happenings=("created",))
        commit(self.store, status="running", happenings=("started",))

    @property
    def record(self) -> Record:
        """As it stands on disk."""
        return self.store.read("web")

    def frozen_config(self) -> bytes:
        """The private copy of config.json."""
        return self.store.read_file("web", "config.json")
