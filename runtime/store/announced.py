"""The other roots of this host: every root that isn't the default one is announced beside that.

    <run>/opencontainer/containers/            the default root
                        roots/<digest>         a symbolic link to another root's real path

The link is made before the root's first publish.  Its name is the first 32 hexadecimal digits of the SHA-256 of that
path.  ``delete`` leaves it; whoever finds that its target is gone removes it.  So one look at both finds every
container on the host.
"""

from __future__ import annotations

import os
import sys

from runtime.store.layout import is_trusted

DIRECTORY = "roots"
DIGEST_DIGITS = 32
DIRECTORY_MODE = 0o755


def directory(default_root: str) -> str:
    """Where the roots beside ``default_root`` are announced."""
    return os.path.join(os.path.dirname(default_root), DIRECTORY)


def announce(root: str, default_root: str) -> None:
    """Make the link of ``root`` unless it is the default one or has it already; OSError where that can't be done."""
    path = os.path.realpath(root)
    if path == os.path.realpath(default_root):
        return
    place = directory(default_root)
    link = os.path.join(place, _digest(path))
    if _target(link) == path:
        return
    _make_directory(place)
    _sweep(place)
    try:
        os.symlink(path, link)
    except FileExistsError:
        return  # another command announced it at the same time


def others(default_root: str) -> list[str]:
    """The paths of the announced roots that are there; links whose target is gone are removed."""
    place = directory(default_root)
    _sweep(place)
    return sorted(target for name in _names(place) if (target := _target(os.path.join(place, name))) is not None)


def trusted_others(default_root: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Those of ``others`` that nobody else could have planted, and the rest, each with the reason."""
    trusted, refused = [], []
    for path in others(default_root):
        try:
            reason = is_trusted(path)
        except FileNotFoundError:
            continue  # it has gone since
        if reason is None:
            trusted.append(path)
        else:
            refused.append((path, reason))
    return trusted, refused


def _digest(path: str) -> str:
    # hashlib loads OpenSSL, and containerd names a root with every command
    sha256 = __import__("_sha2" if sys.version_info >= (3, 12) else "_sha256").sha256
    digest: str = sha256(os.fsencode(path)).hexdigest()
    return digest[:DIGEST_DIGITS]


def _names(place: str) -> list[str]:
    try:
        return os.listdir(place)
    except FileNotFoundError:
        return []


def _target(link: str) -> str | None:
    try:
        return os.readlink(link)
    except OSError:
        return None  # not there, or no link: nothing that anybody announced


def _sweep(place: str) -> None:
    for name in _names(place):
        link = os.path.join(place, name)
        target = _target(link)
        if target is not None and not os.path.isdir(target):
            try:
                os.unlink(link)
            except OSError:
                continue  # gone by now, or not ours to remove


def _make_directory(place: str) -> None:
    for path in (os.path.dirname(place), place):
        try:
            os.mkdir(path)
        except FileExistsError:
            continue
        os.chmod(path, DIRECTORY_MODE)
