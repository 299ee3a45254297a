"""Bundles that run on any machine without an image: the host's /usr over an empty root directory."""

from __future__ import annotations

import copy
import json
import os
from typing import TYPE_CHECKING, Any, cast

from runtime.spec.default import default_config

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from runtime.spec.config import Config


def make_config(
    args: Sequence[str] = ("true",),
    *,
    rootless: bool | None = None,
    uid: int | None = None,
    gid: int | None = None,
    extra_mounts: Sequence[Mapping[str, Any]] = (),
    **changes: Any,
) -> Config:
    """A configuration that runs ``args`` without a terminal, for this user or for ``uid`` and ``gid``.

    ``changes`` are laid over it member by member: objects are merged, None removes, anything else replaces.
    """
    uid = os.geteuid() if uid is None else uid
    gid = os.getegid() if gid is None else gid
    config = default_config(
        rootless=uid != 0 if rootless is None else rootless,
        uid=uid,
        gid=gid,
        host_userland=True,
        args=args,
        terminal=False,
    )
    document = overlay(cast("dict[str, Any]", config), changes)
    document["mounts"] = [*document.get("mounts", ()), *extra_mounts]
    return cast("Config", document)


def make_bundle(
    directory: Path,
    *,
    args: Sequence[str] = ("true",),
    rootless: bool | None = None,
    uid: int | None = None,
    gid: int | None = None,
    extra_mounts: Sequence[Mapping[str, Any]] = (),
    **changes: Any,
) -> Path:
    """Make ``directory`` a bundle and return it; the parameters are those of ``make_config``.

    Made by root for another user, it belongs to that user, who must still be able to reach the directory.
    """
    config = make_config(args, rootless=rootless, uid=uid, gid=gid, extra_mounts=extra_mounts, **changes)
    directory.mkdir(exist_ok=True)
    rootfs = directory / config["root"]["path"]
    rootfs.mkdir(exist_ok=True)
    write_config(directory, config)
    if uid is not None and uid != os.geteuid():
        for path in (directory, rootfs, directory / "config.json"):
            os.chown(path, uid, uid if gid is None else gid)
    return directory


def write_config(directory: Path, config: Mapping[str, Any] | Config) -> None:
    """Replace the config.json of the bundle in ``directory``."""
    (directory / "config.json").write_text(json.dumps(config, indent=2))


def overlay(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``document`` with ``changes`` merged in; None removes a member."""
    merged = copy.deepcopy(dict(document))
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = overlay(merged[name], value)
        else:
            merged[name] = copy.deepcopy(value)
    return merged
