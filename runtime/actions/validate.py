"""validate: everything that is wrong with a bundle, a config.json, a record, a container's directory or a whole root.

    a directory with state.json                the container's directory: its record, and its frozen config.json
    a directory with config.json               the bundle: the configuration, and whether the root file system is there
    a directory with .staging or .deleted      the state root, with all that lies there
    a file named state.json                    the record
    any other file                             a config.json

Nothing is changed.  Source: runtime-spec, config.md; docs/state-directory.md.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from runtime import jsontext
from runtime.errors import Fault
from runtime.spec.bundle import CONFIG_NAME, read_document
from runtime.spec.explain import find_all_faults
from runtime.spec.warnings import find_warnings
from runtime.spec.wording import one_line, quote
from runtime.store import layout
from runtime.store.examination import examine_container, examine_record, examine_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from runtime.store.examination import Flaw

    Level = Literal["error", "warning"]


class Finding(NamedTuple):
    """One thing to tell of the file or directory ``path``; ``pointer`` leads to it in a document."""

    path: str
    pointer: str
    message: str
    hint: str = ""
    level: Level = "error"

    def line(self) -> str:
        """For people: where, what, and what to do."""
        place = f"{self.path}#{self.pointer}" if self.pointer else self.path
        warns = "warning: " if self.level == "warning" else ""
        return one_line(f"{warns}{place}: {self.message}" + (f"; {self.hint}" if self.hint else ""))


def validate(path: str) -> Iterator[Finding]:
    """Each finding about what lies at ``path``.  Fault: that is nothing that could be validated."""
    if not os.path.exists(path):
        raise Fault(f"{path}: no such file or directory", hint="name a bundle, a record, or a state root")
    if not os.path.isdir(path):
        is_record = os.path.basename(path) == layout.STATE
        return map(_finding, examine_record(path)) if is_record else _validate_config(path)
    if os.path.lexists(os.path.join(path, layout.STATE)):
        return _validate_container(path)
    if os.path.lexists(os.path.join(path, CONFIG_NAME)):
        return _validate_bundle(path)
    if any(os.path.lexists(os.path.join(path, name)) for name in (layout.STAGING, layout.DELETED)):
        return _validate_root(path)
    raise Fault(
        f"{path}: neither a bundle, a container's directory, nor a state root",
        hint=f"a bundle holds {CONFIG_NAME}, a container's directory {layout.STATE}, a root {layout.STAGING}",
    )


def _validate_root(path: str) -> Iterator[Finding]:
    yield from map(_finding, examine_root(path))
    for name in sorted(os.listdir(path)):
        frozen = os.path.join(path, name, CONFIG_NAME)
        if not name.startswith(".") and os.path.lexists(frozen):
            yield from _validate_config(frozen)


def _validate_container(path: str) -> Iterator[Finding]:
    yield from map(_finding, examine_container(path, None))
    frozen = os.path.join(path, CONFIG_NAME)
    if os.path.lexists(frozen):
        yield from _validate_config(frozen)


def _finding(flaw: Flaw) -> Finding:
    return Finding(flaw.path, flaw.pointer, flaw.words)


def _validate_bundle(path: str) -> Iterator[Finding]:
    config = os.path.join(path, CONFIG_NAME)
    yield from _validate_config(config)
    rootfs = _rootfs_of(config)
    if rootfs is not None and not os.path.isdir(os.path.join(path, rootfs)):
        hint = f"make the directory {os.path.normpath(os.path.join(path, rootfs))}, or name another"
        yield Finding(config, "/root/path", f"{quote(rootfs)} is not a directory", hint)


def _rootfs_of(config: str) -> str | None:
    """What a config.json, which may be wrong all over, names as its root file system."""
    try:
        document = jsontext.decode(read_document(config))
    except (jsontext.BadJson, Fault):
        return None
    root = document.get("root") if isinstance(document, dict) else None
    rootfs = root.get("path") if isinstance(root, dict) else None
    return rootfs if isinstance(rootfs, str) and rootfs and "\0" not in rootfs else None


def _validate_config(path: str) -> Iterator[Finding]:
    try:
        raw = read_document(path)
        document = jsontext.decode(raw)
    except jsontext.BadJson as error:
        yield Finding(path, "", f"not JSON: {error}", "correct it there")
        return
    except Fault as fault:
        yield Finding(path, "", fault.message.removeprefix(f"{path}: "), fault.hint)
        return
    is_sound = True
    for found in find_all_faults(document, raw):
        is_sound = False
        message = found.message.removeprefix("config.json").removeprefix(f"#{one_line(found.pointer)}")
        yield Finding(path, found.pointer, message.removeprefix(": "), found.hint)
    if is_sound:
        for text in find_warnings(document):
            pointer, _, message = text.removeprefix("config.json#").partition(": ")
            yield Finding(path, pointer, message, level="warning")
