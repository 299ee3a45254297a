"""inotify on a state root: it only says where to look.

    root       IN_MOVED_TO    a life begins            IN_MOVED_FROM   a life has ended
               IN_DELETE      somebody else removed a container, or the root itself: first of all its .staging
    .staging   IN_MOVED_FROM  <id>.<instance>.<generation>: a commit, by a name of its own, so that nothing merges

Two watches, however many containers. An overflow of the kernel's queue, or a watch that is lost, means: look at
everything. Source: inotify(7).
"""

from __future__ import annotations

import os
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from inotify_simple import INotify, flags

from runtime.store.layout import DELETED, STAGING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runtime.store.layout import RootFds

INSTANCE_DIGITS = 32
# some hundred events: between two such looks others get their turn
SOME_BYTES = 64 << 10
# more than the kernel's queue holds: 16,384 events, each with a name of at most 255 bytes
ALL_BYTES = 8 << 20
_HEX = "0123456789abcdef"
_EVENT = Struct("iIII")  # wd, mask, cookie, length of the name that follows, padded with NULs
_ROOT_MASK = int(flags.MOVED_TO | flags.MOVED_FROM | flags.DELETE | flags.DELETE_SELF | flags.MOVE_SELF | flags.ONLYDIR)
_STAGING_MASK = int(flags.MOVED_FROM | flags.DELETE_SELF | flags.MOVE_SELF | flags.ONLYDIR)
_ARRIVES = int(flags.MOVED_TO)
_OVERFLOW = int(flags.Q_OVERFLOW)
_LOST = int(flags.Q_OVERFLOW | flags.IGNORED | flags.DELETE_SELF | flags.MOVE_SELF | flags.UNMOUNT)


class Look(NamedTuple):
    """Where to look: ids that came or went, and the generation to which each life (id, instance) has committed.

    ``everything`` makes the rest superfluous.
    """

    ids: set[str]
    lives: dict[tuple[str, str], int]
    everything: bool = False
    overflowed: bool = False


class Directory:
    """The two watches; ``fd`` polls readable when there is something to look at."""

    def __init__(self, fds: RootFds) -> None:
        self._inotify = INotify(nonblocking=True)
        self.is_gone = False
        try:
            # by fd: what is watched is what is read, wherever the root's path leads by now
            self._inotify.add_watch(f"/proc/self/fd/{fds.root}", _ROOT_MASK)
            self._staging_wd = self._inotify.add_watch(f"/proc/self/fd/{fds.staging}", _STAGING_MASK)
        except BaseException:
            self._inotify.close()
            raise
        self.fd: int = self._inotify.fileno()

    def read(self, at_most: int = ALL_BYTES) -> Look:
        """What has been seen since the last call, oldest first, of so many bytes ``at_most``; waits for nothing."""
        try:
            data = os.read(self.fd, at_most)
        except BlockingIOError:
            data = b""
        return self._look_for(_parse(data))

    def _look_for(self, events: Iterable[tuple[int, int, str]]) -> Look:
        ids: set[str] = set()
        lives: dict[tuple[str, str], int] = {}
        everything = overflowed = False
        for wd, mask, name in events:
            if mask & _LOST:
                everything = True
                overflowed = overflowed or bool(mask & _OVERFLOW)
                self.is_gone = self.is_gone or not mask & _OVERFLOW
            elif wd == self._staging_wd:
                commit = commit_of(name)
                if commit:
                    container_id, instance, generation = commit
                    life = (container_id, instance)
                    lives[life] = max(generation, lives.get(life, 0))
            elif name[:1] != ".":
                ids.add(name)
            elif name in (STAGING, DELETED) and not mask & _ARRIVES:
                # we hold the root open, so IN_DELETE_SELF would come only after we have closed it
                everything = self.is_gone = True
        return Look(ids, lives, everything, overflowed)

    def close(self) -> None:
        """End both watches."""
        self._inotify.close()


def _parse(data: bytes) -> Iterator[tuple[int, int, str]]:
    """Watch, mask and name of each event."""
    position = 0
    while position < len(data):
        wd, mask, _, size = _EVENT.unpack_from(data, position)
        begin = position + _EVENT.size
        position = begin + size
        yield wd, mask, data[begin:position].rstrip(b"\0").decode("utf-8", "surrogateescape")


def commit_of(name: str) -> tuple[str, str, int] | None:
    """Id, instance and generation of a commit by its name in .staging; None for anything else that lies there.

    An id may hold dots, so the name is taken apart from its end.
    """
    parts = name.rsplit(".", 2)
    if len(parts) != 3:
        return None
    container_id, instance, generation = parts
    is_instance = len(instance) == INSTANCE_DIGITS and not instance.strip(_HEX)
    if not container_id or not is_instance or not (generation.isascii() and generation.isdigit()):
        return None
    return container_id, instance, int(generation)
