"""A whole state root, looked through for whatever breaks what readers rely on; nothing is changed, no lock is taken.

    the root           nobody else may write there, and its dot directories are directories
    <id>/              a valid id, the record, both locks; private files are private
    .deleted/<life>/   the last record, of that life, stopped
    each life          once

What goes while we look is passed over.  Source: docs/state-directory.md.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime import jsontext
from runtime.errors import BadIdentifier
from runtime.store import layout
from runtime.store.consistency import find_contradictions
from runtime.store.reading import RECORD_LIMIT_BYTES
from schemas.explain import explain

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN_RUNTIME = "runf"
LOCKS = (layout.LOCK, layout.ACTION)
WRITABLE = stat.S_IWGRP | stat.S_IWOTH


class Flaw(NamedTuple):
    """What is wrong in the file or directory ``path``; in a document at ``pointer``."""

    path: str
    pointer: str
    words: str


def examine_root(path: str) -> Iterator[Flaw]:
    """Each flaw of the state root at ``path``, the records of its containers included."""
    why = layout.is_trusted(path)
    if why:
        yield Flaw(path, "", f"somebody else could change what lies here: {why}")
    for name in (layout.STAGING, layout.DELETED):
        yield from _examine_directory(os.path.join(path, name))
    lives: dict[str, str] = {}
    for name in sorted(os.listdir(path)):
        if not name.startswith("."):
            yield from _examine_entry(os.path.join(path, name), name, lives)
    deleted = os.path.join(path, layout.DELETED)
    for name in sorted(os.listdir(deleted)) if os.path.isdir(deleted) else ():
        if not name.startswith("."):
            yield from _examine_last(os.path.join(deleted, name), name, lives)


def _examine_directory(path: str) -> Iterator[Flaw]:
    found = _look(path)
    if found is None:
        yield Flaw(path, "", "is missing")
    elif not stat.S_ISDIR(found.st_mode):
        yield Flaw(path, "", "is not a directory")
    elif found.st_mode & WRITABLE:
        yield Flaw(path, "", "others may write there")


def _examine_entry(path: str, name: str, lives: dict[str, str]) -> Iterator[Flaw]:
    try:
        layout.check_id(name)
    except BadIdentifier as fault:
        yield Flaw(path, "", fault.message)
        return
    yield from _examine_directory(path)
    yield from examine_container(path, name, lives)


def examine_container(path: str, container_id: str | None, lives: dict[str, str] | None = None) -> Iterator[Flaw]:
    """Each flaw of the container's directory at ``path``; ``lives`` has the lives met so far, and where."""
    record, flaws = _read(os.path.join(path, layout.STATE))
    if record is None and not os.path.isdir(path):
        return  # it was deleted while we looked
    yield from flaws
    yield from _examine_record(os.path.join(path, layout.STATE), record, container_id, lives)
    is_ours = not _is_record(record) or record["runtime"]["name"] == OWN_RUNTIME
    for name in (*LOCKS, *((layout.CONFIG,) if is_ours else ())):
        if _look(os.path.join(path, name)) is None and os.path.isdir(path):
            yield Flaw(os.path.join(path, name), "", "is missing")
    for name in sorted(os.listdir(path)) if os.path.isdir(path) else ():
        found = _look(os.path.join(path, name))
        if name != layout.STATE and found is not None and stat.S_IMODE(found.st_mode) & ~layout.PRIVATE_MODE:
            yield Flaw(os.path.join(path, name), "", "others may read or write it")


def _examine_last(path: str, instance: str, lives: dict[str, str]) -> Iterator[Flaw]:
    record, flaws = _read(os.path.join(path, layout.STATE))
    if record is None and not os.path.isdir(path):
        return  # it was pruned while we looked
    yield from flaws
    place = os.path.join(path, layout.STATE)
    yield from _examine_record(place, record, None, lives)
    if _is_record(record):
        if record["instance"] != instance:
            yield Flaw(place, "/instance", f"is {record['instance']}, and the directory is that of {instance}")
        if record["status"] != "stopped":
            yield Flaw(place, "/status", f"is {record['status']}, and this is a last record")


def examine_record(path: str) -> Iterator[Flaw]:
    """Each flaw of the record in the file ``path``."""
    record, flaws = _read(path)
    yield from flaws
    yield from _examine_record(path, record, None, None)


def _examine_record(path: str, record: Any, container_id: str | None, lives: dict[str, str] | None) -> Iterator[Flaw]:
    if not _is_record(record):
        return
    for pointer, words in find_contradictions(record):
        yield Flaw(path, pointer, words)
    if container_id is not None and record["id"] != container_id:
        yield Flaw(path, "/id", f"is {record['id']}, and the directory is that of {container_id}")
    if lives is not None:
        before = lives.setdefault(record["instance"], path)
        if before != path:
            yield Flaw(path, "/instance", f"is also that of {before}")


def _read(path: str) -> tuple[Any, list[Flaw]]:
    """The document at ``path``, and what its schema says of it; None where nobody can read it."""
    found = _look(path)
    if found is None or not stat.S_ISREG(found.st_mode):
        return None, [Flaw(path, "", "is missing" if found is None else "is not a regular file")]
    flaws = [Flaw(path, "", "others may write it")] if found.st_mode & WRITABLE else []
    if found.st_size > RECORD_LIMIT_BYTES:
        return None, [*flaws, Flaw(path, "", f"is larger than {RECORD_LIMIT_BYTES >> 20} MiB")]
    try:
        with open(path, "rb") as file:
            document = jsontext.decode(file.read(RECORD_LIMIT_BYTES))
    except OSError as error:
        return None, [*flaws, Flaw(path, "", f"can't be read: {error.strerror}")]
    except jsontext.BadJson as error:
        return None, [*flaws, Flaw(path, "", f"not JSON: {error}")]
    return document, flaws + [Flaw(path, breach.pointer, breach.words) for breach in explain("state", document)]


def _is_record(document: Any) -> bool:
    return document is not None and not explain("state", document)


def _look(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
