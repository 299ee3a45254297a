"""What the maker of a container opens for its mounts before the fork, since the first process may lack the right to it.

    bind into a user namespace   its source, which the container's root may not reach
    id-mapped mount              a user namespace that exists for its maps alone; a bind is opened and mapped at once

Source: runtime-spec: config.md#posix-platform-mounts; mount_setattr(2), ID-mapped mounts: Linux 5.12.
"""

from __future__ import annotations

import errno
import os

from runtime.errors import InitFault
from runtime.kernel import process
from runtime.kernel.files import let_go
from runtime.sandbox.mounting import RECEIVING, map_ids, open_bind, set_propagation
from runtime.sandbox.mounts import STEP
from runtime.sandbox.namespaces import map_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from runtime.sandbox.mounts import IdMap, MountStep
    from runtime.sandbox.namespaces import IdRange

SIGKILL = 9


class Sources:
    """The fds that are open for mounts; ``steps`` holds them.  ``joined_fd`` is the user namespace that is joined.

    ``lie_elsewhere``: sources are looked for in the mount namespace that is joined, so none is opened here.
    """

    def __init__(
        self, steps: Sequence[MountStep], *, spreads: bool, joined_fd: int | None, lie_elsewhere: bool = False
    ) -> None:
        self.steps = tuple(steps)
        self._spreads = spreads
        self._joined_fd = joined_fd
        self._lie_elsewhere = lie_elsewhere
        self._maps: dict[tuple[tuple[IdRange, ...], tuple[IdRange, ...]], int] = {}
        self._trees: list[int] = []

    def open(self, *, all_binds: bool) -> None:
        """Open what id maps, or with ``all_binds`` all binds, need.  InitFault names the mount."""
        opened = []
        for step in self.steps:
            try:
                opened.append(self._open(step, all_binds=all_binds))
            except OSError as error:
                raise InitFault(STEP, error.errno, f"{step.describe()}: {error.strerror}") from error
        self.steps = tuple(opened)

    def _open(self, step: MountStep, *, all_binds: bool) -> MountStep:
        map_fd = None if step.id_map is None else self._map_fd(step.id_map)
        if step.kind != "bind" or self._lie_elsewhere:
            return step._replace(map_fd=map_fd)
        if map_fd is None and not all_binds:
            return step
        try:
            tree = open_bind(step.source, recursive=step.options.is_recursive)
        except PermissionError as error:
            if error.errno == errno.EPERM and map_fd is None:
                return step  # we may not mount ourselves: the container's root can, in its namespace
            raise
        self._trees.append(tree)
        # unless mounts are to spread both ways, copies only receive, as all mounts of the container's namespace do
        if not self._spreads:
            set_propagation(tree, RECEIVING)
        if step.id_map is not None and map_fd is not None:
            map_ids(tree, map_fd, recursive=step.id_map.reaches_tree)
        return step._replace(tree_fd=tree)

    def _map_fd(self, asked: IdMap) -> int:
        if not asked.uid and self._joined_fd is not None:
            return self._joined_fd
        key = (asked.uid, asked.gid)
        if key not in self._maps:
            self._maps[key] = make_user_namespace(*key)
        return self._maps[key]

    def close(self) -> None:
        """Close them all, but the namespace that is joined, which is the caller's."""
        let_go(*self._trees, *self._maps.values())


def make_user_namespace(uid_map: Sequence[IdRange], gid_map: Sequence[IdRange]) -> int:
    """An fd of a user namespace with these maps, in which nobody lives.  OSError."""
    reading, writing = os.pipe()
    pid = process.clone3(process.CLONE_NEWUSER)
    if pid == 0:
        _hold_namespace(reading, writing)
    try:
        for kind, lines in (("uid", uid_map), ("gid", gid_map)):
            _write_map(pid, kind, lines)
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(reading)
        os.close(writing)
        process.kill_if_alive(pid, SIGKILL)
        os.waitpid(pid, 0)


def _write_map(pid: int, kind: str, lines: Sequence[IdRange]) -> None:
    fd = os.open(f"/proc/{pid}/{kind}_map", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, map_text(lines).encode())
    except OSError as error:
        raise OSError(error.errno, f"the kernel refuses its {kind} map: {error.strerror}") from None
    finally:
        os.close(fd)


def _hold_namespace(reading: int, writing: int) -> NoReturn:
    """Live until the maker has the namespace, or has ended."""
    try:
        os.close(writing)
        os.read(reading, 1)
    finally:
        os._exit(0)
