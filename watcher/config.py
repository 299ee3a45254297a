"""The watcher's settings: what the command line says, else watcher.toml, else the defaults.

file      --config; or root's /etc/runf/watcher.toml, anybody else's $XDG_CONFIG_HOME/runf/watcher.toml
root      --root, RUNF_ROOT, file, the caller's own
socket    --socket, RUNF_WATCHER_SOCKET, file; beside the default root, or in the private directory of another
listen    --listen, file; no TCP
"""

from __future__ import annotations

import contextlib
import json
import os
import socket as sockets
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema

from runtime.actions.context import own_root
from runtime.errors import Fault
from runtime.store import address
from watcher.events import source_of
from watcher.hub import QUEUE_LIMIT
from watcher.journal import SEGMENT_LIMIT_BYTES, SEGMENTS_LIMIT
from watcher.outputs.tcp import parse_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watcher.outputs.tcp import Address

SYSTEM_CONFIG = Path("/etc/runf/watcher.toml")
MACHINE_ID = Path("/etc/machine-id")
SCHEMA = Path(__file__).parent.parent / "schemas" / "watcher.schema.json"


class Settings(NamedTuple):
    """Everything that a watcher needs to know before it starts; ``private`` is its own directory.

    ``announced_beside`` is the default root whose announced others are followed too; None: no others are.
    """

    root: str
    socket: str
    private: Path
    machine: str
    announced_beside: str | None = None
    listen: tuple[Address, ...] = ()
    host_names: tuple[str, ...] = ()
    read_only: bool = False
    segment_bytes: int = SEGMENT_LIMIT_BYTES
    segments: int = SEGMENTS_LIMIT
    queue: int = QUEUE_LIMIT

    @property
    def source(self) -> str:
        """The source of the own root's events."""
        return source_of(self.machine, self.root)


def find_settings(
    environ: Mapping[str, str],
    *,
    config: str | None = None,
    root: str | None = None,
    socket: str | None = None,
    listen: Sequence[str] = (),
    allow_remote: bool = False,
    read_only: bool = False,
    one_root: bool = False,
) -> Settings:
    """The settings for these options.  Fault names the file and the JSON pointer of what is wrong in it."""
    found = read_config(environ, config)
    default = own_root(environ)
    chosen = os.path.abspath(root or environ.get("RUNF_ROOT") or found.get("root") or default)
    is_default = os.path.realpath(chosen) == os.path.realpath(default)
    private = Path(address.private_directory(chosen, default))
    named = socket or environ.get("RUNF_WATCHER_SOCKET") or found.get("socket")
    journal = found.get("journal", {})
    may_be_remote = allow_remote or found.get("allow_remote", False)
    return Settings(
        root=chosen,
        socket=os.path.abspath(named) if named else address.socket_path(chosen, default),
        private=private,
        machine=machine_id(),
        announced_beside=None if one_root or found.get("one_root", False) or not is_default else default,
        listen=tuple(parse_address(text, allow_remote=may_be_remote) for text in listen or found.get("listen", ())),
        host_names=tuple(found.get("host_names", ())),
        read_only=read_only or found.get("read_only", False),
        segment_bytes=journal.get("segment_bytes", SEGMENT_LIMIT_BYTES),
        segments=journal.get("segments", SEGMENTS_LIMIT),
        queue=found.get("subscribers", {}).get("queue", QUEUE_LIMIT),
    )


def machine_id() -> str:
    """The machine's id, which makes an event's source unique; its name where it has none."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        found = MACHINE_ID.read_text(encoding="ascii").strip()
        if found:
            return found
    return sockets.gethostname()


def read_config(environ: Mapping[str, str], named: str | None) -> dict[str, Any]:
    """The checked content of watcher.toml; empty where there is none and none was named."""
    path = Path(named) if named else _own_file(environ)
    if path is None:
        return {}
    try:
        return _parse(path, path.read_bytes())
    except FileNotFoundError:
        if named:
            raise Fault(f"{path}: no such file or directory", hint="name an existing file with --config") from None
        return {}
    except OSError as error:
        raise Fault(f"{path} can't be read: {error.strerror}") from error


def _own_file(environ: Mapping[str, str]) -> Path | None:
    """What the system's watcher is told is not for the watchers of its users."""
    if os.geteuid() == 0:
        return SYSTEM_CONFIG
    home = environ.get("XDG_CONFIG_HOME") or (f"{environ['HOME']}/.config" if environ.get("HOME") else "")
    return Path(home) / "runf" / "watcher.toml" if home else None


def _parse(path: Path, content: bytes) -> dict[str, Any]:
    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # its own faults, the codec's, numbers and lists without end
        raise Fault(f"{path}: not TOML: {error}", hint="correct it there") from None
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    problem = jsonschema.exceptions.best_match(validator.iter_errors(document))
    if problem is not None:
        pointer = "".join(f"/{part}" for part in problem.absolute_path)
        raise Fault(f"{path}#{pointer}: {problem.message}", hint="schemas/watcher.schema.json says what it may hold")
    return document
