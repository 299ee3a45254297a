"""The linux.resources of an update: the same document and the same rules as in config.json.

    parse_resources     text -> values that the schema and the rules allow
    wishes              what asks for a change: 0 and empty texts stand for "as it is", as callers of runc mean them
    merge_resources     what holds once the wishes are carried out

Source: runtime-spec: config-linux.md#control-groups.
"""

from __future__ import annotations

from runtime import jsontext
from runtime.errors import SpecFault, Unsupported
from runtime.spec.integers import write_integers
from runtime.spec.resource_rules import RULES, SWAPPINESS_UNSET
from runtime.spec.rules import text_can_be_passed_on
from runtime.spec.wording import one_line, pointer
from schemas.generated import config as config_schema
from schemas.invalid import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from runtime.spec.config import Config

# 0 means something in these; everywhere else it is no wish
MEANT_ZEROS = frozenset((("cpu", "burst"), ("cpu", "idle"), ("memory", "swappiness")))
# what tells the entries of a list apart
KEYS = {
    "weightDevice": ("major", "minor"),
    "throttleReadBpsDevice": ("major", "minor"),
    "throttleWriteBpsDevice": ("major", "minor"),
    "throttleReadIOPSDevice": ("major", "minor"),
    "throttleWriteIOPSDevice": ("major", "minor"),
    "hugepageLimits": ("pageSize",),
    "priorities": ("name",),
}
# the smallest config.json around the resources, for the schema and the rules
_AROUND = {"ociVersion": "1.0.0", "root": {"path": "/"}, "process": {"cwd": "/", "args": ["sh"]}}


def parse_resources(raw: bytes, name: str) -> dict[str, Any]:
    """The resources in the JSON text ``raw``, which comes from ``name``.  SpecFault, placed as in a config.json."""
    try:
        document = jsontext.decode(raw)
    except jsontext.BadJson as error:
        raise SpecFault("", f"not JSON: {error}", hint="correct it there", document=name) from None
    return check_resources(document, has_escapes=b"\\u" in raw)


def check_resources(document: Any, *, has_escapes: bool = False) -> dict[str, Any]:
    """``document`` if it is what linux.resources of a config.json may be.  SpecFault, placed as there."""
    config: Any = {**_AROUND, "linux": {"resources": document}}
    write_integers(config)
    try:
        config_schema.validate(config)
    except Invalid as error:
        raise SpecFault(error.pointer, one_line(error.message), hint="correct it there") from None
    if has_escapes:
        for fault in text_can_be_passed_on(config):
            raise fault
    check_rules(document)
    return document  # type: ignore[no-any-return]


def check_rules(resources: Mapping[str, Any]) -> None:
    """Raise SpecFault for the first rule about resources that these break."""
    config: Config = {**_AROUND, "linux": {"resources": resources}}  # type: ignore[typeddict-item]
    for rule in RULES:
        for fault in rule(config):
            raise fault


def wishes(asked: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """The members of ``asked`` that ask for anything, where ``old`` holds.

    Unsupported: other device rules; what a program has open it would keep.
    """
    if asked.get("devices") and asked["devices"] != old.get("devices"):
        raise Unsupported(
            f"config.json#{pointer('linux', 'resources', 'devices')}: the device rules of a container can't be changed",
            hint="leave them out, or as they are in its config.json",
        )
    found: dict[str, Any] = {}
    for section, value in asked.items():
        if section == "devices":
            continue
        if isinstance(value, dict) and section not in ("unified", "rdma"):
            held = old.get(section, {})
            value = {member: each for member, each in value.items() if _is_wish(section, member, each, held)}
        if value:
            found[section] = value
    return found


def _is_wish(section: str, member: str, value: Any, held: Mapping[str, Any]) -> bool:
    if value is False:
        return bool(held.get(member))
    if (section, member) == ("memory", "swappiness"):
        return bool(value != SWAPPINESS_UNSET)
    return bool(value) or (section, member) in MEANT_ZEROS


def merge_resources(old: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """``old`` with the wishes ``asked`` laid over it."""
    merged = dict(old)
    for name, value in asked.items():
        if name in KEYS:
            merged[name] = _merge_list(old.get(name, ()), value, KEYS[name])
        elif isinstance(value, dict):
            merged[name] = merge_resources(old.get(name, {}), value)
        else:
            merged[name] = value
    memory = asked.get("memory", {})
    if memory.get("limit") == -1 and "swap" not in memory and merged["memory"].get("swap", 0) > 0:
        merged["memory"] = {**merged["memory"], "swap": -1}  # without a limit for memory there is none for both
    return merged


def _merge_list(old: Any, asked: Any, key: tuple[str, ...]) -> list[dict[str, Any]]:
    merged = {tuple(entry.get(name) for name in key): dict(entry) for entry in old}
    for entry in asked:
        merged.setdefault(tuple(entry.get(name) for name in key), {}).update(entry)
    return list(merged.values())
