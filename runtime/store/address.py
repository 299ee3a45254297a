"""Where the watcher of a root listens, for itself and for those who ask it.

    <run>/opencontainer/watcher.sock               the default root's
    <run>/opencontainer/watcher/<digest>/          0700: a watcher's own directory, by the root's real path
                        watcher.sock               any other root's
                        root                       a symbolic link to that path

``<run>/opencontainer`` is the directory that the default root lies in.
"""

from __future__ import annotations

import hashlib
import os

SOCKET = "watcher.sock"
DIGEST_DIGITS = 16


def private_directory(root: str, default_root: str) -> str:
    """The watcher's own directory for ``root``."""
    return os.path.join(os.path.dirname(default_root), "watcher", digest_of(os.path.realpath(root)))


def digest_of(path: str) -> str:
    """The name of the directory for the root whose real path that is."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:DIGEST_DIGITS]


def socket_path(root: str, default_root: str) -> str:
    """The socket that the watcher of ``root`` serves, unless it was told another."""
    if os.path.realpath(root) == os.path.realpath(default_root):
        return os.path.join(os.path.dirname(default_root), SOCKET)
    return os.path.join(private_directory(root, default_root), SOCKET)
