"""The process that exec adds, as a document of its own: ``exec --process``.

It is held to the same schema and rules as the ``process`` of a config.json, in the container's own frozen one,
with JSON pointers into itself.  What it doesn't say about limits and confinement, the container's process says.
Source: runtime-spec: config.md#process.
"""

from __future__ import annotations

import os

from runtime import jsontext
from runtime.errors import SpecFault, Unsupported
from runtime.spec.bundle import read_document
from runtime.spec.integers import write_integers
from runtime.spec.rules import check_rules
from runtime.spec.unsupported import refuse_unsupported
from runtime.spec.wording import one_line
from schemas.generated import config as config_schema
from schemas.invalid import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.spec.config import Config, Process

MEMBER = "/process"
# what is the container's unless the document says something else; all else is the document's alone
INHERITED = (
    *("capabilities", "rlimits", "oomScoreAdj", "apparmorProfile", "selinuxLabel"),
    *("scheduler", "ioPriority", "execCPUAffinity"),
)


def read_process(path: str, config: Config) -> Config:
    """``config`` with the process of the document at ``path`` in place of its own.  SpecFault, Unsupported, Fault."""
    raw = read_document(os.path.abspath(path))
    try:
        process: Process = jsontext.decode(raw)
    except jsontext.BadJson as error:
        raise SpecFault("", f"not JSON: {error}", hint="correct it there", document=path) from None
    if not isinstance(process, dict):
        raise SpecFault("", "not an object", hint="write what is `process` in a config.json", document=path)
    changed: dict[str, Any] = {**config, "process": process}
    check_process(changed, raw, document=path)
    return _inherit(changed, config)


def check_process(config: Any, raw: bytes, *, document: str) -> None:
    """Raise SpecFault or Unsupported where the process of ``config`` is wrong, with its place in ``document``."""
    write_integers(config["process"])
    try:
        config_schema.validate(config)
        check_rules(config, raw)
        refuse_unsupported(config)
    except Invalid as error:
        hint = "`runf spec` writes a valid config.json"
        raise SpecFault(_inner(error.pointer), one_line(error.message), hint=hint, document=document) from None
    except SpecFault as fault:
        raise SpecFault(_inner(fault.pointer), fault.reason, hint=fault.hint, document=document) from None
    except Unsupported as fault:
        told = fault.message.replace(f"config.json#{MEMBER}", f"{document}#")
        raise Unsupported(told, hint=fault.hint) from None


def _inner(pointer: str) -> str:
    return pointer.removeprefix(MEMBER)


def _inherit(changed: dict[str, Any], config: Config) -> Config:
    process: dict[str, Any] = {**changed["process"]}
    own: dict[str, Any] = {**config["process"]}
    for member in INHERITED:
        if member in own:
            process.setdefault(member, own[member])
    umask = own.get("user", {}).get("umask")
    if umask is not None:
        process["user"] = {"umask": umask, **process.get("user", {"uid": 0, "gid": 0})}
    return {**changed, "process": process}  # type: ignore[typeddict-item]
