"""A follower of renames in a root's .staging: which generation each commit brought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from inotify_simple import INotify, flags

from watcher.directory import commit_of

if TYPE_CHECKING:
    from pathlib import Path


class Commits:
    """Those of one container in ``root``, from now on."""

    def __init__(self, root: Path | str, container_id: str) -> None:
        self._id = container_id
        self._inotify = INotify(nonblocking=True)
        self._inotify.add_watch(f"{root}/.staging", flags.MOVED_FROM | flags.ONLYDIR)

    def generations(self) -> list[int]:
        """In the order of the commits."""
        found = [commit_of(event.name) for event in self._inotify.read(timeout=0)]
        return [commit[2] for commit in found if commit is not None and commit[0] == self._id]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._inotify.close()
