"""update: other limits for a container that is there.

    under `action`   observe; what is asked for and what holds -> writes; carry them out
    under `lock`     the frozen config.json follows, then `updated` is committed

A failure at any step takes all of it back.  Device rules can't be changed, and neither can what isn't built.
"""

from __future__ import annotations

from runtime import jsontext
from runtime.actions import look, rdt
from runtime.actions.status import refuse
from runtime.cgroups import updating
from runtime.errors import Fault
from runtime.kernel import clock
from runtime.spec.frozen import thaw_config
from runtime.spec.resources import check_rules, merge_resources, wishes
from runtime.store import layout
from runtime.store.record import advance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from runtime.actions.context import Context
    from runtime.store.record import Record
    from runtime.store.store import Store


def update(
    context: Context, container_id: str, asked: Mapping[str, Any], schemas: Mapping[str, str] | None = None
) -> Record:
    """Limit the container by the checked linux.resources ``asked``; what they don't name stays as it is.

    ``schemas`` are members of linux.intelRdt; they are written last, and can't be taken back.

    Faults place what they refuse as in a config.json.
    """
    store = look.open_store_of(context, container_id)
    try:
        with store.action(container_id):
            observed = look.observe_container(context, store, container_id)
            look.demand_verified(observed, "update")
            refuse("update", container_id, observed.status)
            return _update(context, store, observed.record, asked, schemas or {})
    finally:
        store.close()


def _update(
    context: Context, store: Store, record: Record, asked: Mapping[str, Any], schemas: Mapping[str, str]
) -> Record:
    raw = store.read_file(record["id"], layout.CONFIG)
    config: dict[str, Any] = {**thaw_config(raw)}
    linux = config.get("linux", {})
    old = linux.get("resources", {})
    changes = wishes(asked, old)
    if not changes and not schemas:
        return record
    merged = merge_resources(old, changes)
    check_rules(merged)
    config["linux"] = {**linux, "resources": merged}
    cgroup = record["linux"]["cgroup"]
    with updating.apply_update(changes, old, cgroup, context.roots, rootless=context.rootless) as applied:
        try:
            if schemas:
                config["linux"]["intelRdt"] = rdt.change(config, record["id"], schemas, context.roots)
            return _commit(store, record["id"], raw, jsontext.encode(config).encode())
        except BaseException as fault:
            applied.take_back(fault)
            raise


def _commit(store: Store, container_id: str, old: bytes, new: bytes) -> Record:
    with store.locked(container_id) as held:
        refuse("update", container_id, held.record["status"])  # it may have ended meanwhile
        held.replace(layout.CONFIG, new)
        try:
            held.commit(advance(held.record, now=clock.now(), happenings=("updated",)))
        except BaseException as fault:
            try:
                held.replace(layout.CONFIG, old)
            except (OSError, Fault) as error:
                fault.add_note(f"the frozen config.json keeps the new limits: {error}")
            raise
        return held.record
