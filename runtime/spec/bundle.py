"""Reading a bundle: a directory with a config.json and, mostly, the root file system.

    read       regular file, at most 4 MiB
    decode     one JSON value
    validate   types, ranges and names (schemas/config.schema.json)
    check      what depends on several members (spec/rules.py), then what isn't built (spec/unsupported.py)

Nothing here changes anything.  Source: runtime-spec, bundle.md and config.md.
"""

from __future__ import annotations

import os
import stat

from runtime import jsontext
from runtime.errors import Fault, SpecFault
from runtime.spec.integers import write_integers
from runtime.spec.rules import check_rules
from runtime.spec.unsupported import refuse_unsupported
from runtime.spec.wording import one_line
from schemas.generated import config as config_schema
from schemas.invalid import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from runtime.spec.config import Config
else:
    from runtime.values import NamedTuple

CONFIG_NAME = "config.json"
CHUNK_BYTES = 65536  # malloc(3) maps more than this anew each time
CONFIG_LIMIT_BYTES = 4 << 20


class Bundle(NamedTuple):
    """A bundle that fits: absolute paths, the checked configuration, and its text as it was read."""

    path: str
    rootfs: str
    config: Config
    raw: bytes


def read_bundle(path: str, *, config: str | None = None) -> Bundle:
    """The bundle in the directory ``path``; ``config`` names another file than its config.json.

    Raises SpecFault for what the configuration says, Unsupported for what it asks in vain, Fault otherwise.
    """
    bundle = os.path.abspath(path)
    if not os.path.isdir(bundle):
        raise Fault(f"bundle {path}: not a directory", hint="name a directory that holds config.json, with --bundle")
    name = os.path.abspath(config) if config else CONFIG_NAME
    raw = read_document(os.path.join(bundle, name))
    parsed = parse_config(raw, bundle, name=name)
    return Bundle(bundle, _find_rootfs(parsed["root"]["path"], bundle), parsed, raw)


def parse_config(raw: bytes, bundle: str, *, name: str = CONFIG_NAME) -> Config:
    """The configuration that ``raw`` holds, checked; ``bundle`` and ``name`` say where it was found, for messages.

    Serves the frozen copy too, so it looks at nothing but the text.  Raises SpecFault and Unsupported.
    """
    try:
        document: Config = jsontext.decode(raw)
    except jsontext.BadJson as error:
        raise SpecFault(
            "", f"not JSON: {error}", hint="correct it there", document=os.path.join(bundle, name)
        ) from None
    write_integers(document)  # the validator takes integers for what they are in Python
    try:
        config_schema.validate(document)
    except Invalid as error:
        raise SpecFault(error.pointer, one_line(error.message), hint="`runf spec` writes a valid config.json") from None
    check_rules(document, raw)
    refuse_unsupported(document)
    return document


def read_document(path: str) -> bytes:
    """The bytes of a regular file of at most CONFIG_LIMIT_BYTES.  Fault."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO must not hold us up
    except FileNotFoundError:
        raise Fault(f"{path}: no such file or directory", hint="`runf spec` writes one into a bundle") from None
    except OSError as error:
        raise Fault(f"{path} can't be read: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Fault(f"{path}: not a regular file", hint="put the configuration into a regular file")
        return _read_bounded(fd, path)
    finally:
        os.close(fd)


def _read_bounded(fd: int, path: str) -> bytes:
    chunks = []
    left = CONFIG_LIMIT_BYTES + 1
    while left > 0 and (chunk := os.read(fd, min(left, CHUNK_BYTES))):
        chunks.append(chunk)
        left -= len(chunk)
    if left <= 0:
        raise Fault(
            f"{path}: larger than {CONFIG_LIMIT_BYTES >> 20} MiB", hint="shorten it; annotations are for short texts"
        )
    return b"".join(chunks)


def _find_rootfs(path: str, bundle: str) -> str:
    """The real path of the root file system: a mount point must not move with a symbolic link."""
    rootfs = os.path.realpath(os.path.join(bundle, path))
    if not os.path.isdir(rootfs):
        raise SpecFault(
            "/root/path", f'"{path}" is not a directory', hint=f"make the directory {rootfs}, or name another"
        )
    return rootfs
