"""inotify on a state root: it only says where to look.

    root       IN_MOVED_TO    a life begins            IN_MOVED_FROM   a life has ended
               IN_DELETE      somebody else removed a container, or the root itself: first of all its .staging
    .staging   IN_MOVED_FROM  <id>.<instance>.<generation>: a commit, by a name of its own, so that nothing merges

Two watches, however many containers. An overflow of the kernel's queue, or a watch that is lost, means: look at
everything. Source: inotify(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from inotify_simple import INotify, flags

from runtime.store.layout import DELETED, STAGING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtime.store.layout import RootFds

INSTANCE_DIGITS = 32
_HEX = frozenset("0123456789abcdef")
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

    def read(self) -> Look:
        """What has been seen since the last call; waits for nothing."""
        return self._look_for(self._inotify.read(timeout=0))

    def _look_for(self, events: Iterable[tuple[int, int, int, str]]) -> Look:
        ids: set[str] = set()
        lives: dict[tuple[str, str], int] = {}
        everything = overflowed = False
        for wd, mask, _, name in events:
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


def commit_of(name: str) -> tuple[str, str, int] | None:
    """Id, instance and generation of a commit by its name in .staging; None for anything else that lies there.

    An id may hold dots, so the name is taken apart from its end.
    """
    parts = name.rsplit(".", 2)
    if len(parts) != 3:
        return None
    container_id, instance, generation = parts
    is_instance = len(instance) == INSTANCE_DIGITS and not set(instance) - _HEX
    if not container_id or not is_instance or not (generation.isascii() and generation.isdigit()):
        return None
    return container_id, instance, int(generation)
