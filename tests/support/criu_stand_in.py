"""A stand-in for criu: it speaks to its caller as `criu swrk` does, and what it brings back is a program of the test's.

    python -m tests.support.criu_stand_in NOTES PROGRAM [OPTION]... swrk FD

NOTES is a file: a line of JSON for each request, its fields by number.  PROGRAM is for sh.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

from runtime.kernel import process
from runtime.kernel.terminal import controlling, peer_of_ptmx, unlock_peer
from runtime.sandbox import criu, protobuf

REPOSITORY = Path(__file__).parents[2]
VERSION = (3, 17)


def install(place: Path, program: str = "exec sleep 600") -> Path:
    """An executable that is called as criu is; its notes are ``place``'s with the suffix .notes."""
    words = f"{sys.executable} -m tests.support.criu_stand_in {place}.notes '{program}'"
    place.write_text(f'#!/bin/sh\ncd {REPOSITORY} && exec {words} "$@"\n')
    place.chmod(0o755)
    return place


def requests(place: Path) -> list[dict[str, object]]:
    """What the one that was installed there has been asked."""
    return [json.loads(line) for line in Path(f"{place}.notes").read_text().splitlines()]


class Caller:
    """Whoever holds the other end of the socket."""

    def __init__(self, fd: int) -> None:
        self.connection = socket.socket(fileno=fd)

    def tell(self, kind: int, *fields: tuple[int, protobuf.Value], fds: tuple[int, ...] = ()) -> None:
        message = protobuf.encode([(criu.RESP_TYPE, kind), (criu.RESP_SUCCESS, True), *fields])
        socket.send_fds(self.connection, [message], fds)

    def ask(self, stage: str, pid: int | None = None, fds: tuple[int, ...] = ()) -> None:
        """Tell of a stage, and wait for the consent."""
        fields: list[tuple[int, protobuf.Value]] = [(criu.NOTIFY_SCRIPT, stage)]
        fields += [] if pid is None else [(criu.NOTIFY_PID, pid)]
        self.tell(criu.NOTIFY, (criu.RESP_NOTIFY, protobuf.encode(fields)), fds=fds)
        if self.connection.recv(4096) != criu.consent():
            os._exit(1)


def restore(caller: Caller, program: str, *, has_terminal: bool) -> None:
    """Ask at each stage as criu does; the program begins with the last consent, as our caller's orphan."""
    gate, opening = os.pipe()
    made, making = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        os.close(opening)
        process.unshare(process.CLONE_NEWNS | process.CLONE_NEWUTS)
        socket.send_fds(making, [b"made"], [take_terminal()] if has_terminal else [])
        os.read(gate, 1)
        os.execv("/bin/sh", ["sh", "-c", program])
    _, masters, _, _ = socket.recv_fds(made, 4, 1)
    caller.ask("pre-restore")
    caller.ask("setup-namespaces", pid)
    caller.ask("post-setup-namespaces")
    if masters:
        caller.ask("orphan-pts-master", fds=(masters[0],))
    caller.ask("post-restore", pid)
    os.close(opening)
    caller.tell(criu.RESTORE)


def take_terminal() -> int:
    """A new one becomes ours; its master, which is of our own mounts as that of a container is."""
    master = os.open("/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY)
    unlock_peer(master)
    os.setsid()
    slave = peer_of_ptmx(master, os.O_RDWR)
    controlling(slave)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    return master


def main(notes: str, program: str, *words: str) -> None:
    caller = Caller(int(words[-1]))
    asked = protobuf.decode(caller.connection.recv(1 << 16))
    options = protobuf.decode(protobuf.content(asked, criu.REQ_OPTS) or b"")
    shown = {number: value if isinstance(value, int) else value.decode("latin-1") for number, value in options.items()}
    with open(notes, "a") as file:
        file.write(json.dumps({"type": asked[criu.REQ_TYPE], "words": words[:-2], **shown}) + "\n")
    match asked[criu.REQ_TYPE]:
        case criu.RESTORE:
            restore(caller, program, has_terminal=bool(options.get(criu.ORPHAN_PTS_MASTER)))
        case criu.VERSION:
            version = protobuf.encode(zip((criu.VERSION_MAJOR, criu.VERSION_MINOR), VERSION, strict=True))
            caller.tell(criu.VERSION, (criu.RESP_VERSION, version))
        case kind:
            for stage in ("pre-dump", "network-lock", "status-ready", "post-dump"):
                caller.ask(stage)
            caller.tell(int(kind))


if __name__ == "__main__":
    main(*sys.argv[1:])
