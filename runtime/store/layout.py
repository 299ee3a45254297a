"""What lies where in a state root, who may read it, and which names are allowed.

<root>/                     0750, group opencontainer where there is one; 0755 when asked to be public
  <id>/                     0755
    state.json              0644   the public record
    lock, action            0600   the two locks
    config.json, gate, ...  0600   what only the runtime needs
    mount                   0600   what to unmount, where the mount namespace is shared with others
    callers-keyring         0600   there, and empty, where the container was made with --no-new-keyring
    own-cgroup              0600   there, and empty, once nobody else's processes can be in the cgroup
    spare                   0600   blocks kept back for a full file system
  .staging/                 0755   everything is made here and renamed into place
    .sweep                  0600   held shared by makers, exclusively by sweepers
    <id>.<instance>.<generation>   a commit on its way: a watch sees its IN_MOVED_FROM
    <id>.<instance>.private        a private file on its way; no event
    <instance>.making, .gone       directories on their way in and out
  .deleted/<instance>/      0755   last records
  .watcher                  0600   held by the watcher at work
  .pidfds                   0600   its socket, for the pidfds of what begins
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from runtime.errors import BadIdentifier, BadRoot, NoSuchContainer
from runtime.kernel import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NamedTuple
else:
    from runtime.values import NamedTuple

STATE = "state.json"
CONFIG = "config.json"
MOUNT = "mount"
CALLERS_KEYRING = "callers-keyring"
OWN_CGROUP = "own-cgroup"
LOCK = "lock"
ACTION = "action"
SPARE = "spare"
STAGING = ".staging"
DELETED = ".deleted"
SWEEP = ".sweep"
PRUNED = ".pruned"
PIDFDS = ".pidfds"
RETIRED = "retired"
PRIVATE_SUFFIX = ".private"
MAKING_SUFFIX = ".making"
GONE_SUFFIX = ".gone"
NEW_SUFFIX = ".new"
NEW_DIGITS = 16

SYSTEM_ROOT = "/run/opencontainer/containers"
USER_ROOT = "opencontainer/containers"
READERS_GROUP = "opencontainer"

DIRECTORY_MODE = 0o755
PUBLIC_MODE = 0o644
PRIVATE_MODE = 0o600
ROOT_MODE = 0o750

ID_LIMIT_BYTES = 200
ID_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-."


def check_id(container_id: str) -> None:
    """Raise BadIdentifier unless the id may be joined to a path."""
    if not container_id or len(container_id) > ID_LIMIT_BYTES:
        reason = f"it has {len(container_id)} characters" if container_id else "it is empty"
    elif container_id.strip(ID_CHARACTERS):
        wrong = next(character for character in container_id if character not in ID_CHARACTERS)
        reason = f"it contains {wrong!r}"
    elif container_id[0] == ".":
        reason = "it starts with a dot"
    else:
        return
    raise BadIdentifier(
        f"the container id {container_id[:ID_LIMIT_BYTES]!r} is not allowed: {reason}",
        hint="use 1 to 200 letters, digits, and _ + - . without a leading dot",
    )


def default_root(environ: Mapping[str, str], *, euid: int, in_initial_userns: bool, outer_uid: int) -> str:
    """The system's root for euid 0 in the first user namespace, the user's own for everybody else."""
    if euid == 0 and in_initial_userns:
        return SYSTEM_ROOT
    return os.path.join(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{outer_uid}", USER_ROOT)


class RootFds(NamedTuple):
    """Directory fds of a state root; the dot directories are never replaced, so they stay good."""

    root: int
    staging: int
    deleted: int

    def close(self) -> None:
        """Close all three."""
        files.let_go(*self)


def open_root(path: str, *, make: bool, public: bool = False) -> RootFds:
    """The root's directory fds; ``make`` creates what is missing.

    Raises NoSuchContainer where there is no root and it isn't to be made (so it holds no container), BadRoot where it
    can't be used.
    """
    root = _open_or_make_root(path, make=make, public=public)
    opened = [root]
    try:
        for name in (STAGING, DELETED):
            opened.append(_open_inner(path, root, name, make=make))
        return RootFds(*opened)
    except BaseException:
        for fd in opened:
            os.close(fd)
        raise


def _open_or_make_root(path: str, *, make: bool, public: bool) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        if not make:
            raise NoSuchContainer("*") from None
    except OSError as error:
        raise BadRoot(
            f"the state root {path} can't be opened: {error.strerror}", hint="name another with --root"
        ) from None
    try:
        _make_root(path, public=public)
        return os.open(path, flags)
    except OSError as error:
        hint = "name another with --root, or set XDG_RUNTIME_DIR to a directory of yours"
        raise BadRoot(f"the state root {path} can't be made: {error.strerror}", hint=hint) from None


def _make_root(path: str, *, public: bool) -> None:
    path = os.path.abspath(path)  # a trailing slash would make the root's own name one of its parents
    parent = os.path.dirname(path)
    missing = []
    while not os.path.isdir(parent):
        missing.append(parent)
        parent = os.path.dirname(parent)
    for directory in reversed(missing):
        _make_directory(directory)
    # made under another name and renamed, so that nobody ever sees it with another mode or group
    _sweep_new(path)
    temporary, held = _begin_new(path)
    try:
        if not public:
            _give_to_readers(temporary)
        for name in (STAGING, DELETED):
            os.mkdir(f"{temporary}/{name}")
            os.chmod(f"{temporary}/{name}", DIRECTORY_MODE)
        os.chmod(temporary, DIRECTORY_MODE if public else ROOT_MODE)
        files.renameat2(files.AT_FDCWD, temporary, files.AT_FDCWD, path, files.RENAME_NOREPLACE)
    except BaseException as error:
        _remove_new(temporary)
        if not isinstance(error, FileExistsError):
            raise
    finally:
        files.let_go(held)


def _begin_new(path: str) -> tuple[str, int]:
    """A new directory beside ``path``, and the fd that holds its lock."""
    while True:
        temporary = f"{path}.{os.urandom(NEW_DIGITS // 2).hex()}{NEW_SUFFIX}"
        os.mkdir(temporary, 0o700)
        held = -1
        try:
            os.chmod(temporary, 0o700)  # the umask may have taken that from ourselves
            held = os.open(temporary, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(held, fcntl.LOCK_EX)
            os.stat(temporary)
        except BaseException as error:
            if held >= 0:
                files.let_go(held)
            _remove_empty(temporary)
            if not isinstance(error, FileNotFoundError):
                raise
            continue  # swept before it was locked, as if we had died
        return temporary, held


def _sweep_new(path: str) -> None:
    """Remove what whoever died while making this very root has left: nobody holds its lock."""
    parent, prefix = os.path.dirname(path), f"{os.path.basename(path)}."
    for name in os.listdir(parent):
        middle = name[len(prefix) : -len(NEW_SUFFIX)]
        if not (name.startswith(prefix) and name.endswith(NEW_SUFFIX) and len(middle) == NEW_DIGITS):
            continue
        try:
            fd = os.open(f"{parent}/{name}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue  # in place by now, or not ours
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove_new(f"{parent}/{name}")
        except BlockingIOError:
            pass  # its maker is at work
        finally:
            files.let_go(fd)


def _remove_new(temporary: str) -> None:
    for name in (STAGING, DELETED, ""):
        _remove_empty(f"{temporary}/{name}")


def _make_directory(path: str) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        return  # somebody else made it at the same time, with a mode of their choice
    os.chmod(path, DIRECTORY_MODE)


def _remove_empty(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError:
        return  # the first failure is the one that is told


def _give_to_readers(path: str) -> None:
    if os.geteuid() != 0:
        return
    import grp  # loads NSS libraries; only the very first create of a boot pays for it

    try:
        os.chown(path, -1, grp.getgrnam(READERS_GROUP).gr_gid)
    except KeyError:
        return  # no such group: root alone may look


def _open_inner(path: str, root: int, name: str, *, make: bool) -> int:
    try:
        return _open_directory(root, name)
    except FileNotFoundError:
        if not make:
            raise NoSuchContainer("*") from None
    except OSError as error:
        raise BadRoot(f"{path}/{name} can't be used: {error.strerror}", hint="name another root with --root") from None
    try:
        os.mkdir(name, dir_fd=root)
        os.chmod(name, DIRECTORY_MODE, dir_fd=root)
    except FileExistsError:
        pass  # another command made it at the same time
    except OSError as error:
        raise BadRoot(f"{path}/{name} can't be made: {error.strerror}", hint="name another root with --root") from None
    return _open_directory(root, name)


def _open_directory(parent: int, name: str) -> int:
    return files.open_within(parent, name, os.O_RDONLY | os.O_DIRECTORY)


def open_container(root: int, container_id: str) -> int:
    """The container's directory; NoSuchContainer where there is none.  Follows no symbolic link."""
    try:
        return _open_directory(root, container_id)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise NoSuchContainer(container_id) from None
        raise


def note(dir_fd: int, name: str) -> None:
    """Make a private file that tells by being there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(name, flags, PRIVATE_MODE, dir_fd=dir_fd)
    os.fchmod(fd, PRIVATE_MODE)  # whatever the umask
    os.close(fd)


def is_trusted(path: str) -> str | None:
    """Why somebody else could have planted ``path``, or None: each component is root's or ours, not writable by others.

    A sticky directory such as /tmp counts as safe above a directory that is ours: nobody else can rename that.
    """
    current = os.path.realpath(path)
    mine = (0, os.geteuid())
    inner_is_ours = False
    while True:
        found = os.stat(current)
        writable = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if found.st_uid not in mine:
            return f"{current} belongs to uid {found.st_uid}"
        if writable and not (found.st_mode & stat.S_ISVTX and inner_is_ours):
            return f"{current} is writable by others"
        if current == "/":
            return None
        inner_is_ours = True
        current = os.path.dirname(current)
