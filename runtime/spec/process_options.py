"""The process that exec adds, as options say it: the container's own ``process``, with other arguments.

Users are numbers, as with runc: a name would have to be looked up in the image's /etc/passwd, which may say anything.
Source: runc-exec(8).
"""

from __future__ import annotations

from runtime.errors import UsageFault
from runtime.kernel.capabilities import NUMBERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NamedTuple

    from runtime.spec.config import Config
else:
    from runtime.values import NamedTuple

LAST_ID = (1 << 32) - 2  # all ones stands for "no id" in the kernel
LAST_ID_DIGITS = 10
# --cap gives a capability to the program, and to nothing that the program executes (CVE-2022-29162)
GIVEN_SETS = ("bounding", "effective", "permitted")


class Changes(NamedTuple):
    """What differs from the container's process; None and empty change nothing."""

    args: tuple[str, ...] = ()
    cwd: str | None = None
    env: tuple[str, ...] = ()
    user: str | None = None
    additional_gids: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    no_new_privs: bool = False
    apparmor: str | None = None
    label: str | None = None


NOTHING = Changes()


def change_process(config: Config, changes: Changes, *, terminal: bool) -> Config:
    """``config`` with its process so changed.  UsageFault."""
    process: dict[str, Any] = {**config["process"], "args": list(changes.args), "terminal": terminal}
    if not changes.args:
        raise UsageFault("no program is named", hint="name it after the container, or a document with --process")
    if changes.cwd is not None:
        process["cwd"] = _directory(changes.cwd)
    process["env"] = _with_variables(process.get("env", ()), changes.env)
    process["user"] = _user(process.get("user", {"uid": 0, "gid": 0}), changes)
    if changes.capabilities:
        process["capabilities"] = _with_capabilities(process.get("capabilities", {}), changes.capabilities)
    if changes.no_new_privs:
        process["noNewPrivileges"] = True
    if changes.apparmor is not None:
        process["apparmorProfile"] = changes.apparmor
    if changes.label is not None:
        process["selinuxLabel"] = changes.label
    return {**config, "process": process}  # type: ignore[typeddict-item]


def _directory(path: str) -> str:
    if not path.startswith("/"):
        raise UsageFault(f'--cwd "{path}" is not absolute', hint="write the whole path, as the container sees it")
    return path


def _with_variables(env: Sequence[str], more: Sequence[str]) -> list[str]:
    """The last one of a name counts."""
    for entry in more:
        if entry.find("=") < 1:
            raise UsageFault(f'--env "{entry}" has no name and value', hint="write NAME=value")
    by_name = {entry.partition("=")[0]: entry for entry in (*env, *more)}
    return list(by_name.values())


def _user(user: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    changed = {**user}
    if changes.user is not None:
        uid, colon, gid = changes.user.partition(":")
        changed["uid"] = _id(uid, f'--user "{changes.user}"')
        if colon:
            changed["gid"] = _id(gid, f'--user "{changes.user}"')
    if changes.additional_gids:
        more = [_id(gid, f'--additional-gids "{gid}"') for gid in changes.additional_gids]
        changed["additionalGids"] = [*user.get("additionalGids", ()), *more]
    return changed


def _id(text: str, told: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= LAST_ID_DIGITS and int(text) <= LAST_ID:
        return int(text)
    raise UsageFault(f"{told} is no number of a user or group", hint="write it as in 1000 or 1000:1000")


def _with_capabilities(sets: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    for name in names:
        if name not in NUMBERS:
            raise UsageFault(f'--cap "{name}" is no capability', hint="write one as capabilities(7) does: CAP_NET_RAW")
    return {**sets, **{kind: [*sets.get(kind, ()), *names] for kind in GIVEN_SETS}}
