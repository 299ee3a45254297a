"""A container's processes, stopped where they are and let go again.

           file             asked for by       reached
    v1     freezer.state    FROZEN / THAWED    when it reads FROZEN; nothing tells of that
    v2     cgroup.freeze    1 / 0              when cgroup.events reads frozen 1; POLLPRI tells

The functions take the record's ``linux.cgroup``, or None for a container without one.
Source: Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst, cgroup-v2.rst of Linux.
"""

from __future__ import annotations

import errno
import os
import select
import time

from runtime.cgroups.claims import open_claimed, read_file, walk
from runtime.cgroups.events import await_event
from runtime.errors import CgroupFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

FREEZE_WAIT_S = 2.0
RELEASE_WAIT_S = 2.0
THAW_WAIT_S = 0.2
FREEZE_PAUSE_MS = 1
FREEZE_PAUSE_MOST_MS = 50
_STATE_BYTES = 64


class Freezer:
    """A cgroup's freezer with its file held open, so that thawing needs no fd when these have run out."""

    def __init__(self, fd: int, *, is_v2: bool) -> None:
        """Takes ``fd``, the cgroup's, over."""
        self._fd = fd
        self._is_v2 = is_v2
        try:
            name = "cgroup.freeze" if is_v2 else "freezer.state"
            self._file = os.open(name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=fd)
        except BaseException:
            os.close(fd)
            raise

    def __enter__(self) -> Freezer:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
        os.close(self._fd)

    def freeze(self) -> None:
        """Ask for it; see ``await_frozen``."""
        self._write(b"1" if self._is_v2 else b"FROZEN")

    def thaw(self) -> None:
        """Let all go on."""
        self._write(b"0" if self._is_v2 else b"THAWED")

    def is_frozen(self) -> bool:
        """Whether all processes have stopped, be it by a cgroup above."""
        if not self._is_v2:
            return self._read() == b"FROZEN"
        try:
            return "frozen 1" in read_file(self._fd, "cgroup.events").split("\n")
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENODEV):
                return False  # the cgroup was removed
            raise

    def is_asked(self) -> bool:
        """Whether somebody has asked for it, reached or not; what was asked of a cgroup above doesn't count."""
        try:
            return read_file(self._fd, "cgroup.freeze" if self._is_v2 else "freezer.self_freezing").strip() == "1"
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENODEV):
                return False  # the cgroup was removed
            raise

    def await_frozen(self, timeout_s: float) -> bool:
        """Whether all processes have stopped in time, those beneath too."""
        deadline = time.monotonic() + timeout_s
        if self._is_v2:
            # a cgroup with processes of its own reads frozen 1 when these have stopped, whatever those beneath do
            return await_event(self._fd, "frozen 1", timeout_s) and all(
                await_event(parent, "frozen 1", deadline - time.monotonic(), name) for parent, name in walk(self._fd)
            )
        pause_ms = FREEZE_PAUSE_MS
        while not self.is_frozen():
            if time.monotonic() >= deadline:
                return False
            select.poll().poll(pause_ms)  # v1 has nothing to wait on
            pause_ms = min(pause_ms * 2, FREEZE_PAUSE_MOST_MS)
            self.freeze()  # a busy cgroup may need to be asked again
        return True

    def await_thawed(self, timeout_s: float) -> bool:
        """Whether all processes go on in time; on v1 they do at once."""
        return not self._is_v2 or await_event(self._fd, "frozen 0", timeout_s)

    def _read(self) -> bytes:
        try:
            return os.pread(self._file, _STATE_BYTES, 0).strip()
        except OSError as error:
            if error.errno == errno.ENODEV:
                return b""  # the cgroup was removed
            raise

    def _write(self, value: bytes) -> None:
        try:
            os.pwrite(self._file, value, 0)
        except OSError as error:
            if error.errno != errno.ENODEV:  # as above: nothing is left to freeze
                raise


def open_freezer(cgroup: Mapping[str, Any] | None) -> Freezer | None:
    """The container's freezer; None where it has none, or its cgroup is gone."""
    if not cgroup:
        return None
    paths: Mapping[str, str] = cgroup["paths"]
    path = paths.get("unified") or paths.get("freezer")
    fd = open_claimed(path) if path else None
    if fd is None:
        return None
    try:
        return Freezer(fd, is_v2="unified" in paths)
    except FileNotFoundError:
        return None  # removed at this moment, or a v2 older than Linux 5.2


def freeze(cgroup: Mapping[str, Any] | None) -> None:
    """Stop all processes and wait until they are.  CgroupFault: there is no freezer, or it takes too long."""
    with _demand_freezer(cgroup) as freezer:
        try:
            freezer.freeze()
            if not freezer.await_frozen(FREEZE_WAIT_S):
                raise CgroupFault(f"the container's processes do not freeze within {FREEZE_WAIT_S:.0f} seconds")
        except BaseException:
            freezer.thaw()
            raise


def release(cgroup: Mapping[str, Any] | None) -> None:
    """Let all processes go on.  CgroupFault: they don't, since a cgroup above is frozen; then all is as before."""
    with _demand_freezer(cgroup) as freezer:
        was_asked = freezer.is_asked()
        freezer.thaw()
        if freezer.await_thawed(RELEASE_WAIT_S) and not freezer.is_frozen():
            return
        if was_asked:
            freezer.freeze()
        raise CgroupFault("the container's processes stay frozen: a cgroup above theirs is", hint="thaw that one")


def _demand_freezer(cgroup: Mapping[str, Any] | None) -> Freezer:
    freezer = open_freezer(cgroup)
    if freezer is None:
        raise CgroupFault(
            "the container has no freezer cgroup",
            hint="mount the freezer, or use cgroup v2; an ordinary user needs a cgroup delegated to them",
        )
    return freezer


def thaw(cgroup: Mapping[str, Any] | None) -> None:
    """Let all processes go on; fine where they were not frozen.

    On v2 they do a moment after the write, which is waited for, so that whoever looks next doesn't see them frozen;
    not for long, since a cgroup above may be frozen too.
    """
    freezer = open_freezer(cgroup)
    if freezer is not None:
        with freezer:
            freezer.thaw()
            freezer.await_thawed(THAW_WAIT_S)
